"""Freezing and stopping: who may, what it would hold, and a form that keeps what was typed."""

import pytest

from tests.api.served import Served
from tests.web.browsing import browser, send, waiting

pytestmark = pytest.mark.anyio


async def test_whoever_is_no_release_manager_does_not_let_a_stopped_line_run(
    service: Served,
) -> None:
    http = await browser(service)
    await send(http, "/calendar/windows", reason="Fire", stop="yes")
    stop = (await http.get("/calendar.json")).json()["declared"][0]["id"]

    refused = await send(await browser(service, "hana"), f"/calendar/windows/{stop}/end")

    assert refused.status_code == 403
    assert [one["id"] for one in (await http.get("/calendar.json")).json()["declared"]] == [stop]


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        pytest.param("ends", "tomorrow", id="no time"),
        pytest.param("ends", "2026-01-01T00:00", id="over already"),
        pytest.param("zone", "../etc/passwd", id="a zone that is a path"),
        pytest.param("zone", "Mars/Olympus", id="a zone that is not there"),
        pytest.param("services", "chekout", id="a misspelt service"),
    ],
)
async def test_a_refused_form_keeps_all_that_was_typed_and_declares_nothing(
    service: Served, field: str, typed: str
) -> None:
    http = await browser(service)
    sent = {
        "reason": "The disks <are> moved",
        "begins": "2150-01-01T10:00" if typed != "2026-01-01T00:00" else "",
        "ends": "2150-01-01T12:00",
        "environments": "staging",
        field: typed,
    }

    refused = await send(http, "/calendar/windows", **sent)

    assert refused.status_code == 422
    assert "The disks &lt;are&gt; moved</textarea>" in refused.text
    assert "<option selected>staging</option>" in refused.text
    assert f'name="ends" value="{sent["ends"]}"' in refused.text
    assert "Nothing was done." in refused.text
    assert (await http.get("/calendar.json")).json()["declared"] == []


async def test_the_error_stands_at_its_field(service: Served) -> None:
    http = await browser(service)

    refused = await send(http, "/calendar/windows", reason="x", ends="tomorrow")

    assert 'aria-invalid="true" aria-describedby="error-ends"' in refused.text
    assert '<p class="error" id="error-ends">tomorrow is no time' in refused.text


async def test_a_window_without_an_end_is_refused_in_words_of_its_form(service: Served) -> None:
    page = await send(await browser(service), "/calendar/windows", reason="New racks")

    assert page.status_code == 422
    assert 'id="error-ends">Say when it ends. Only a stopped line has no end.<' in page.text
    assert "`" not in page.text


async def test_times_are_meant_in_the_zone_that_the_form_names(service: Served) -> None:
    http = await browser(service)
    times = {"begins": "2150-01-01T10:00", "ends": "2150-01-01T12:00"}

    await send(http, "/calendar/windows", reason="x", zone="Asia/Kathmandu", **times)

    (window,) = (await http.get("/calendar.json")).json()["declared"]
    assert window["begins"] == "2150-01-01T04:15:00Z"


async def test_to_ask_what_a_window_would_hold_declares_nothing(service: Served) -> None:
    http, change = await browser(service), await waiting(service)

    shown = await send(http, "/calendar/windows", act="look", stop="yes", reason="Perhaps")

    assert change["hold"] is None
    assert "Holds 1 change now" in shown.text
    assert "Perhaps</textarea>" in shown.text
    assert (await http.get("/calendar.json")).json()["declared"] == []


async def test_nobody_sees_a_form_they_may_not_use(service: Served) -> None:
    shown = await (await browser(service, "lena")).get("/calendar/windows?stop=yes")

    assert "you are in none of these groups" in shown.text
    assert 'name="reason"' not in shown.text
