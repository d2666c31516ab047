"""The frame of every page: the navigation, and the strip that says whether production is open."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.served import Served
from tests.web.browsing import browser, send, stranger, waiting

pytestmark = pytest.mark.anyio

PAGES = (
    "/",
    "/log",
    "/calendar",
    "/calendar/windows",
    "/reviews",
    "/policies",
    "/insights",
    "/sightings",
    "/administration",
    "/no-such-page",
    "/changes/chg_00000000000000000000000000",
)


def strip_of(page: str) -> str:
    """What the strip says, without its markup."""
    (found,) = re.findall(r'<section class="strip".*?</section>', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", "", found).split())


async def test_every_page_says_that_the_line_is_stopped_by_whom_and_why(service: Served) -> None:
    http, other = await browser(service), await browser(service, "lena")
    await send(http, "/calendar/windows", reason="The disks burn", stop="yes")

    said = {page: strip_of((await http.get(page)).text) for page in PAGES}
    seen_by_other = (await other.get("/")).text

    assert '<li class="lamp closed">' in seen_by_other
    assert {page for page, text in said.items() if "STOPPED by Ada Ekberg" not in text} == set()
    assert {page for page, text in said.items() if "s ago: The disks burn" not in text} == set()
    assert {page for page, text in said.items() if "Resume" not in text} == set()
    assert "STOPPED by Ada Ekberg" in strip_of(seen_by_other)
    assert "Resume" not in strip_of(seen_by_other)


async def test_a_frozen_production_is_not_said_to_be_open(service: Served) -> None:
    http = await browser(service)
    ends = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    await send(http, "/calendar/windows", reason="Closing", ends=ends)
    await waiting(service)

    said = strip_of((await http.get("/")).text)

    assert "Production: frozen until" in said
    assert "1 held" in said
    assert "open" not in said


@pytest.mark.parametrize(
    ("person", "offered"), [("ada", ["Freeze", "Stop the line"]), ("lena", [])]
)
async def test_freeze_and_stop_are_offered_to_whom_may(
    service: Served, person: str, offered: list[str]
) -> None:
    page = (await (await browser(service, person)).get("/")).text

    assert [word for word in ("Freeze", "Stop the line") if word in strip_of(page)] == offered


async def test_who_is_not_signed_in_learns_nothing(service: Served) -> None:
    http = await browser(service)
    await send(http, "/calendar/windows", reason="The disks burn", stop="yes")

    pages = [await stranger(service).get(page) for page in ("/login", "/no-such-page")]

    assert ["strip" in one.text or "disks" in one.text for one in pages] == [False, False]


async def test_where_some_services_are_frozen_production_is_not_said_to_be_open(
    service: Served,
) -> None:
    http = await browser(service)
    ends = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    of = len(service.gate.rulebooks.latest.catalogue.services)
    await send(http, "/calendar/windows", reason="New disks", ends=ends, services="web")

    one = strip_of((await http.get("/")).text)
    await send(http, "/calendar/windows", reason="New racks", ends=ends, services="checkout")
    two = strip_of((await http.get("/")).text)

    assert f"Production: 1 of {of} services frozen, until" in one
    assert f"Production: 2 of {of} services frozen, the last until" in two
    assert ["open" in said for said in (one, two)] == [False, False]


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("/", "Queue"),
        ("/policies", "Policies"),
        ("/backtests", "Policies"),
        ("/weekly/waits?week=2026-W40", "Insights"),
        ("/scorecard", "Insights"),
        ("/services/web", "Insights"),
        ("/reports/bypass", "Insights"),
        ("/administration", "Administration"),
    ],
)
async def test_the_navigation_shows_to_which_of_its_pages_a_page_belongs(
    service: Served, address: str, label: str
) -> None:
    page = (await (await browser(service)).get(address)).text

    assert re.findall(r'aria-current="page">([^<]+)</a>', page.partition("</nav>")[0]) == [label]
