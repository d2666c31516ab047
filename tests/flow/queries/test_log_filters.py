"""Every filter of the log finds what it names, and nothing else."""

from typing import Any

import pytest

from gate.core.change import Repository, Run
from gate.flow.queries import log
from gate.storage.changes.log import LogFilters
from tests.builders import ISSUER, commit_of
from tests.flow.shop import AUDITOR, Shop

pytestmark = pytest.mark.anyio


async def found(shop: Shop, **filters: Any) -> list[str | None]:
    """The changes whose decisions it finds, as a page and as a stream."""
    page = [row.change for row in (await log.page(shop.gate, LogFilters(**filters), AUDITOR)).items]
    assert [row.change async for row in log.stream(shop.gate, LogFilters(**filters))] == page
    return page


async def test_each_filter_finds_what_it_names(shop: Shop) -> None:
    first = await shop.submit("a", repository=Repository(ISSUER, 1001, "acme/checkout"))
    await shop.adopt(expires_after="25h")
    second = await shop.submit("b", run=Run("17", 1, ""), environment="staging", claims={})

    named = {
        "change": first["id"],
        "commit": commit_of("a"),
        "run": "a",
        "issuer": ISSUER,
        "repository": 1001,
        "policy": "production",
        "revision": first["policy"]["revision"],
        "standard_change": "everyday",
    }
    for name, value in named.items():
        assert await found(shop, **{name: value}) == [first["id"]], name
    assert await found(shop, run="17", policy="staging", revision=second["policy"]["revision"]) == [
        second["id"]
    ]
    assert (
        await found(shop, issuer=ISSUER, repository=1002)
        == await found(shop, commit=commit_of("a"), run="17")
        == []
    )
