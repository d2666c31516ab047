"""Recurring windows, held against two libraries: `dateutil` for the rule, `recurring-ical-events`
for zones.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from dateutil.rrule import rrulestr
from hypothesis import example, given
from hypothesis import strategies as st

from gate.core.calendar.calendar import occurrences
from gate.core.calendar.recurrence import RRULE_BYTES_MAX, days, read_rrule, rrule_text
from tests.core.windows import BERLIN, NEW_YORK, make_freeze

FIRST = datetime(2026, 1, 2, 16, 0)  # noqa: DTZ001 - a local time, a Friday


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "an empty part", id="nothing"),
        pytest.param("FREQ=HOURLY", "FREQ=HOURLY, allowed is FREQ=DAILY", id="faster than a day"),
        pytest.param("FREQ=SECONDLY", "FREQ=SECONDLY, allowed", id="every second"),
        pytest.param("BYDAY=FR", "FREQ=, allowed", id="no frequency"),
        pytest.param(
            "FREQ=DAILY;BYHOUR=1", "BYHOUR=1, allowed are FREQ", id="a part we do not read"
        ),
        pytest.param("FREQ=DAILY;FREQ=WEEKLY", "FREQ twice", id="a part twice"),
        pytest.param("FREQ=DAILY;", "an empty part", id="an empty part"),
        pytest.param(
            "FREQ=DAILY;INTERVAL=0",
            "INTERVAL=0, allowed are whole numbers from 1",
            id="interval of nothing",
        ),
        pytest.param("FREQ=DAILY;INTERVAL=1001", "INTERVAL=1001", id="interval over the limit"),
        pytest.param("FREQ=DAILY;INTERVAL=1,2", "allowed is one number", id="two intervals"),
        pytest.param("FREQ=DAILY;INTERVAL=1e3", "INTERVAL=1e3".upper(), id="no whole number"),
        pytest.param("FREQ=DAILY;COUNT=1001", "COUNT=1001", id="count over the limit"),
        pytest.param("FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT and UNTIL", id="two ends"),
        pytest.param(
            "FREQ=DAILY;UNTIL=2027-01-01", "UNTIL=2027-01-01, allowed", id="a date of another form"
        ),
        pytest.param(
            "FREQ=DAILY;UNTIL=20270230", "a day that exists", id="a day that does not exist"
        ),
        pytest.param(
            "FREQ=DAILY;UNTIL=99991231T235959Z",
            "a day that exists",
            id="after the end of time in this zone",
        ),
        pytest.param(
            "FREQ=DAILY;UNTIL=20260101",
            "not before the first opening",
            id="it ends before it begins",
        ),
        pytest.param("FREQ=WEEKLY;BYDAY=XX", "BYDAY=XX", id="no weekday"),
        pytest.param("FREQ=WEEKLY;BYDAY=FR,", "BYDAY=, allowed", id="an empty weekday"),
        pytest.param("FREQ=WEEKLY;BYDAY=1FR", "a numbered weekday", id="numbered in a week"),
        pytest.param("FREQ=MONTHLY;BYDAY=0FR", "BYDAY=0FR", id="the noughth Friday"),
        pytest.param("FREQ=YEARLY;BYDAY=54FR", "BYDAY=54FR", id="the 54th Friday"),
        pytest.param(
            "FREQ=WEEKLY;BYMONTHDAY=1",
            "BYMONTHDAY in a weekly rule",
            id="day of the month in a week",
        ),
        pytest.param("FREQ=MONTHLY;BYMONTHDAY=0", "without 0", id="the noughth day"),
        pytest.param("FREQ=YEARLY;BYMONTH=13", "BYMONTH=13", id="a thirteenth month"),
        pytest.param("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS alone", id="a position among nothing"),
        pytest.param("FREQ=WEEKLY;WKST=X", "WKST=X", id="a week that begins on no day"),
        pytest.param(
            "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
            "matches no day in ten years",
            id="a day that never comes",
        ),
        pytest.param(
            "FREQ=WEEKLY;BYDAY=" + "FR," * 170 + "FR", f"{RRULE_BYTES_MAX} bytes", id="too long"
        ),
    ],
)
def test_a_rule_that_is_not_understood_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="found") as refused:
        read_rrule(text, FIRST, BERLIN)

    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        pytest.param("FREQ=DAILY;UNTIL=20260105", "2026-01-05", id="a day alone means all of it"),
        pytest.param(
            "FREQ=DAILY;UNTIL=20260105T160000", "2026-01-05", id="the very moment is inside"
        ),
        pytest.param("FREQ=DAILY;UNTIL=20260105T155959", "2026-01-04", id="a second too early"),
        pytest.param("FREQ=DAILY;UNTIL=20260105T150000Z", "2026-01-05", id="UTC: 16:00 in Berlin"),
        pytest.param(
            "FREQ=DAILY;UNTIL=20260105T145959Z",
            "2026-01-04",
            id="UTC: a second before 16:00 in Berlin",
        ),
        pytest.param("FREQ=DAILY;COUNT=3", "2026-01-04", id="the first opening counts"),
    ],
)
def test_a_rule_ends_with_its_last_opening(text: str, last: str) -> None:
    found = list(days(read_rrule(text, FIRST, BERLIN), FIRST, FIRST.date(), date(2027, 1, 1)))

    assert found[-1] == date.fromisoformat(last)


def test_the_first_opening_takes_place_whether_the_rule_gives_it_or_not() -> None:
    thursday = make_freeze("2026-01-01T16:00", timedelta(hours=1), "FREQ=WEEKLY;BYDAY=FR")

    found = list(
        occurrences(
            thursday, BERLIN, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 10, tzinfo=UTC)
        )
    )

    assert [opening.begins.date().isoformat() for opening in found] == [
        "2026-01-01",
        "2026-01-02",
        "2026-01-09",
    ]


def test_a_rule_has_one_spelling() -> None:
    texts = [
        "FREQ=MONTHLY;BYDAY=-1FR,MO;INTERVAL=1",
        "rrule:byday=MO,-1FR;freq=monthly;wkst=MO",
        "BYDAY=-1FR,MO,MO;FREQ=MONTHLY",
    ]

    assert {rrule_text(read_rrule(text, FIRST, BERLIN)) for text in texts} == {
        "FREQ=MONTHLY;BYDAY=-1FR,MO"
    }


_WEEKDAYS = st.lists(
    st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=3, unique=True
)
_NUMBERED = st.lists(
    st.sampled_from(["1MO", "-1FR", "2SU", "-2WE", "5SA", "3TH"]),
    min_size=1,
    max_size=3,
    unique=True,
)
_MONTH_DAYS = st.lists(st.integers(-31, 31).filter(bool), min_size=1, max_size=3, unique=True)
_MONTHS = st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True)
_POSITIONS = st.lists(st.integers(-5, 5).filter(bool), min_size=1, max_size=2, unique=True)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Any rule that is read, ordinals and plain weekdays never mixed (the libraries disagree with
    RFC 5545 there).
    """
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 4))}"]
    long = frequency in ("MONTHLY", "YEARLY")
    by_day = draw(st.none() | (_NUMBERED if long and draw(st.booleans()) else _WEEKDAYS))
    by_month_day = (
        draw(st.none() | _MONTH_DAYS) if frequency != "WEEKLY" and by_day is None else None
    )
    by_month = draw(st.none() | _MONTHS)
    chosen = {"BYDAY": by_day, "BYMONTHDAY": by_month_day, "BYMONTH": by_month}
    if (by_day or by_month_day) and frequency != "DAILY":
        chosen["BYSETPOS"] = draw(st.none() | _POSITIONS)
    parts += [f"{name}={','.join(map(str, values))}" for name, values in chosen.items() if values]
    parts += draw(st.sampled_from([[], ["COUNT=7"], ["UNTIL=20270615T120000"], ["WKST=SU"]]))
    return ";".join(parts)


