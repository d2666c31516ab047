"""The calendar: windows as bars, planned changes with title and hour, deployments a day with how
many failed.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from gate.core.change import Result
from tests.api.served import Served, admission, request, served
from tests.shipped import never_frozen
from tests.web.browsing import browser, waiting

pytestmark = pytest.mark.anyio


async def deploy(service: Served, result: Result, run: str, commit: str) -> None:
    """Deploy `web` to staging, where it passes by itself."""
    http = await service.pipeline()
    running = (await http.get("/v1/services/web/environments/staging")).json()["running"]
    asked = request(run, commit=commit * 40, base=running and running["commit"])
    change = (await http.post("/v1/changes", json=asked)).json()["id"]
    admitted = await http.post(
        f"/v1/changes/{change}/admission", json=admission(run, commit=commit * 40)
    )
    assert admitted.status_code == 200, admitted.text
    await http.post(f"/v1/changes/{change}/closure", json={"result": result})


def cell(page: str, day: datetime) -> str:
    """What stands on the day in the month."""
    _, _, begins = page.partition(f'<span class="aside">{day:%A} </span>{day.day}<')
    return begins.partition("</div>")[0]


async def month(http: httpx.AsyncClient, day: datetime, **query: str) -> str:
    """The month with this day in it."""
    return (await http.get("/calendar", params={"at": f"{day:%Y-%m-%d}", **query})).text


async def test_deployments_of_a_day_are_counted_with_those_that_failed(service: Served) -> None:
    await deploy(service, Result.SUCCESSFUL, "1", "a")
    await deploy(service, Result.UNSUCCESSFUL, "2", "b")
    now = datetime.now(UTC)
    http = await browser(service)

    staging = await month(http, now, environment="staging")
    production = await month(http, now)
    other = await month(http, now, environment="staging", service="search")

    assert ">2<" in cell(staging, now)
    assert ", 1 failed</span>" in cell(staging, now)
    assert "badge bad" in cell(staging, now)
    assert "failed" not in cell(production, now)
    assert "failed" not in cell(other, now)
    data = (await http.get(f"/calendar.json?environment=staging&at={now:%Y-%m-%d}")).json()
    assert data["deployed"] == [{"day": f"{now:%Y-%m-%d}", "deployments": 2, "failed": 1}]
    assert data["counted"] == ["staging"]


async def test_a_planned_change_has_its_title_and_its_hour(service: Served) -> None:
    start = (datetime.now(UTC) + timedelta(days=2)).replace(hour=9, minute=30)
    ends = start + timedelta(hours=2)
    change = await waiting(
        service,
        title="Move the <b>carts</b>",
        planned={"start": start.isoformat(), "end": ends.isoformat()},
    )
    http = await browser(service)
    zone = service.gate.rulebooks.latest.calendar.zone
    local = start.astimezone(zone)

    page = await month(http, local)

    assert f"<strong>{local:%H:%M}</strong> <bdi>Move the &lt;b&gt;carts&lt;/b&gt;</bdi>" in cell(
        page, local
    )
    assert f'href="/changes/{change["id"]}"' in cell(page, local)
    assert "<b>carts" not in page


async def test_a_freeze_is_a_bar_over_its_days_and_is_read_on_each_of_them(
    service: Served,
) -> None:
    http = await browser(service)
    begins = datetime(2031, 3, 3, 10, tzinfo=UTC)
    ask = {
        "reason": "Inventory",
        "begins": begins.isoformat(),
        "ends": (begins + timedelta(days=2)).isoformat(),
        "environments": ["production"],
    }
    assert (await http.post("/v1/freezes", json=ask)).status_code == 201

    page = await month(http, begins)

    days = [cell(page, begins + timedelta(days=number)) for number in range(-1, 4)]
    assert ["Inventory" in one for one in days] == [False, True, True, True, False]
    assert "window begins w3" in days[1]
    assert 'class="rest">' in days[2]
    assert "window ends w3" in days[3]


async def test_no_page_of_the_calendar_has_a_style_of_its_own(service: Served) -> None:
    http = await browser(service)

    for address in ("/calendar", "/insights", "/services/web"):
        assert " style=" not in (await http.get(address)).text


WEEKLY = """\
time_zone: Europe/Berlin
business_hours: {days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00"}
freezes:
  - id: friday-evening
    reason: Nobody is here until Monday
    begins: 2026-01-02T16:00
    lasts: 64h
    rrule: FREQ=WEEKLY;BYDAY=FR
    environments: [production]
    override_by: [release-managers]
"""


async def test_a_weekly_window_stands_once_in_the_table_with_its_other_days(
    sqlite_url: str, tmp_path: Path
) -> None:
    policies = never_frozen(tmp_path)
    (policies / "calendar.yaml").write_text(WEEKLY)
    async with served(sqlite_url, tmp_path, policies=policies) as service:
        page = await month(await browser(service), datetime(2031, 3, 12, tzinfo=UTC))

    table = page.partition('aria-label="Windows"')[2].partition("</table>")[0]
    assert table.count("Nobody is here until Monday") == 1
    assert "and again on 28 Feb, 7 Mar, 14 Mar, 21 Mar, 28 Mar, 4 Apr" in table
