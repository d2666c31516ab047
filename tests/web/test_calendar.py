"""The forms of the calendar: who may freeze, stop and lift."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.served import Served, served
from tests.web.browsing import browser, send

pytestmark = pytest.mark.anyio


@pytest.fixture
async def service(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """The service on a database of its own."""
    async with served(sqlite_url, tmp_path) as running:
        yield running


async def test_whoever_is_no_release_manager_does_not_let_a_stopped_line_run(
    service: Served,
) -> None:
    http = await browser(service)
    await send(http, "/calendar/windows", reason="Fire", stop="yes")
    stop = (await http.get("/calendar.json")).json()["declared"][0]["id"]

    refused = await send(await browser(service, "hana"), f"/calendar/windows/{stop}/end")

    assert refused.status_code == 403
    assert [one["id"] for one in (await http.get("/calendar.json")).json()["declared"]] == [stop]
