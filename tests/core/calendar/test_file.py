"""Reading calendar.yaml: what is refused, where, and what the shipped one says."""

from datetime import date, datetime
from pathlib import Path

import pytest

from gate.core.calendar import freeze
from gate.core.calendar.calendar import BusinessHours, Calendar, Freeze
from gate.core.calendar.file import EXCLUDES_MAX, read_calendar
from gate.core.calendar.recurrence import Frequency, Recurrence
from gate.core.catalogue.file import read_catalogue
from gate.errors import Invalid
from tests.core.catalogue.test_file import GOOD as CATALOGUE
from tests.core.catalogue.test_file import SHIPPED as SHIPPED_CATALOGUE
from tests.core.windows import BERLIN, make_declared, make_reach, make_scope, utc

SHIPPED = Path(__file__).parents[3] / "policies" / "calendar.yaml"
KNOWN = read_catalogue(CATALOGUE, "catalog.yaml")

GOOD = """\
time_zone: Europe/Berlin
business_hours: {days: [mon, fri], from: "09:00", to: 17:00}
freezes:
  - YEAR-END
  - id: friday-evening
    reason: Nobody is here
    begins: 2026-01-02T16:00
    lasts: 64h
    rrule: FREQ=WEEKLY;BYDAY=FR
    exclude: [2026-05-15, 2026-05-22T16:00]
    environments: [production]
    services: [checkout]
    owners: [team-payments]
""".replace(
    "YEAR-END",
    "{id: year-end, reason: Year-end closing, begins: 2026-12-20T00:00, ends: 2027-01-02T00:00, "
    "tiers: [production], except_services: [ledger], override_by: [release-managers]}",
)


def read(text: str) -> Calendar:
    """The calendar beside the good catalogue."""
    return read_calendar(text, "calendar.yaml", KNOWN)


def faults(text: str) -> list[tuple[str, str]]:
    """Where, and what, of everything that is refused."""
    with pytest.raises(Invalid) as refused:
        read(text)
    return [
        (fault.where.removeprefix("calendar.yaml:"), fault.detail) for fault in refused.value.faults
    ]