_STARTS = st.datetimes(datetime(2024, 1, 1), datetime(2025, 12, 31)).map(  # noqa: DTZ001 - local
    lambda at: at.replace(second=0, microsecond=0)
)


def from_its_week(text: str, begins: datetime) -> datetime:
    """Return the start of the rule, or of its week where positions within weeks are chosen.

    RFC 5545 counts them from the beginning of the week. dateutil counts those of the first week
    from the start of the rule, so the two agree only where these are the same.
    """
    if "FREQ=WEEKLY" not in text or "BYSETPOS" not in text:
        return begins
    first_day = 6 if "WKST=SU" in text else 0
    return begins - timedelta(days=(begins.weekday() - first_day) % 7)


def test_positions_are_counted_from_the_beginning_of_the_week() -> None:
    tuesday = datetime(2025, 1, 7)  # noqa: DTZ001 - a local time
    rule = read_rrule("FREQ=WEEKLY;BYDAY=MO,WE;BYSETPOS=1", tuesday, BERLIN)

    found = list(days(rule, tuesday, tuesday.date(), tuesday.date() + timedelta(days=7)))

    assert found == [tuesday.date() + timedelta(days=6)]


@given(rules(), _STARTS, st.integers(0, 700), st.integers(0, 500))
@example("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU", datetime(2025, 1, 5, 9), 30, 100)  # noqa: DTZ001 - a local time
@example("FREQ=YEARLY;BYDAY=-1FR,2SU", datetime(2024, 2, 29, 9), 300, 500)  # noqa: DTZ001 - a local time
@example("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", datetime(2024, 2, 29, 9), 0, 1500)  # noqa: DTZ001 - a local time
def test_the_days_are_those_of_dateutil(
    text: str, begins: datetime, after_days: int, for_days: int
) -> None:
    begins = from_its_week(text, begins)
    try:
        rule = read_rrule(text, begins, BERLIN)
    except ValueError as refused:
        assert "matches no day" in str(refused)  # noqa: PT017 - most rules are read; these few match nothing
        return
    first = begins.date() + timedelta(days=after_days)
    last = first + timedelta(days=for_days)

    found = list(days(rule, begins, first, last))

    theirs = rrulestr(text, dtstart=begins).between(
        datetime.combine(first, begins.time()), datetime.combine(last, begins.time()), inc=True
    )
    assert found == [at.date() for at in theirs if at != begins]


