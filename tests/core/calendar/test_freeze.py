"""Is it frozen, and until when: boundaries, clocks that change, reach, and the union of windows."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from gate.core.calendar import freeze
from gate.core.calendar.calendar import OCCURRENCES_MAX, BusinessHours, Calendar, Reach
from gate.core.calendar.recurrence import Recurrence, rrule_text
from gate.core.decision.values import Hold
from gate.core.facts import Fact, Origin
from tests.core.windows import (
    BERLIN,
    NEW_YORK,
    make_calendar,
    make_catalogue,
    make_declared,
    make_freeze,
    make_reach,
    make_scope,
    utc,
)

MICROSECOND = timedelta(microseconds=1)
HOURS_64 = timedelta(hours=64)
WEEKEND = make_freeze("2026-01-02T16:00", HOURS_64, "FREQ=WEEKLY;BYDAY=FR")


def is_frozen(calendar: Calendar, at: datetime, **scope: object) -> bool:
    """Whether a window of the calendar is open."""
    return bool(freeze.open_windows(calendar, (), make_scope(**scope), at))


@pytest.mark.parametrize(
    ("at", "frozen"),
    [
        pytest.param(
            utc("2026-06-05T14:00") - MICROSECOND, False, id="the last microsecond before it begins"
        ),
        pytest.param(utc("2026-06-05T14:00"), True, id="the first instant is inside"),
        pytest.param(
            utc("2026-06-08T06:00") - MICROSECOND, True, id="the last microsecond is inside"
        ),
        pytest.param(utc("2026-06-08T06:00"), False, id="the end is outside"),
    ],
)
def test_a_window_includes_its_begin_and_not_its_end(at: datetime, frozen: bool) -> None:  # noqa: FBT001 - the expected value
    assert is_frozen(make_calendar(WEEKEND), at) is frozen


@pytest.mark.parametrize(
    ("zone", "first", "begins", "ends"),
    [
        pytest.param(
            BERLIN,
            "2026-03-27T16:00",
            "2026-03-27T15:00",
            "2026-03-30T06:00",
            id="Berlin in spring: an hour less",
        ),
        pytest.param(
            BERLIN,
            "2026-10-23T16:00",
            "2026-10-23T14:00",
            "2026-10-26T07:00",
            id="Berlin in autumn: an hour more",
        ),
        pytest.param(
            NEW_YORK,
            "2026-03-06T16:00",
            "2026-03-06T21:00",
            "2026-03-09T12:00",
            id="New York in spring",
        ),
        pytest.param(
            NEW_YORK,
            "2026-10-30T16:00",
            "2026-10-30T20:00",
            "2026-11-02T13:00",
            id="New York in autumn",
        ),
    ],
)
def test_64_hours_from_friday_16_00_end_on_monday_at_8_even_when_the_clocks_change(
    zone: ZoneInfo, first: str, begins: str, ends: str
) -> None:
    calendar = make_calendar(
        make_freeze(first, HOURS_64, "FREQ=WEEKLY;BYDAY=FR", zone=zone), zone=zone
    )

    (window,) = freeze.open_windows(calendar, (), make_scope(), utc(begins))

    assert (window.begins, window.ends) == (utc(begins), utc(ends))


@pytest.mark.parametrize(
    ("zone", "day", "clock", "begins"),
    [
        pytest.param(
            BERLIN,
            "2026-03-29",
            "02:30",
            "2026-03-29T01:30",
            id="Berlin: 02:30 does not occur, so 03:30",
        ),
        pytest.param(
            BERLIN,
            "2026-10-25",
            "02:30",
            "2026-10-25T00:30",
            id="Berlin: 02:30 occurs twice, so the first",
        ),
        pytest.param(
            NEW_YORK, "2026-03-08", "02:30", "2026-03-08T07:30", id="New York: 02:30 does not occur"
        ),
        pytest.param(
            NEW_YORK, "2026-11-01", "01:30", "2026-11-01T05:30", id="New York: 01:30 occurs twice"
        ),
    ],
)
def test_a_window_that_begins_while_the_clocks_change_begins_as_in_icalendar(
    zone: ZoneInfo, day: str, clock: str, begins: str
) -> None:
    first = f"2026-01-01T{clock}"
    calendar = make_calendar(
        make_freeze(first, timedelta(minutes=20), "FREQ=DAILY", zone=zone), zone=zone
    )

    midnight = utc(f"{day}T00:00")
    (window,) = freeze.schedule(calendar, (), midnight, midnight + timedelta(days=1))

    assert window.begins == utc(begins)
    assert window.ends is not None
    assert window.ends - window.begins >= timedelta(minutes=20)


def test_a_window_around_midnight_is_open_on_both_days() -> None:
    calendar = make_calendar(
        make_freeze("2026-06-01T23:30", timedelta(hours=1), "FREQ=DAILY", zone=ZoneInfo("UTC")),
        zone=ZoneInfo("UTC"),
    )

    assert is_frozen(calendar, utc("2026-06-10T23:59"))
    assert is_frozen(calendar, utc("2026-06-11T00:29"))
    assert not is_frozen(calendar, utc("2026-06-11T00:30"))


def test_a_yearly_window_of_the_leap_day_opens_in_leap_years_only() -> None:
    calendar = make_calendar(make_freeze("2024-02-29T00:00", timedelta(days=1), "FREQ=YEARLY"))

    assert is_frozen(calendar, utc("2028-02-29T12:00"))
    assert not is_frozen(calendar, utc("2027-02-28T12:00"))
    assert not is_frozen(calendar, utc("2027-03-01T12:00"))


@pytest.mark.parametrize(
    ("reach", "frozen"),
    [
        pytest.param({}, True, id="no key covers everything"),
        pytest.param({"services": ("checkout",)}, True, id="the service"),
        pytest.param({"services": ("ledger",)}, False, id="another service"),
        pytest.param({"owners": ("team-web", "team-payments")}, True, id="one of the owners"),
        pytest.param({"owners": ("team-web",)}, False, id="other owners"),
        pytest.param({"environments": ("production",)}, True, id="the environment"),
        pytest.param({"environments": ("prod",)}, False, id="a name that only begins alike"),
        pytest.param({"tiers": ("production",)}, True, id="the tier"),
        pytest.param({"tiers": ("staging",)}, False, id="another tier"),
        pytest.param(
            {"services": ("checkout",), "environments": ("staging",)},
            False,
            id="all keys must match",
        ),
        pytest.param({"except_services": ("checkout",)}, False, id="the service is excepted"),
        pytest.param(
            {"services": ("checkout",), "except_services": ("checkout",)},
            False,
            id="named and excepted",
        ),
    ],
)
def test_a_window_covers_what_all_its_keys_name(
    reach: dict[str, tuple[str, ...]],
    frozen: bool,  # noqa: FBT001 - the expected value
) -> None:
    window = make_freeze("2026-06-01T00:00", timedelta(days=1), reach=make_reach(**reach))

    assert is_frozen(make_calendar(window), utc("2026-06-01T12:00")) is frozen


@pytest.mark.parametrize(
    ("reach", "scope"),
    [
        pytest.param({"tiers": ("production",)}, {"tier": None}, id="the tier is unknown"),
        pytest.param({"owners": ("team-web",)}, {"owners": None}, id="the owners are unknown"),
    ],
)
def test_a_window_covers_what_it_cannot_rule_out(
    reach: dict[str, tuple[str, ...]], scope: dict[str, object]
) -> None:
    window = make_freeze("2026-06-01T00:00", timedelta(days=1), reach=make_reach(**reach))

    assert is_frozen(make_calendar(window), utc("2026-06-01T12:00"), **scope)


def test_an_exception_takes_a_service_out_of_its_own_window_only() -> None:
    excepting = make_freeze(
        "2026-06-01T00:00",
        timedelta(days=1),
        id="excepting",
        reach=make_reach(except_services=("checkout",)),
    )
    other = make_freeze("2026-06-01T00:00", timedelta(days=1), id="other")

    found = freeze.open_windows(
        make_calendar(excepting, other), (), make_scope(), utc("2026-06-01T12:00")
    )

    assert [window.id for window in found] == ["other"]


def test_open_windows_name_stops_first_and_then_what_ends_last() -> None:
    calendar = make_calendar(
        make_freeze("2026-06-01T00:00", timedelta(days=1), id="short"),
        make_freeze("2026-06-01T00:00", timedelta(days=3), id="long"),
    )
    declared = (
        make_declared("2026-05-01T00:00", id="open-ended"),
        make_declared("2026-06-01T00:00", "2026-06-01T13:00", id="stop", stop=True),
    )

    found = freeze.open_windows(calendar, declared, make_scope(), utc("2026-06-01T12:00"))

    assert [window.id for window in found] == ["stop", "open-ended", "long", "short"]


def test_a_window_of_a_person_is_open_from_its_begin_to_before_its_end() -> None:
    declared = make_declared(
        "2026-06-01T10:00", "2026-06-01T11:00", reach=make_reach(services=("checkout",))
    )

    def frozen(at: datetime, service: str = "checkout") -> bool:
        return bool(
            freeze.open_windows(make_calendar(), (declared,), make_scope(service=service), at)
        )

    assert frozen(declared.begins)
    assert not frozen(declared.begins - MICROSECOND)
    assert not frozen(utc("2026-06-01T11:00"))
    assert not frozen(declared.begins, service="ledger")


def test_a_time_without_a_zone_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        freeze.open_windows(make_calendar(), (), make_scope(), datetime(2026, 6, 1))  # noqa: DTZ001 - the bug


def test_the_zone_of_the_question_does_not_matter() -> None:
    at = utc("2026-06-06T12:00")

    asked = [
        freeze.open_windows(make_calendar(WEEKEND), (), make_scope(), at.astimezone(zone))
        for zone in (UTC, BERLIN, NEW_YORK)
    ]

    assert asked[0] == asked[1] == asked[2]


@pytest.mark.parametrize(
    ("windows", "until"),
    [
        pytest.param([("06-01T00:00", "06-01T10:00")], "2026-06-01T10:00", id="one window"),
        pytest.param(
            [("06-01T00:00", "06-01T10:00"), ("06-01T09:00", "06-01T12:00")],
            "2026-06-01T12:00",
            id="they overlap",
        ),
        pytest.param(
            [("06-01T00:00", "06-01T10:00"), ("06-01T10:00", "06-01T12:00")],
            "2026-06-01T12:00",
            id="they touch",
        ),
        pytest.param(
            [("06-01T00:00", "06-01T10:00"), ("06-01T10:01", "06-01T12:00")],
            "2026-06-01T10:00",
            id="a minute between them",
        ),
        pytest.param(
            [("06-01T00:00", "06-01T10:00"), ("06-01T01:00", "06-01T02:00")],
            "2026-06-01T10:00",
            id="one inside the other",
        ),
        pytest.param(
            [("06-02T00:00", "06-02T10:00")], "2026-06-01T05:00", id="not frozen: at once"
        ),
    ],
)
def test_the_next_opening_is_the_end_of_all_windows_together(
    windows: list[tuple[str, str]], until: str
) -> None:
    declared = [make_declared(f"2026-{begins}", f"2026-{ends}") for begins, ends in windows]

    assert freeze.next_opening(
        make_calendar(), declared, make_scope(), utc("2026-06-01T05:00")
    ) == utc(until)


def test_windows_of_file_and_people_are_one_hold() -> None:
    declared = make_declared("2026-06-08T06:00", "2026-06-08T09:00")

    hold = freeze.held(make_calendar(WEEKEND), [declared], make_scope(), utc("2026-06-06T12:00"))

    assert hold == Hold("window", "Because", utc("2026-06-08T09:00"), ("release-managers",))


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param(make_declared("2026-05-01T00:00", stop=True), id="a stopped line"),
        pytest.param(
            make_declared("2026-05-01T00:00", "2027-06-03T00:00"), id="further away than a year"
        ),
    ],
)
def test_there_is_no_next_opening_within_a_year(declared: freeze.Window) -> None:
    assert (
        freeze.next_opening(make_calendar(), [declared], make_scope(), utc("2026-06-01T05:00"))
        is None
    )


def test_a_window_that_never_closes_has_no_next_opening() -> None:
    calendar = make_calendar(make_freeze("2026-01-01T00:00", timedelta(days=1), "FREQ=DAILY"))

    assert freeze.next_opening(calendar, (), make_scope(), utc("2026-06-01T05:00")) is None


def test_nothing_open_is_no_hold() -> None:
    assert freeze.held(make_calendar(WEEKEND), (), make_scope(), utc("2026-06-03T12:00")) is None


def test_the_facts_name_the_window_that_ends_last_and_the_local_hour() -> None:
    hours = BusinessHours(frozenset({0, 1, 2, 3, 4}), 9 * 60, 17 * 60)
    calendar = Calendar(zone=BERLIN, business_hours=hours, freezes=(WEEKEND,))
    at = utc("2026-06-05T14:30")

    found = freeze.facts(freeze.open_windows(calendar, (), make_scope(), at), calendar, at)

    assert found == {
        "calendar.frozen": Fact(value=True, origin=Origin.CALENDAR),
        "calendar.freeze": Fact("window", Origin.CALENDAR),
        "calendar.within_business_hours": Fact(value=True, origin=Origin.CALENDAR),
        "calendar.weekday": Fact("fri", Origin.CALENDAR),
        "calendar.hour": Fact(16, Origin.CALENDAR),
    }


def test_without_business_hours_nobody_knows_whether_it_is_within_them() -> None:
    found = freeze.facts((), make_calendar(), utc("2026-06-03T12:00"))

    assert "calendar.within_business_hours" not in found
    assert found["calendar.freeze"] == Fact("", Origin.CALENDAR)


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        pytest.param("2026-06-03T06:59:59.999999", False, id="before 9 in Berlin"),
        pytest.param("2026-06-03T07:00", True, id="9 o'clock is inside"),
        pytest.param("2026-06-03T14:59:59.999999", True, id="the last microsecond"),
        pytest.param("2026-06-03T15:00", False, id="17 o'clock is outside"),
        pytest.param("2026-06-06T10:00", False, id="a Saturday"),
    ],
)
def test_business_hours_are_local_hours(at: str, inside: bool) -> None:  # noqa: FBT001 - the expected value
    calendar = Calendar(
        zone=BERLIN, business_hours=BusinessHours(frozenset({0, 1, 2, 3, 4}), 9 * 60, 17 * 60)
    )

    assert freeze.facts((), calendar, utc(at))["calendar.within_business_hours"].value is inside


def test_the_schedule_lists_what_touches_the_time_asked_for_in_order() -> None:
    declared = [
        make_declared("2026-06-06T12:00", id="open-ended"),
        make_declared("2026-06-01T00:00", "2026-06-05T00:00", id="over"),
    ]

    found = freeze.schedule(
        make_calendar(WEEKEND), declared, utc("2026-06-05T00:00"), utc("2026-06-12T14:00")
    )

    assert [(window.id, window.begins) for window in found] == [
        ("window", utc("2026-06-05T14:00")),
        ("open-ended", utc("2026-06-06T12:00")),
    ]


def test_the_schedule_of_a_scope_leaves_out_what_does_not_cover_it() -> None:
    calendar = make_calendar(
        make_freeze("2026-06-01T00:00", timedelta(days=1), reach=make_reach(services=("ledger",)))
    )

    assert (
        freeze.schedule(
            calendar, (), utc("2026-05-01T00:00"), utc("2026-07-01T00:00"), make_scope()
        )
        == ()
    )


def test_the_schedule_ends_after_a_thousand_windows_and_three_years() -> None:
    daily = make_freeze("2020-01-01T00:00", timedelta(hours=1), "FREQ=DAILY")
    monthly = make_freeze("2020-01-01T00:00", timedelta(hours=1), "FREQ=MONTHLY")
    far = utc("2100-01-01T00:00")

    assert (
        len(freeze.schedule(make_calendar(daily, daily), (), utc("2026-01-01T00:00"), far))
        == OCCURRENCES_MAX
    )
    assert len(freeze.schedule(make_calendar(monthly), (), utc("2026-01-01T00:00"), far)) == 36


def test_the_schedule_of_the_whole_of_time_is_an_answer_too() -> None:
    ends = datetime.max.replace(tzinfo=UTC)

    assert freeze.schedule(make_calendar(WEEKEND), (), datetime.min.replace(tzinfo=UTC), ends) == ()
    assert freeze.schedule(make_calendar(WEEKEND), (), ends, datetime.min.replace(tzinfo=UTC)) == ()


@pytest.mark.parametrize(
    ("service", "environment", "scope"),
    [
        pytest.param(
            "checkout",
            "production",
            freeze.Scope("checkout", "production", ("team-payments",), "production"),
            id="known",
        ),
        pytest.param(
            "ledger",
            "production",
            freeze.Scope("ledger", "production", ("release-managers",), "production"),
            id="no owners",
        ),
        pytest.param(
            "ledger",
            "staging",
            freeze.Scope("ledger", "staging", ("release-managers",), None),
            id="not deployed there",
        ),
        pytest.param(
            "new",
            "production",
            freeze.Scope("new", "production", None, "production"),
            id="unknown service",
        ),
        pytest.param(
            "checkout",
            "lab",
            freeze.Scope("checkout", "lab", ("team-payments",), None),
            id="unknown environment",
        ),
    ],
)
def test_the_scope_is_what_the_catalogue_knows(
    service: str, environment: str, scope: freeze.Scope
) -> None:
    assert freeze.scope_of(make_catalogue(), service, environment) == scope


_RULES = st.sampled_from(
    [
        None,
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;BYDAY=FR,SU",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=YEARLY",
        "FREQ=DAILY;COUNT=9",
    ]
)
_REACHES = st.builds(
    make_reach,
    services=st.sampled_from([(), ("checkout",), ("ledger",)]),
    tiers=st.sampled_from([(), ("production",), ("staging",)]),
    except_services=st.sampled_from([(), ("checkout",)]),
)
_MINUTES = st.integers(0, 3 * 366 * 24 * 60)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Up to five windows, in a zone whose clocks change."""
    zone = draw(st.sampled_from([BERLIN, NEW_YORK]))
    freezes = []
    for number in range(draw(st.integers(0, 5))):
        begins = datetime(2025, 1, 1) + timedelta(minutes=draw(_MINUTES))  # noqa: DTZ001 - a local time
        lasts = timedelta(minutes=draw(st.integers(1, 20 * 24 * 60)))
        reach = draw(_REACHES)
        freezes.append(
            make_freeze(
                begins.isoformat(), lasts, draw(_RULES), zone=zone, id=f"w{number}", reach=reach
            )
        )
    return make_calendar(*freezes, zone=zone)