@pytest.mark.parametrize(
    ("before", "after", "where", "says"),
    [
        pytest.param("freezes:", "freeze:", "3:1", "did you mean freezes?", id="an unknown key"),
        pytest.param(
            "Europe/Berlin", "Europe/Berlim", "1:12", "allowed is UTC or a zone", id="no zone"
        ),
        pytest.param(
            "Europe/Berlin", "../../etc/passwd", "1:12", "allowed is UTC or a zone", id="a path"
        ),
        pytest.param(
            "Europe/Berlin", "Europe", "1:12", "allowed is UTC or a zone", id="a folder of zones"
        ),
        pytest.param(
            "Europe/Berlin",
            "localtime",
            "1:12",
            "allowed is UTC or a zone",
            id="the zone of the machine",
        ),
        pytest.param("[mon, fri]", "[mon, fry]", "2:30", "did you mean fri?", id="no weekday"),
        pytest.param("[mon, fri]", "[]", "2:24", "allowed is at least one entry", id="no weekdays"),
        pytest.param(
            'from: "09:00"',
            'from: "9:00"',
            "2:42",
            'found 9:00, allowed is a time of day such as "09:00"',
            id="no time of day",
        ),
        pytest.param(
            'from: "09:00"', 'from: "24:01"', "2:42", "found 24:01", id="after the end of the day"
        ),
        pytest.param(
            'from: "09:00"',
            'from: "17:00"',
            "2:17",
            "found to not after from",
            id="hours of no length",
        ),
        pytest.param(
            'from: "09:00"', "from: 9", "2:42", "allowed is text", id="a number for a time"
        ),
        pytest.param(
            ', from: "09:00"',
            "",
            "2:17",
            "found no from, it is required",
            id="hours without a begin",
        ),
        pytest.param(
            "id: year-end",
            "id: friday-evening",
            "5:9",
            "found friday-evening twice",
            id="an id twice",
        ),
        pytest.param(
            "id: year-end", "id: year end", "4:10", "allowed are letters", id="an id with a space"
        ),
        pytest.param("id: year-end, ", "", "4:5", "found no id", id="no id"),
        pytest.param("reason: Year-end closing, ", "", "4:5", "found no reason", id="no reason"),
        pytest.param("begins: 2026-12-20T00:00, ", "", "4:5", "found no begins", id="no begin"),
        pytest.param(
            "2026-12-20T00:00",
            "2026-12-20 00:00",
            "4:54",
            "allowed is a time such as",
            id="a space for the T",
        ),
        pytest.param(
            "2026-12-20T00:00",
            "2026-12-32T00:00",
            "4:54",
            "allowed is a time such as",
            id="a day that does not exist",
        ),
        pytest.param(
            "2026-12-20T00:00",
            "2026-12-20T24:00",
            "4:54",
            "allowed is a time such as",
            id="an hour that does not exist",
        ),
        pytest.param(
            "2026-12-20T00:00",
            "1999-12-20T00:00",
            "4:54",
            "in the years 2000 to 2199",
            id="long ago",
        ),
        pytest.param(
            "2026-12-20T00:00", "20261220", "4:54", "allowed is a time such as", id="a number"
        ),
        pytest.param(
            "2027-01-02T00:00",
            "2026-12-20T00:00",
            "4:78",
            "not after begins",
            id="a window of no length",
        ),
        pytest.param(
            "2027-01-02T00:00",
            "2026-12-19T00:00",
            "4:78",
            "not after begins",
            id="it ends before it begins",
        ),
        pytest.param(
            "2027-01-02T00:00",
            "2027-12-22T00:00",
            "4:5",
            "found 367 days, allowed are 366",
            id="longer than a year",
        ),
        pytest.param("ends: 2027-01-02T00:00, ", "", "4:5", "neither ends nor lasts", id="no end"),
        pytest.param(
            "lasts: 64h",
            "lasts: 64h\n    ends: 2027-01-02T00:00",
            "5:5",
            "found ends and lasts",
            id="two ends",
        ),
        pytest.param("lasts: 64h", "lasts: 64", "8:12", "allowed is a duration", id="no duration"),
        pytest.param("lasts: 64h", "lasts: 9000h", "5:5", "found 375 days", id="a long duration"),
        pytest.param(
            "FREQ=WEEKLY",
            "FREQ=HOURLY",
            "9:12",
            "rrule: found FREQ=HOURLY",
            id="a rule faster than a day",
        ),
        pytest.param(
            "    rrule: FREQ=WEEKLY;BYDAY=FR\n",
            "",
            "9:14",
            "found it without rrule",
            id="exclusions of nothing",
        ),
        pytest.param(
            "2026-05-15,",
            "2026-5-15,",
            "10:15",
            "a day such as 2026-12-25, or a time",
            id="no day to exclude",
        ),
        pytest.param(
            "environments: [production]",
            "environments: [prod]",
            "11:20",
            "no environment of the catalogue",
            id="a second name",
        ),
        pytest.param(
            "[checkout]", "[chekout]", "12:16", "did you mean checkout?", id="an unknown service"
        ),
        pytest.param(
            "[team-payments]",
            "[team-paymants]",
            "13:14",
            "did you mean team-payments?",
            id="an unknown owner",
        ),
        pytest.param(
            "tiers: [production]",
            "tiers: [prod]",
            "4:104",
            "allowed is production, staging",
            id="an unknown tier",
        ),
        pytest.param(
            "except_services: [ledger]",
            "except_services: [ledgr]",
            "4:135",
            "did you mean ledger?",
            id="an unknown exception",
        ),
        pytest.param(
            "[release-managers]",
            "[release-manager]",
            "4:158",
            "did you mean release-managers?",
            id="an unknown group",
        ),
        pytest.param(
            "owners:", "owner:", "13:5", "did you mean owners?", id="an unknown scope key"
        ),
    ],
)
def test_a_calendar_that_is_not_understood_is_refused(
    before: str, after: str, where: str, says: str
) -> None:
    assert before in GOOD

    found = faults(GOOD.replace(before, after, 1))

    assert [place for place, detail in found if says in detail][:1] == [where], found


