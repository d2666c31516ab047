"""The log for people: one line a change, and its decisions fold out."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.web.log import by_change
from tests.answers import log_row
from tests.api.served import Served, served
from tests.web.browsing import ORDINARY, browser, send, waiting

pytestmark = pytest.mark.anyio


@pytest.fixture
async def service(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """The service on a database of its own."""
    async with served(sqlite_url, tmp_path) as running:
        yield running


async def test_a_line_says_what_it_is_who_approved_it_and_what_became_of_it(
    service: Served,
) -> None:
    change = await waiting(
        service, title="Round half to even", facts=ORDINARY, requested_by="lena@example.com"
    )
    for person in ("ada", "ben"):
        await send(
            await browser(service, person),
            f"/changes/{change['id']}/decisions",
            act="approve",
            subject_digest=change["subject_digest"],
        )

    http = await browser(service)
    page = (await http.get("/log")).text
    (row,) = (await (await service.auditor()).get("/v1/log")).json()["items"]
    table = (await (await service.auditor()).get("/v1/log?format=csv")).text

    assert (row["title"], row["state"], row["outcome"]) == (
        "Round half to even",
        "approved",
        "pending",
    )
    assert (row["result"], row["approved_by"]) == (None, ["Ada Ekberg", "Ben Okafor"])
    assert "Round half to even" in page
    assert "Ada Ekberg" in page.partition("<tbody>")[2]
    assert "by <bdi>Lena Vogel</bdi>" in page
    assert "Round half to even,normal,review,pending,approved,,Ada Ekberg; Ben Okafor," in table


async def test_a_freeze_is_told_by_its_reason_and_a_clock_time_and_kept_by_its_id(
    service: Served,
) -> None:
    http = await browser(service)
    ends = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=2)
    await send(http, "/calendar/windows", reason="The index moves", ends=f"{ends:%Y-%m-%dT%H:%M}")
    change = await waiting(service, facts=ORDINARY)

    page, queue = (await http.get("/log")).text, (await http.get("/?q=is:held")).text
    of_change = (await http.get(f"/changes/{change['id']}")).text
    auditor = await service.auditor()
    (row,) = (await auditor.get("/v1/log")).json()["items"]
    export = (await auditor.get(f"/v1/changes/{change['id']}/decisions")).json()["items"][0]

    until = f"until {ends.day} {ends:%b %Y, %H:%M} UTC"
    said = f'frozen {until}: "The index moves"'
    assert change["reasons"][0]["because"] == said
    assert row["reasons"][0]["because"] == said
    assert export["reasons"][0]["because"] == said
    assert change["hold"]["window"].startswith("frz_")
    for shown in (page, queue, of_change):
        assert f"frozen by {change['hold']['window']}" not in shown
    assert until in page


async def test_an_approval_that_was_taken_back_approved_nothing(service: Served) -> None:
    http, change = await browser(service), await waiting(service, facts=ORDINARY)
    page = f"/changes/{change['id']}"
    await send(http, f"{page}/decisions", act="approve", subject_digest=change["subject_digest"])
    await send(http, f"{page}/approvals/end")

    (row,) = (await (await service.auditor()).get("/v1/log")).json()["items"]

    assert row["approved_by"] == []


async def test_what_was_canceled_says_by_whom_and_that_nobody_said_why(service: Served) -> None:
    change = await waiting(service, facts=ORDINARY)
    await send(await browser(service, "ben"), f"/changes/{change['id']}/cancellation")

    queue = (await (await browser(service)).get("/?q=is:decided")).text

    assert "No reason was given" in queue
    assert "<bdi>Ben Okafor</bdi>" in queue.partition('class="age"')[2]


def test_rows_of_one_change_stand_together_where_its_newest_row_does() -> None:
    rows = [
        log_row(change=change, decision=number)
        for change, number in (("a", 2), ("b", 1), ("a", 1), ("c", 1))
    ]

    found = [[(row.change, row.decision) for row in group] for group in by_change(rows)]

    assert found == [[("a", 2), ("a", 1)], [("b", 1)], [("c", 1)]]