def naively(calendar: Calendar, scope: freeze.Scope, at: datetime) -> set[str]:
    """The same answer by going through every day of six years, local time by local time."""
    found = set()
    for window in calendar.freezes:
        for begins in _all_begins(window.begins, window.rule):
            opens = begins.replace(tzinfo=calendar.zone).astimezone(UTC)
            closes = (
                (begins + (window.ends - window.begins))
                .replace(tzinfo=calendar.zone)
                .astimezone(UTC)
            )
            if opens <= at < max(
                closes, opens + (window.ends - window.begins) if closes <= opens else closes
            ) and _covers(window.reach, scope):
                found.add(window.id)
    return found


def _all_begins(first: datetime, rule: Recurrence | None) -> Iterable[datetime]:
    if rule is None:
        return {first}
    return {
        first,
        *rrulestr(rrule_text(rule), dtstart=first).between(first, datetime(2029, 1, 1), inc=True),  # noqa: DTZ001 - local
    }


def _covers(reach: Reach, scope: freeze.Scope) -> bool:
    tier_fits = not reach.tiers or scope.tier is None or scope.tier in reach.tiers
    return (
        tier_fits
        and (not reach.services or scope.service in reach.services)
        and scope.service not in reach.except_services
    )


@pytest.mark.slow
@given(
    calendars(),
    _MINUTES,
    st.sampled_from(["production", "staging", None]),
    st.sampled_from(["checkout", "ledger"]),
)
def test_what_is_open_is_what_going_through_all_days_finds(
    calendar: Calendar, minutes: int, tier: str | None, service: str
) -> None:
    at = utc("2025-01-01T00:00") + timedelta(minutes=minutes)
    scope = make_scope(service=service, tier=tier)

    assert {window.id for window in freeze.open_windows(calendar, (), scope, at)} == naively(
        calendar, scope, at
    )


@given(calendars(), _MINUTES)
def test_the_next_opening_is_open_and_nothing_before_it_is(
    calendar: Calendar, minutes: int
) -> None:
    at = utc("2025-01-01T00:00") + timedelta(minutes=minutes)
    scope = make_scope()

    until = freeze.next_opening(calendar, (), scope, at)

    if until is None:
        until = at + timedelta(days=freeze.LOOK_AHEAD_DAYS_MAX)
    else:
        assert not freeze.open_windows(calendar, (), scope, until)
    closed = freeze.schedule(calendar, (), at, until, scope) if until > at else ()
    edges = [
        at,
        *(window.ends for window in closed if window.ends is not None and window.ends < until),
    ]
    assert until == at or all(freeze.open_windows(calendar, (), scope, edge) for edge in edges)