@pytest.mark.parametrize(
    "text",
    ["", "[]", "a", "freezes: {}", "freezes: [3]", "freezes:", "time_zone:", "business_hours: []"],
)
def test_a_calendar_of_another_shape_is_refused(text: str) -> None:
    assert faults(text)


def test_more_windows_or_exclusions_than_allowed_are_refused() -> None:
    windows = "\n".join(
        f"  - {{id: w{number}, reason: x, begins: 2026-01-01, lasts: 1h}}" for number in range(201)
    )
    days = ", ".join(["2026-05-15"] * (EXCLUDES_MAX + 1))

    assert "found 201 entries, allowed are 200" in faults(f"freezes:\n{windows}")[0][1]
    assert "found 368 entries, allowed are 366" in faults(GOOD.replace("2026-05-15", days))[0][1]


def test_a_good_calendar_becomes_values() -> None:
    assert read(GOOD) == Calendar(
        zone=BERLIN,
        business_hours=BusinessHours(frozenset({0, 4}), 540, 1020),
        freezes=(
            Freeze(
                id="year-end",
                reason="Year-end closing",
                begins=datetime.fromisoformat("2026-12-20T00:00"),
                ends=datetime.fromisoformat("2027-01-02T00:00"),
                reach=make_reach(tiers=("production",), except_services=("ledger",)),
                override_by=("release-managers",),
            ),
            Freeze(
                id="friday-evening",
                reason="Nobody is here",
                begins=datetime.fromisoformat("2026-01-02T16:00"),
                ends=datetime.fromisoformat("2026-01-05T08:00"),
                reach=make_reach(
                    environments=("production",), services=("checkout",), owners=("team-payments",)
                ),
                rule=Recurrence(Frequency.WEEKLY, by_day=((0, 4),)),
                excluded_days=frozenset({date(2026, 5, 15)}),
                excluded_times=frozenset({datetime.fromisoformat("2026-05-22T16:00")}),
            ),
        ),
    )


@pytest.mark.parametrize(
    "text",
    ["freezes: []", "time_zone: UTC", 'business_hours: {days: [mon], from: "00:00", to: "24:00"}'],
)
def test_every_part_of_a_calendar_may_be_left_out(text: str) -> None:
    assert read(text).freezes == ()


@pytest.mark.parametrize(
    ("begins", "in_utc"),
    [
        pytest.param("2026-06-01T12:00", "2026-06-01T10:00", id="local"),
        pytest.param("2026-06-01", "2026-05-31T22:00", id="a day begins at midnight"),
        pytest.param("2026-06-01T12:00:30", "2026-06-01T10:00:30", id="with seconds"),
        pytest.param("2026-06-01T12:00Z", "2026-06-01T12:00", id="UTC"),
        pytest.param("2026-06-01T12:00-04:00", "2026-06-01T16:00", id="an offset"),
        pytest.param(
            "2026-10-25T02:30", "2026-10-25T00:30", id="a local time that occurs twice is the first"
        ),
        pytest.param(
            "2026-10-25T01:30Z", "2026-10-25T01:30", id="the second of them can be given in UTC"
        ),
    ],
)
def test_a_window_begins_at_the_instant_that_is_written(begins: str, in_utc: str) -> None:
    calendar = read(
        f"time_zone: Europe/Berlin\nfreezes: [{{id: x, reason: y, begins: '{begins}', lasts: 7d}}]"
    )

    (window,) = freeze.schedule(calendar, (), utc("2026-01-01T00:00"), utc("2027-01-01T00:00"))

    assert window.begins == utc(in_utc)


