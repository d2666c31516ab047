"""The headline of a change is what happened to it."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api.served import Served, admission, request, served
from tests.flow.shop import make_files
from tests.web.browsing import browser, send, waiting

pytestmark = pytest.mark.anyio

BOTH = (
    "[{from_band: low, approvals: 1, by: [release-managers, on-call]},"
    " {from_band: low, approvals: 1, by: [owners]}]"
)


@pytest.fixture
async def service(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """Production asks a release manager or somebody on call, and an owner."""
    folder = tmp_path / "policies"
    folder.mkdir()
    for name, text in make_files(review=BOTH).items():
        (folder / name).write_text(text, encoding="utf-8")
    async with served(sqlite_url, tmp_path, policies=folder) as running:
        yield running


async def _headline(service: Served, change: Mapping[str, Any]) -> str:
    page = (await (await browser(service, "chloe")).get(f"/changes/{change['id']}")).text
    return page.partition('<p class="verdict ')[2].partition(">")[2].partition("</p>")[0]


async def _say(service: Served, who: str, change: Mapping[str, Any], act: str) -> None:
    http, digest = await browser(service, who), change["subject_digest"]
    address = f"/changes/{change['id']}/decisions"
    await send(http, address, act=act, comment="It locks orders", subject_digest=digest)


async def test_one_of_each_is_needed_where_one_of_each_is_needed(service: Served) -> None:
    change = await waiting(service)

    queue = (await (await browser(service, "farida")).get("/?q=is:others")).text

    assert "needs 1 of release-managers or on-call and 1 of team-web" in queue
    assert (
        await _headline(service, change)
        == "Needs 1 more of release-managers or on-call and 1 more of team-web."
    )


async def test_it_goes_with_the_change_from_its_approvals_to_its_end(service: Served) -> None:
    change = await waiting(service)
    page, pipeline = f"/v1/changes/{change['id']}", await service.pipeline()

    await _say(service, "ada", change, "approve")
    half = await _headline(service, change)
    await _say(service, "lena", change, "approve")
    approved = await _headline(service, change)
    await pipeline.post(f"{page}/admission", json=admission(environment="production"))
    deploying = await _headline(service, change)
    await pipeline.post(f"{page}/closure", json={"result": "rolled_back"})
    failed = await _headline(service, change)

    by = "Approved by Ada Ekberg and Lena Vogel"
    assert (half, approved, deploying) == (
        "Needs 1 more of team-web.",
        f"{by}, waiting to deploy.",
        f"Deploying. {by}.",
    )
    assert failed.startswith(("Failed: rolled back at once.", "Failed: rolled back after "))


async def test_a_rejection_has_its_name_and_reason_and_is_no_approval(service: Served) -> None:
    change = await waiting(service)
    await _say(service, "ada", change, "reject")
    rejected = await _headline(service, change)

    await send(await browser(service, "ben"), f"/changes/{change['id']}/overrides", comment="No")

    assert rejected == "Rejected by Ada Ekberg: It locks orders"
    assert await _headline(service, change) == (
        "Rejected by Ada Ekberg: It locks orders Ben Okafor lifted the rejection."
    )


async def test_what_is_over_is_no_longer_said_to_be_held(service: Served) -> None:
    http, ends = await browser(service), f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    await send(http, "/calendar/windows", reason="The index moves", ends=ends)
    change = await waiting(service)
    waits = (await http.get(f"/changes/{change['id']}")).text
    await _say(service, "ada", change, "reject")

    rejected = (await http.get(f"/changes/{change['id']}")).text

    assert ["Held by a freeze" in page for page in (waits, rejected)] == [True, False]


async def test_what_passed_by_itself_says_why_and_what_was_withdrawn_says_by_whom(
    service: Served,
) -> None:
    pipeline = await service.pipeline()
    change = (await pipeline.post("/v1/changes", json=request())).json()
    passed = await _headline(service, change)

    address = f"/changes/{change['id']}/cancellation"
    await send(await browser(service, "ben"), address, comment="Not needed")

    assert passed.startswith("Approved automatically: Everyday")
    assert passed.endswith(", waiting to deploy.")
    assert await _headline(service, change) == "Canceled by Ben Okafor: Not needed"
