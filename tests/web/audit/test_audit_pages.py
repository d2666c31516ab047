"""The pages for auditors: reports, controls and the authority map, in the words of people."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.flow.audit import reports
from tests.api.served import Served, served
from tests.flow.shop import make_files
from tests.web.browsing import ORDINARY, browser, send, waiting

pytestmark = pytest.mark.anyio


async def _rows(service: Served, address: str, person: str = "ada") -> list[list[str]]:
    """The cells of the table of this page, as their text."""
    page = (await (await browser(service, person)).get(address)).text
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[dh][^>]*>(.*?)</t", row)]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.DOTALL)
    ]


async def test_a_report_names_its_first_row_and_says_shares_in_percent(service: Served) -> None:
    (row,) = await _rows(service, "/reports/bypass")

    assert row[:3] == ["all services", "all environments", "0"]
    assert re.fullmatch(r"[0-9.]+ %", row[-1])


async def test_a_report_says_its_times_as_people_do(service: Served) -> None:
    await waiting(service, facts=ORDINARY)
    http = await browser(service)

    page = (await http.get("/reports/by-policy-revision")).text

    table = page.partition("<tbody>")[2].partition("</tbody>")[0]
    assert table.count("<time datetime=") == 2
    assert not re.search(r">[0-9]{4}-[0-9]{2}-[0-9]{2}T", page)


async def test_a_report_names_a_change_by_its_title_and_its_id(service: Served) -> None:
    change = await waiting(service, title="Round half to even", facts=ORDINARY)
    http, page = await browser(service), f"/changes/{change['id']}"
    said = {"comment": "It locks orders", "subject_digest": change["subject_digest"]}
    await send(http, f"{page}/decisions", act="reject", **said)
    await send(http, f"{page}/overrides", comment="The lock is gone")

    report = (await http.get("/reports/overrides")).text

    assert f'<a href="{page}"><bdi>Round half to even</bdi></a>' in report
    assert f"<code>{change['id']}</code>" in report
    assert "1 row, digest" in report


async def test_the_days_of_a_report_are_whole_days_and_the_last_one_is_in_it(
    service: Served,
) -> None:
    await waiting(service, facts=ORDINARY)
    http, today = await browser(service), datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)

    until_yesterday = await http.get(f"/reports/by-policy-revision?from=&to={yesterday}")
    until_today = await http.get(f"/reports/by-policy-revision?from={yesterday}&to={today}")
    exact = await http.get(f"/reports/by-policy-revision?to={yesterday}T00:00:00Z")

    assert "No row answers the question" in until_yesterday.text
    assert "<tbody>" in until_today.text
    assert f'name="from" value="{yesterday}"' in until_today.text
    assert f'name="to" value="{today}"' in until_today.text
    assert f'name="to" value="{yesterday - timedelta(days=1)}"' in exact.text


@pytest.mark.parametrize("day", ["2026-02-31", "9999-12-31", "yesterday"])
async def test_a_day_that_is_none_is_refused(service: Served, day: str) -> None:
    answer = await (await browser(service)).get(f"/reports/bypass?to={day}")

    assert answer.status_code == 422


@pytest.mark.parametrize("name", reports.REPORTS)
async def test_every_report_has_a_page_with_its_digest(service: Served, name: str) -> None:
    page = (await (await browser(service)).get(f"/reports/{name}")).text

    assert reports.REPORTS[name].title in page
    assert re.search(r"digest <code>[0-9a-f]{64}</code>", page)


async def test_controls_call_reports_by_their_titles(service: Served) -> None:
    page = (await (await browser(service)).get("/controls")).text

    called = dict(re.findall(r'href="/reports/([a-z-]+)">([^<]+)</a>', page))
    assert called
    assert called == {name: reports.REPORTS[name].title for name in called}


async def test_the_map_has_a_row_for_each_place_and_one_place_has_its_people(
    service: Served,
) -> None:
    rows = await _rows(service, "/authority")
    people = await _rows(service, "/authority?service=web&environment=production")

    assert [row[0] for row in rows if row[0].startswith("web")] == [
        f"web → {place}" for place in ("development", "production", "staging", "testing")
    ]
    production = next(row for row in rows if row[0] == "web → production")
    assert production[1:4] == [
        "1 of release-managers or team-web",  # low and moderate
        "2 of release-managers or team-web",
        "1 of change-authority1 of team-web",
    ]
    managers = "Ada Ekberg, Ben Okafor, Chloe Martin"
    assert ["Override a stopped line", "1 of release-managers", managers] in people


async def test_a_group_without_people_stands_out_on_the_map(
    sqlite_url: str, tmp_path: Path
) -> None:
    # Where the gate enforces, such files are refused when they are read.
    observed = r"tier: \1, gate: {production: observe, staging: observe}"
    folder = tmp_path / "empty"
    folder.mkdir()
    for name, text in make_files().items():
        bare = re.sub(r"(release-managers: \{people:) \[[^]]*\]", r"\1 []", text)
        (folder / name).write_text(re.sub(r"tier: ([12])", observed, bare), encoding="utf-8")
    async with served(sqlite_url, tmp_path, policies=folder) as running:
        rows = await _rows(running, "/authority", "lena")

    assert rows
    assert all("1 of release-managers nobody there" in row for row in rows)
