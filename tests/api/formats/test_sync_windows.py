"""Freezes as sync windows of Argo CD: judged as Argo CD judges them, and gone when they end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.api.formats.sync_windows import ALWAYS, written
from gate.flow.answers.calendar import WindowAnswer
from gate.flow.caller import Role
from tests.api.served import Served
from tests.builders import Wire

pytestmark = pytest.mark.anyio

PLACE = "/v1/services/checkout/environments/production"
MINUTES = {"m": 1, "h": 60}


def is_denied(windows: list[dict[str, Any]], at: datetime) -> bool:
    """As Argo CD finds it out: the latest start of the cron line that is not after `at`, and the
    time since then; seconds are cut off.
    """
    return any(_is_open(one, at) for one in windows)


def _is_open(window: dict[str, Any], at: datetime) -> bool:
    assert (window["kind"], window["manualSync"], window["timeZone"]) == ("deny", False, "UTC")
    length = timedelta(minutes=int(window["duration"][:-1]) * MINUTES[window["duration"][-1]])
    if window["schedule"] == ALWAYS:
        return length > timedelta(minutes=1)
    minute, hour, day, month, weekday = window["schedule"].split()
    assert weekday == "*"
    starts = (
        datetime(year, int(month), int(day), int(hour), int(minute), tzinfo=UTC)
        for year in (at.year, at.year - 1)
    )
    start = next(one for one in starts if one <= at)
    return at < start + length


def window(begins: datetime, ends: datetime | None) -> WindowAnswer:
    """A freeze."""
    return WindowAnswer("frz_1", "Because", ends is None, begins, ends, (), ())


@pytest.mark.parametrize("seconds", [0, 1, 59])
@pytest.mark.parametrize("hours", [1, 71, 24 * 40])
def test_h6_every_second_of_a_window_is_denied(seconds: int, hours: int) -> None:
    begins = datetime(2026, 12, 20, 13, 5, seconds, tzinfo=UTC)
    ends = begins + timedelta(hours=hours, seconds=seconds)
    found = written([window(begins, ends)], ["*"])

    assert is_denied(found, begins)
    assert is_denied(found, ends - timedelta(seconds=1))
    assert not is_denied(found, begins - timedelta(minutes=1))
    assert not is_denied(found, ends + timedelta(minutes=1))


def test_h6_a_stopped_line_is_denied_as_long_as_it_is_listed() -> None:
    found = written([window(datetime(2026, 1, 5, tzinfo=UTC), None)], ["checkout-*"])

    assert is_denied(found, datetime(2029, 7, 1, 3, 4, tzinfo=UTC))
    assert found[0]["applications"] == ["checkout-*"]


async def listed(service: Served, address: str = PLACE, **params: Any) -> list[Wire]:
    """What a reader is given."""
    auditor = await service.auditor()
    response = await auditor.get(f"{address}/sync-windows", params=params)
    assert response.status_code == 200, response.text
    found: list[Wire] = response.json()["spec"]["syncWindows"]
    return found


async def test_h6_one_switch_opens_and_closes_all_forms(service: Served) -> None:
    manager = await service.signed_in("ada")
    assert await listed(service) == []
    said = await manager.post("/v1/freezes", json={"stop": True, "reason": "The database"})
    assert said.status_code == 201, said.text

    assert [one["description"] for one in await listed(service)] == [said.json()["id"]]
    assert "stopped" in (await picture(service))
    assert (await (await service.auditor()).get(PLACE)).json()["hold"]["stop"] is True

    assert (await manager.delete(f"/v1/freezes/{said.json()['id']}")).status_code == 200
    assert await listed(service) == []
    assert "open" in (await picture(service))


async def test_h6_the_window_of_another_place_is_not_in_it(service: Served) -> None:
    manager = await service.signed_in("ada")
    await manager.post(
        "/v1/freezes", json={"stop": True, "reason": "Only web", "services": ["web"]}
    )

    assert await listed(service) == []
    assert len(await listed(service, PLACE.replace("checkout", "web"))) == 1


@pytest.mark.parametrize(
    "place", ["/v1/services/chekout/environments/production", f"{PLACE}s"], ids=["service", "place"]
)
async def test_h6_a_misspelt_name_is_never_open(service: Served, place: str) -> None:
    manager, auditor = await service.signed_in("ada"), await service.auditor()
    named = {"services": ["checkout"], "environments": ["production"]}
    said = await manager.post("/v1/freezes", json={"stop": True, "reason": "Because", **named})
    assert said.status_code == 201, said.text

    refused = await auditor.get(f"{place}/sync-windows")

    assert (refused.status_code, "did you mean" in refused.text) == (404, True)
    shown = await picture(service, place)
    assert "unknown" in shown
    assert "open" not in shown


@pytest.mark.parametrize("bad", ["", "a b", "a\nb", "x" * 201, '"'])
async def test_h6_what_is_no_name_of_an_application_is_refused(service: Served, bad: str) -> None:
    auditor = await service.auditor()

    response = await auditor.get(f"{PLACE}/sync-windows", params={"applications": bad})

    assert response.status_code == 422


async def picture(service: Served, place: str = PLACE) -> str:
    """The badge."""
    response = await (await service.auditor()).get(f"{place}/badge.svg")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("image/svg+xml")
    assert "script" not in response.text
    return response.text


async def test_h6_a_badge_shows_a_strange_name_as_text(service: Served) -> None:
    shown = await picture(service, "/v1/services/%3Cb%20onload='x'%3E%22/environments/a")

    assert "<b" not in shown
    assert "&lt;b onload='x'&gt;" in shown


async def test_h6_a_badge_takes_a_token_as_a_password_and_nobody_without(service: Served) -> None:
    token = await service.token(Role.AUDITOR)
    nobody = service.anybody()

    assert (await nobody.get(f"{PLACE}/badge.svg")).status_code == 401
    assert (await nobody.get(f"{PLACE}/badge.svg", auth=("badge", token))).status_code == 200


async def test_h6_a_pipeline_sees_its_own_services_alone(service: Served) -> None:
    pipeline = await service.pipeline("web")

    for form in ("badge.svg", "sync-windows"):
        own = await pipeline.get(f"{PLACE.replace('checkout', 'web')}/{form}")
        other = await pipeline.get(f"{PLACE}/{form}")
        assert (own.status_code, other.status_code) == (200, 403)
