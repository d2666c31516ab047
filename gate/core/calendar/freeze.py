"""Is it frozen, and until when?

- Any window that covers the change freezes it, because deny beats allow.
- A window begins with its first instant and ends before its last.
- Windows that overlap or touch are one hold.
- A stopped line is a window without an end.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice
from types import MappingProxyType
from typing import TypeAlias

from gate.core.calendar.calendar import OCCURRENCES_MAX, Calendar, Occurrence, Reach, occurrences
from gate.core.catalogue.catalogue import OWNERS_OF_LAST_RESORT, Catalogue
from gate.core.decision.values import Hold
from gate.core.facts import WEEKDAYS, Fact, Origin

LOOK_AHEAD_DAYS_MAX = 366


Overridden: TypeAlias = Mapping[str, datetime]
"""The windows that were overridden for a change: by id the last time of an override."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The place that a change touches. `owners` and the environment's `tier` are None if they are
    unknown.
    """

    service: str
    environment: str
    owners: tuple[str, ...] | None
    tier: str | None


@dataclass(frozen=True, slots=True)
class Window:
    """One opening of a window of the calendar, or a window that a person declared, in UTC.

    A declared one without `ends` holds until somebody lifts it.
    """

    id: str
    reason: str
    begins: datetime
    ends: datetime | None = None
    stop: bool = False
    reach: Reach = field(default_factory=Reach)
    override_by: tuple[str, ...] = (OWNERS_OF_LAST_RESORT,)


def scope_of(catalogue: Catalogue, service: str, environment: str) -> Scope:
    """Return the scope of a change of this service in this environment.

    What the catalogue does not know stays unknown, and every window covers what is unknown.
    """
    return Scope(
        service,
        environment,
        owners=catalogue.owners_of(service),
        tier=catalogue.tier_of(service, environment),
    )


def open_windows(
    calendar: Calendar, declared: Iterable[Window], scope: Scope, at: datetime
) -> tuple[Window, ...]:
    """Return the windows that are open for this scope now: stops first, then by their end, the
    latest first.
    """
    found = list(_open(calendar, declared, scope, _utc(at)))
    found.sort(key=_last_end_first)
    return tuple(found)


def open_anywhere(
    calendar: Calendar, declared: Iterable[Window], at: datetime
) -> tuple[Window, ...]:
    """Return every window that is open at this instant, whatever it covers, in a fixed order."""
    return tuple(sorted(_open(calendar, declared, None, _utc(at)), key=_last_end_first))


def holds(
    calendar: Calendar,
    declared: Iterable[Window],
    scope: Scope,
    at: datetime,
    overridden: Overridden = MappingProxyType({}),
) -> tuple[Hold, ...]:
    """Return a hold for each open window that was not overridden.

    The hold that ends last ends only when all windows that touch it have ended.
    """
    declared = tuple(declared)
    found = [
        Hold(window.id, window.reason, window.ends, window.override_by, window.stop)
        for window in open_windows(calendar, declared, scope, at)
        if not is_overridden(window, overridden)
    ]
    if found and not found[0].stop:
        found[0] = replace(found[0], until=next_opening(calendar, declared, scope, at, overridden))
    return tuple(found)


def next_opening(
    calendar: Calendar,
    declared: Iterable[Window],
    scope: Scope,
    at: datetime,
    overridden: Overridden = MappingProxyType({}),
) -> datetime | None:
    """Return the first instant from `at` on at which nothing is frozen, or None if that is more
    than 366 days away.

    A window that was overridden freezes nothing.
    """
    declared = tuple(declared)
    until = at = _utc(at)
    while until <= at + timedelta(days=LOOK_AHEAD_DAYS_MAX):
        ends = [
            window.ends
            for window in _open(calendar, declared, scope, until)
            if not is_overridden(window, overridden)
        ]
        if not ends:
            return until
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return None
        until = max(known)
    return None


def is_overridden(window: Window, overridden: Overridden) -> bool:
    """Return whether this opening was overridden.

    An override counts for the opening of its time. The next opening of a window that recurs holds
    again, because nobody has decided about it.
    """
    said_at = overridden.get(window.id)
    return said_at is not None and window.begins <= said_at


def held(calendar: Calendar, declared: Iterable[Window], scope: Scope, at: datetime) -> Hold | None:
    """Return the hold of the window that ends last, or None if the scope is not frozen."""
    return next(iter(holds(calendar, declared, scope, at)), None)


def facts(windows: tuple[Window, ...], calendar: Calendar, at: datetime) -> dict[str, Fact]:
    """Return the `calendar.*` facts, from what `open_windows` returned for the same instant."""
    local = at.astimezone(calendar.zone)
    found = {
        "calendar.frozen": _YES if windows else _NO,
        "calendar.freeze": Fact(windows[0].id, Origin.CALENDAR) if windows else _NO_WINDOW,
        "calendar.weekday": _WEEKDAYS[local.weekday()],
        "calendar.hour": _HOURS[local.hour],
    }
    at_work = calendar.is_within_business_hours(at)
    if at_work is not None:
        found["calendar.within_business_hours"] = _YES if at_work else _NO
    return found


def schedule(
    calendar: Calendar,
    declared: Iterable[Window],
    begins: datetime,
    ends: datetime,
    scope: Scope | None = None,
) -> tuple[Window, ...]:
    """Return the windows that touch [begins, ends), earliest first, at most a thousand.

    They are those of one scope, or without it of every scope.
    """
    begins, ends = _utc(begins), _utc(ends)
    recurring = [
        map(_opened, occurrences(freeze, calendar.zone, begins, ends))
        for freeze in calendar.freezes
        if scope is None or covers(freeze.reach, scope)
    ]
    touching = [
        window
        for window in declared
        if window.begins < ends
        and (window.ends is None or window.ends > begins)
        and (scope is None or covers(window.reach, scope))
    ]
    # Each source is in order, so nothing is computed that is not returned.
    merged = merge(*recurring, sorted(touching, key=_first_begin_first), key=_first_begin_first)
    return tuple(islice(merged, OCCURRENCES_MAX))


def _open(
    calendar: Calendar, declared: Iterable[Window], scope: Scope | None, at: datetime
) -> Iterator[Window]:
    """Yield the windows that are open for a scope, or without it all that are open."""
    for opening in calendar.on_day_of(at):
        if opening.begins <= at < opening.ends and (
            scope is None or covers(opening.freeze.reach, scope)
        ):
            yield _opened(opening)
    for window in declared:
        is_open = window.begins <= at and (window.ends is None or at < window.ends)
        if is_open and (scope is None or covers(window.reach, scope)):
            yield window


def covers(reach: Reach, scope: Scope) -> bool:
    """Return whether a window covers this scope.

    Unknown is the worst case: a window for a tier or for owners covers a scope whose tier or owners
    are unknown.
    """
    if (reach.environments and scope.environment not in reach.environments) or (
        reach.services and scope.service not in reach.services
    ):
        return False
    if scope.service in reach.except_services or (
        reach.tiers and scope.tier is not None and scope.tier not in reach.tiers
    ):
        return False
    return not reach.owners or scope.owners is None or not reach.owners.isdisjoint(scope.owners)


def _opened(opening: Occurrence) -> Window:
    freeze = opening.freeze
    override_by = freeze.override_by or (OWNERS_OF_LAST_RESORT,)
    return Window(
        freeze.id,
        freeze.reason,
        opening.begins,
        opening.ends,
        reach=freeze.reach,
        override_by=override_by,
    )


def _utc(at: datetime) -> datetime:
    """Return `at` in UTC. Raises ValueError without a time zone, because that is a bug."""
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    return at.astimezone(UTC)


# Values are shared: every decision asks for these facts.
_YES, _NO, _NO_WINDOW = (Fact(value, Origin.CALENDAR) for value in (True, False, ""))
_WEEKDAYS = tuple(Fact(day, Origin.CALENDAR) for day in WEEKDAYS)
_HOURS = tuple(Fact(hour, Origin.CALENDAR) for hour in range(24))
_NEVER = datetime.max.replace(tzinfo=UTC)


def _last_end_first(window: Window) -> tuple[bool, float, str]:
    return not window.stop, -(window.ends or _NEVER).timestamp(), window.id


def _first_begin_first(window: Window) -> tuple[datetime, datetime, str]:
    return window.begins, window.ends or _NEVER, window.id