def test_a_window_between_two_times_that_look_the_same_has_its_real_length() -> None:
    calendar = read(
        "time_zone: Europe/Berlin\nfreezes: [{id: x, reason: y, begins: "
        "'2026-10-25T00:50Z', ends: '2026-10-25T01:10Z'}]"
    )

    (window,) = freeze.schedule(calendar, (), utc("2026-01-01T00:00"), utc("2027-01-01T00:00"))

    assert (window.begins, window.ends) == (utc("2026-10-25T00:50"), utc("2026-10-25T01:10"))


def test_an_excluded_day_or_time_does_not_open_and_its_neighbours_do() -> None:
    calendar = read(GOOD)

    found = freeze.schedule(
        calendar, (), utc("2026-05-05T00:00"), utc("2026-05-31T00:00"), make_scope()
    )

    assert [window.begins for window in found] == [utc("2026-05-08T14:00"), utc("2026-05-29T14:00")]


def test_the_first_opening_can_be_excluded_too() -> None:
    calendar = read(GOOD.replace("2026-05-15", "2026-01-02"))

    assert not freeze.open_windows(calendar, (), make_scope(), utc("2026-01-03T12:00"))
    assert freeze.open_windows(calendar, (), make_scope(), utc("2026-01-10T12:00"))


def test_the_revision_is_of_what_the_calendar_says_not_of_how_it_is_written() -> None:
    rewritten = GOOD.replace("lasts: 64h", "ends: 2026-01-05T08:00").replace(
        "FREQ=WEEKLY;BYDAY=FR", "BYDAY=FR;FREQ=WEEKLY # x"
    )

    assert read(rewritten).revision == read(GOOD).revision
    for before, after in [
        ("64h", "63h"),
        ("BYDAY=FR", "BYDAY=FR,SA"),
        ("[checkout]", "[ledger]"),
        ("Berlin", "Paris"),
        ("2026-05-15", "2026-05-29"),
    ]:
        assert read(GOOD.replace(before, after)).revision != read(GOOD).revision, after


@pytest.mark.parametrize("environment", ["staging", "testing", "development"])
def test_the_shipped_calendar_freezes_nothing_but_production(environment: str) -> None:
    catalogue = read_catalogue(SHIPPED_CATALOGUE.read_bytes(), "catalog.yaml")
    shipped = read_calendar(SHIPPED.read_bytes(), "calendar.yaml", catalogue)
    begins, ends = utc("2026-01-01T00:00"), utc("2028-12-31T00:00")

    for service in catalogue.services:
        scope = freeze.scope_of(catalogue, service, environment)
        if scope.tier is not None:
            assert freeze.schedule(shipped, (), begins, ends, scope) == ()
    assert freeze.schedule(
        shipped, (), begins, ends, freeze.scope_of(catalogue, "checkout", "production")
    )


def test_the_shipped_calendar_freezes_every_year_end_and_friday_evening() -> None:
    catalogue = read_catalogue(SHIPPED_CATALOGUE.read_bytes(), "catalog.yaml")
    shipped = read_calendar(SHIPPED.read_bytes(), "calendar.yaml", catalogue)
    scope = freeze.scope_of(catalogue, "checkout", "production")

    def names(at: str) -> list[str]:
        return [
            window.id
            for window in freeze.open_windows(
                shipped, (make_declared("2030-01-01T00:00"),), scope, utc(at)
            )
        ]

    assert names("2026-06-05T13:59") == []
    assert names("2026-06-05T14:00") == ["friday-evening"]
    assert names("2026-12-25T16:00") == ["year-end", "friday-evening"]
    assert names("2027-12-25T12:00") == ["year-end", "friday-evening"]
    assert freeze.next_opening(shipped, (), scope, utc("2026-12-25T16:00")) == utc(
        "2027-01-04T07:00"
    )
