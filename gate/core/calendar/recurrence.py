"""On which days does a recurring window open? The part of RFC 5545's RRULE that changes need.

This is not a library, because policies come from outside: a library that walks from the first
opening to the year 9999 spends seconds on a rule that never matches
(`FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30`). Here only the days in question are looked at. Tests compare
the results with those of two libraries.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

RRULE_BYTES_MAX = 500
INTERVAL_MAX = 1_000
COUNT_MAX = 1_000
WEEKS_MAX = 53
SEARCH_DAYS_MAX = 3_653
PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST")
DAY_NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Frequency(StrEnum):
    """How often a window recurs. It recurs at most daily, because it opens at one time
    of the day.
    """

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule as values. `until` is the local time of the last possible opening.

    `by_day` has pairs of an ordinal, 0 for every one, and a weekday, 0 for Monday.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    by_day: tuple[tuple[int, int], ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    by_set_position: tuple[int, ...] = ()
    week_start: int = 0


def days(rule: Recurrence, begins: datetime, first: date, last: date) -> Iterator[date]:
    """Yield the days from `first` to `last` on which a window opens again, in order.

    The day of `begins`, its first opening, is never among them.
    """
    start = begins.date()
    until = last if rule.until is None else min(last, _last_day(rule.until, begins))
    counted_from = start if rule.count else max(start, first)
    for seen, day in enumerate(_matching(rule, start, counted_from, until)):
        if rule.count and seen >= rule.count:
            return
        if day > start and day >= first:
            yield day


def read_rrule(text: str, begins: datetime, zone: tzinfo) -> Recurrence:
    """Return the rule of a text such as `FREQ=WEEKLY;BYDAY=FR`.

    `begins` is the first opening, in local time of `zone`. Raises ValueError with what was found
    and what is allowed.
    """
    if len(text.encode(errors="replace")) > RRULE_BYTES_MAX:
        raise ValueError(f"found {len(text)} characters, allowed are {RRULE_BYTES_MAX} bytes")
    parts = _parts(text.upper().removeprefix("RRULE:"))
    if parts.get("FREQ") not in list(Frequency):
        raise ValueError(
            f"found FREQ={parts.get('FREQ', '')}, allowed is FREQ={' or '.join(Frequency)}"
        )
    rule = Recurrence(
        frequency=Frequency(parts["FREQ"]),
        interval=_whole(parts, "INTERVAL", INTERVAL_MAX) or 1,
        count=_whole(parts, "COUNT", COUNT_MAX),
        until=_until(parts["UNTIL"], zone) if "UNTIL" in parts else None,
        by_day=_by_day(parts),
        by_month_day=_numbers(parts, "BYMONTHDAY", -31, 31),
        by_month=_numbers(parts, "BYMONTH", 1, 12),
        by_set_position=_numbers(parts, "BYSETPOS", -366, 366),
        week_start=_weekday("WKST", parts.get("WKST", "MO")),
    )
    _check_parts_together(rule)
    rule = _completed(rule, begins.date())
    _check_that_it_opens(rule, begins)
    return rule


def rrule_text(rule: Recurrence) -> str:
    """Return the rule as text in one spelling, in whatever order its parts were written."""
    parts = {
        "FREQ": rule.frequency.value,
        "INTERVAL": str(rule.interval) if rule.interval > 1 else "",
        "COUNT": str(rule.count or ""),
        "UNTIL": rule.until.strftime("%Y%m%dT%H%M%S") if rule.until else "",
        "BYDAY": ",".join(f"{nth or ''}{DAY_NAMES[weekday]}" for nth, weekday in rule.by_day),
        "BYMONTHDAY": ",".join(map(str, rule.by_month_day)),
        "BYMONTH": ",".join(map(str, rule.by_month)),
        "BYSETPOS": ",".join(map(str, rule.by_set_position)),
        "WKST": DAY_NAMES[rule.week_start] if rule.week_start else "",
    }
    return ";".join(f"{name}={value}" for name, value in parts.items() if value)


def _last_day(until: datetime, begins: datetime) -> date:
    in_time = begins.time() <= until.time()
    return until.date() if in_time else until.date() - timedelta(days=1)


def _matching(rule: Recurrence, start: date, first: date, last: date) -> Iterator[date]:
    """Yield every day of the rule from `first` to `last`, without regard to its count and end."""
    origin, step = _period(rule, start), rule.interval
    # Rounded up: periods before that of `first` end before it.
    skipped = max(0, -(-(_period(rule, first) - origin) // step))
    for period in range(origin + skipped * step, _period(rule, last) + 1, step):
        begin, end = _bounds(rule, period)
        if rule.by_set_position:
            # A position counts the days of the whole period, so none may be left out before.
            found = _at_positions(rule.by_set_position, _opening_days(rule, begin, end))
            yield from (day for day in found if first <= day <= last)
        else:
            yield from _opening_days(
                rule, max(begin, first.toordinal()), min(end, last.toordinal())
            )


def _period(rule: Recurrence, day: date) -> int:
    """Return the number of the period, day, week, month or year, that contains a day."""
    match rule.frequency:
        case Frequency.DAILY:
            return day.toordinal()
        case Frequency.WEEKLY:
            # Day 1 of the calendar was a Monday.
            return (day.toordinal() - 1 - rule.week_start) // 7
        case Frequency.MONTHLY:
            return day.year * 12 + day.month - 1
        case Frequency.YEARLY:
            return day.year


def _bounds(rule: Recurrence, period: int) -> tuple[int, int]:
    """Return the first and the last day of a period, as ordinals."""
    match rule.frequency:
        case Frequency.DAILY:
            return period, period
        case Frequency.WEEKLY:
            monday = period * 7 + 1 + rule.week_start
            return monday, monday + 6
        case Frequency.MONTHLY:
            begin = date(period // 12, period % 12 + 1, 1)
            return begin.toordinal(), begin.toordinal() + calendar.monthrange(
                begin.year, begin.month
            )[1] - 1
        case Frequency.YEARLY:
            return date(period, 1, 1).toordinal(), date(period, 12, 31).toordinal()


def _opening_days(rule: Recurrence, begin: int, end: int) -> list[date]:
    return [day for day in map(date.fromordinal, range(begin, end + 1)) if _opens_on(rule, day)]


def _opens_on(rule: Recurrence, day: date) -> bool:
    if rule.by_month and day.month not in rule.by_month:
        return False
    if rule.by_month_day:
        from_the_end = day.day - calendar.monthrange(day.year, day.month)[1] - 1
        if day.day not in rule.by_month_day and from_the_end not in rule.by_month_day:
            return False
    return not rule.by_day or any(
        weekday == day.weekday() and (nth == 0 or nth in _ordinals(rule, day))
        for nth, weekday in rule.by_day
    )


def _ordinals(rule: Recurrence, day: date) -> tuple[int, int]:
    """Return which one of its weekday this day is, counted from the front and from the back.

    It is counted in the month, or in the year if the rule names no month.
    """
    if rule.frequency is Frequency.YEARLY and not rule.by_month:
        number, length = day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365
    else:
        number, length = day.day, calendar.monthrange(day.year, day.month)[1]
    return (number - 1) // 7 + 1, -((length - number) // 7 + 1)


def _at_positions(positions: tuple[int, ...], found: list[date]) -> list[date]:
    size = len(found)
    return sorted(
        {found[place - 1 if place > 0 else place] for place in positions if abs(place) <= size}
    )


def _completed(rule: Recurrence, start: date) -> Recurrence:
    """Return the rule with what it leaves out taken from its first opening (RFC 5545, 3.3.10)."""
    if rule.by_day or rule.by_month_day or rule.frequency is Frequency.DAILY:
        return rule
    if rule.frequency is Frequency.WEEKLY:
        return replace(rule, by_day=((0, start.weekday()),))
    months = rule.by_month or ((start.month,) if rule.frequency is Frequency.YEARLY else ())
    return replace(rule, by_month=months, by_month_day=(start.day,))


def _check_that_it_opens(rule: Recurrence, begins: datetime) -> None:
    if rule.until and rule.until < begins:
        raise ValueError(
            f"found UNTIL={rule.until.isoformat()}, allowed is a time not before the first opening"
        )
    start = begins.date()
    if next(_matching(rule, start, start, start + timedelta(days=SEARCH_DAYS_MAX)), None) is None:
        raise ValueError(
            "found a rule that matches no day in ten years, allowed is one that opens; "
            "check BYMONTH, BYMONTHDAY and INTERVAL"
        )


def _check_parts_together(rule: Recurrence) -> None:
    daily, weekly = rule.frequency is Frequency.DAILY, rule.frequency is Frequency.WEEKLY
    numbered = any(nth for nth, _ in rule.by_day)
    chosen_from_none = daily or not (rule.by_day or rule.by_month_day)
    if rule.count and rule.until:
        raise ValueError("found COUNT and UNTIL, allowed is one of them")
    if weekly and rule.by_month_day:
        raise ValueError("found BYMONTHDAY in a weekly rule, allowed is FREQ=MONTHLY")
    if numbered and (daily or weekly):
        raise ValueError("found a numbered weekday, allowed are those with FREQ=MONTHLY or YEARLY")
    if rule.by_set_position and chosen_from_none:
        raise ValueError(
            "found BYSETPOS alone, allowed is it beside BYDAY or BYMONTHDAY, and not with "
            "FREQ=DAILY"
        )


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if name not in PARTS or not value:
            raise ValueError(
                f"found {part or 'an empty part'}, allowed are {'=… '.join(PARTS)}=…, "
                "separated by ;"
            )
        if name in parts:
            raise ValueError(f"found {name} twice, allowed is once")
        parts[name] = value
    return parts


def _whole(parts: dict[str, str], name: str, high: int) -> int | None:
    if name not in parts:
        return None
    numbers = _numbers(parts, name, 1, high)
    if len(numbers) != 1:
        raise ValueError(f"found {name}={parts[name]}, allowed is one number")
    return numbers[0]


def _numbers(parts: dict[str, str], name: str, low: int, high: int) -> tuple[int, ...]:
    if name not in parts:
        return ()
    found = [int(item) if _NUMBER.fullmatch(item) else 0 for item in parts[name].split(",")]
    if not all(number and low <= number <= high for number in found):
        raise ValueError(
            f"found {name}={parts[name]}, allowed are whole numbers from {low} to "
            f"{high}{' without 0' if low < 0 else ''}"
        )
    return tuple(sorted(set(found)))


def _by_day(parts: dict[str, str]) -> tuple[tuple[int, int], ...]:
    found = []
    for item in parts["BYDAY"].split(",") if "BYDAY" in parts else ():
        numbered = _BY_DAY.fullmatch(item)
        nth = int(numbered["nth"] or 0) if numbered else 0
        if not numbered or (numbered["nth"] and not 1 <= abs(nth) <= WEEKS_MAX):
            raise ValueError(f"found BYDAY={item}, allowed is a weekday such as FR, 1MO or -1SU")
        found.append((nth, _weekday("BYDAY", numbered["day"])))
    return tuple(sorted(set(found)))


def _weekday(name: str, word: str) -> int:
    if word not in DAY_NAMES:
        raise ValueError(f"found {name}={word}, allowed is {' '.join(DAY_NAMES)}")
    return DAY_NAMES.index(word)


def _until(text: str, zone: tzinfo) -> datetime:
    """Return the end of a rule in local time. A day without a time includes all of that day."""
    if not _UNTIL.fullmatch(text):
        raise ValueError(
            f"found UNTIL={text}, allowed is 20261231, 20261231T235959 or 20261231T235959Z"
        )
    try:
        if len(text) == len("20261231"):
            return datetime.strptime(text, "%Y%m%d").replace(hour=23, minute=59, second=59)  # noqa: DTZ007 - a local time
        until = datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - the zone is looked at below
        return (
            until.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
            if text.endswith("Z")
            else until
        )
    except (ValueError, OverflowError):
        raise ValueError(f"found UNTIL={text}, allowed is a day that exists") from None


_NUMBER = re.compile(r"[+-]?[0-9]{1,4}")
_BY_DAY = re.compile(r"(?P<nth>[+-]?[0-9]{1,2})?(?P<day>[A-Z]{2})")
_UNTIL = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")