@pytest.mark.slow
@given(rules(), _STARTS, st.sampled_from([BERLIN, NEW_YORK]), st.integers(30, 5 * 24 * 60))
@example("FREQ=DAILY", datetime(2025, 3, 1, 2, 30), BERLIN, 30)  # noqa: DTZ001 - a local time that a spring day lacks
@example("FREQ=DAILY", datetime(2025, 10, 1, 2, 30), BERLIN, 30)  # noqa: DTZ001 - one that an autumn day has twice
@example("FREQ=WEEKLY;BYDAY=FR", datetime(2025, 1, 3, 16), BERLIN, 64 * 60)  # noqa: DTZ001 - over the weekends of both
def test_the_instants_are_those_of_recurring_ical_events(
    text: str, begins: datetime, zone: ZoneInfo, minutes: int
) -> None:
    begins = from_its_week(text, begins)
    try:
        freeze = make_freeze(begins.isoformat(), timedelta(minutes=minutes), text, zone=zone)
    except ValueError:
        return  # the rule matches nothing, which the test above looks at
    if "UNTIL" in text:
        text = text.replace(
            "T120000", "T160000Z" if zone is NEW_YORK else "T100000Z"
        )  # the same moment, as iCalendar wants it
    after, before = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)

    found = {(opening.begins, opening.ends) for opening in occurrences(freeze, zone, after, before)}

    assert found == set(_theirs(text, begins, zone, minutes, (after, before)))


def _theirs(
    text: str, begins: datetime, zone: ZoneInfo, minutes: int, span: tuple[datetime, datetime]
) -> list[tuple[datetime, datetime]]:
    source = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20200101T000000Z\r\n"
        f"DTSTART;TZID={zone.key}:{begins:%Y%m%dT%H%M%S}\r\nDURATION:PT{minutes}M\r\nRRULE:{text}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    found = []
    for event in recurring_ical_events.of(icalendar.Calendar.from_ical(source)).between(
        span[0] - timedelta(days=10), span[1]
    ):
        opens, closes = event.start.astimezone(UTC), event.end.astimezone(UTC)
        if (
            closes <= opens
        ):  # it began in the hour that the clocks leave out; theirs would end before it begins
            closes = opens + timedelta(minutes=minutes)
        if closes > span[0] and opens < span[1]:
            found.append((opens, closes))
    return found
