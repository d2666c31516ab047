"""Windows as bars over the days of one week: which lane each lies in, and what each day shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from gate.flow.answers.calendar import WindowAnswer

LANES_MAX = 4
"""The most bars below each other. A day shows how many others there are."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a bar that lies on one day.

    `label` is printed on the first day of the week that the bar touches, and may be `days` wide. On
    other days it is there for readers who do not see the bar.
    """

    label: str
    stop: bool
    begins: bool
    ends: bool
    leads: bool
    days: int


@dataclass(frozen=True, slots=True)
class Lanes:
    """The content of one day: a piece for each lane, or None if the lane is empty, and how many
    more there are.
    """

    pieces: Sequence[Piece | None]
    more: int


@dataclass(frozen=True, slots=True)
class _Bar:
    """A window in one week, by the numbers of its first and its last day there."""

    window: WindowAnswer
    first: int
    last: int


def of_week(days: Sequence[date], windows: Sequence[WindowAnswer], zone: tzinfo) -> list[Lanes]:
    """Return the lanes of each of these days, which follow each other."""
    lanes: list[list[_Bar]] = []
    for bar in _bars(days, windows, zone):
        free = next((lane for lane in lanes if lane[-1].last < bar.first), None)
        if free is None:
            lanes.append([bar])
        else:
            free.append(bar)
    return [_of_day(days, number, lanes, zone) for number in range(len(days))]


def _bars(days: Sequence[date], windows: Sequence[WindowAnswer], zone: tzinfo) -> list[_Bar]:
    """Return the windows that touch the week, ordered by beginning and then by length, longest
    first.
    """
    found = []
    for window in windows:
        begins, last = _first_day(window, zone), _last_day(window, zone)
        if begins <= days[-1] and (last is None or last >= days[0]):
            first = max((begins - days[0]).days, 0)
            end = len(days) - 1 if last is None else min((last - days[0]).days, len(days) - 1)
            found.append(_Bar(window, first, end))
    return sorted(found, key=lambda one: (one.first, one.first - one.last, one.window.begins))


def _of_day(
    days: Sequence[date], number: int, lanes: Sequence[Sequence[_Bar]], zone: tzinfo
) -> Lanes:
    here = [next((bar for bar in lane if bar.first <= number <= bar.last), None) for lane in lanes]
    shown = [None if bar is None else _piece(days, number, bar, zone) for bar in here[:LANES_MAX]]
    while shown and shown[-1] is None:
        shown.pop()
    return Lanes(shown, sum(bar is not None for bar in here[LANES_MAX:]))


def _piece(days: Sequence[date], number: int, bar: _Bar, zone: tzinfo) -> Piece:
    window, day = bar.window, days[number]
    return Piece(
        label=_label(window, days[bar.first], days[bar.last], zone),
        stop=window.stop,
        begins=_first_day(window, zone) == day,
        ends=_last_day(window, zone) == day,
        leads=number == bar.first,
        days=bar.last - bar.first + 1,
    )


def _label(window: WindowAnswer, first: date, last: date, zone: tzinfo) -> str:
    """Return the reason with the hours at which the window begins and ends in this week, unless
    these are midnight.
    """
    begins = window.begins.astimezone(zone)
    said = window.reason
    if begins.date() == first and not _is_midnight(begins):
        said = f"{begins:%H:%M} {said}"
    if window.ends is not None and _last_day(window, zone) == last:
        ends = window.ends.astimezone(zone)
        if not _is_midnight(ends):
            # Where a bar is one day wide its end would be cut off, so the hour stands in front.
            is_rest = first == last and begins.date() != first
            said = f"until {ends:%H:%M}: {said}" if is_rest else f"{said} until {ends:%a %H:%M}"
    return said


def _first_day(window: WindowAnswer, zone: tzinfo) -> date:
    return window.begins.astimezone(zone).date()


def _last_day(window: WindowAnswer, zone: tzinfo) -> date | None:
    """Return the day of the last frozen instant. A window that ends at midnight ends on the day
    before.
    """
    if window.ends is None:
        return None
    ends = window.ends.astimezone(zone)
    return ends.date() - _DAY if _is_midnight(ends) else ends.date()


def _is_midnight(at: datetime) -> bool:
    return (at.hour, at.minute, at.second) == (0, 0, 0)
