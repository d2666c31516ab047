"""Who may approve a change, as its page says it."""

from pathlib import Path

import pytest

from tests.api.served import request, served
from tests.web.browsing import LARGE, browser

pytestmark = pytest.mark.anyio


async def test_nobody_is_named_twice_among_those_who_may_approve(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Ben is a release manager and, as one of the platform team, an owner of the status page."""
    async with served(sqlite_url, tmp_path) as service:
        asked = request(service="status-page", environment="production", facts=LARGE)
        change = (
            await (await service.pipeline("status-page")).post("/v1/changes", json=asked)
        ).json()
        page = (await (await browser(service)).get(f"/changes/{change['id']}")).text

    named = page.partition('<h2 id="who">')[2].partition("</section>")[0]
    assert [named.count(name) for name in ("Ben Okafor", "Ada Ekberg", "Goran Petrov")] == [1] * 3
