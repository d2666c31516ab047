"""Is it frozen, and until when?

Any window that covers the change freezes it: deny beats allow. A window begins with its first instant and ends before
its last; windows that overlap or touch are one hold. A stopped line is a window without an end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice

from gate.core.calendar.calendar import OCCURRENCES_MAX, Calendar, Occurrence, Reach, occurrences
from gate.core.catalogue.catalogue import OWNERS_OF_LAST_RESORT, Catalogue
from gate.core.decision.values import Hold
from gate.core.facts import WEEKDAYS, Fact, Origin

LOOK_AHEAD_DAYS_MAX = 366


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody wants to change. `owners` and `tier` (the environment's) are None where nobody knows them."""

    service: str
    environment: str
    owners: tuple[str, ...] | None
    tier: str | None


@dataclass(frozen=True, slots=True)
class AdHoc:
    """A window that a person opened through the interface. `ends` None: until somebody lifts it."""

    id: str
    reason: str
    begins: datetime
    ends: datetime | None = None
    stop: bool = False
    reach: Reach = field(default_factory=Reach)
    override_by: tuple[str, ...] = (OWNERS_OF_LAST_RESORT,)


@dataclass(frozen=True, slots=True)
class Window:
    """One window at one time: what is open now, or one row of the change schedule. Instants are in UTC."""

    id: str
    reason: str
    begins: datetime
    ends: datetime | None
    override_by: tuple[str, ...]
    stop: bool
    reach: Reach


def scope_of(catalogue: Catalogue, service: str, environment: str) -> Scope:
    """Whom a window may cover; what the catalogue does not know stays unknown, so that every window covers it."""
    return Scope(service, environment, owners=catalogue.owners_of(service), tier=catalogue.tier_of(service, environment))


def open_windows(calendar: Calendar, extra: Iterable[AdHoc], scope: Scope, at: datetime) -> tuple[Window, ...]:
    """Every window that is open for this scope at this instant: stops first, then the one that ends last."""
    found = list(_open(calendar, extra, scope, _utc(at)))
    found.sort(key=_last_end_first)
    return tuple(found)


def next_opening(calendar: Calendar, extra: Iterable[AdHoc], scope: Scope, at: datetime) -> datetime | None:
    """The first instant from `at` on at which nothing is frozen; None where there is none within 366 days."""
    extra = tuple(extra)
    until = at = _utc(at)
    while until <= at + timedelta(days=LOOK_AHEAD_DAYS_MAX):
        ends = [window.ends for window in _open(calendar, extra, scope, until)]
        if not ends:
            return until
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return None
        until = max(known)
    return None


def held(calendar: Calendar, extra: Iterable[AdHoc], scope: Scope, at: datetime) -> Hold | None:
    """The hold of a frozen scope, named for the window that ends last; None where nothing is open."""
    extra = tuple(extra)
    windows = open_windows(calendar, extra, scope, at)
    if not windows:
        return None
    last = windows[0]
    return Hold(last.id, last.reason, next_opening(calendar, extra, scope, at), last.override_by, last.stop)


def facts(windows: tuple[Window, ...], calendar: Calendar, at: datetime) -> dict[str, Fact]:
    """The `calendar.*` facts, from what `open_windows` answered for the same instant."""
    local = at.astimezone(calendar.zone)
    found = {
        "calendar.frozen": _YES if windows else _NO,
        "calendar.freeze": Fact(windows[0].id, Origin.CALENDAR) if windows else _NO_WINDOW,
        "calendar.weekday": _WEEKDAYS[local.weekday()],
        "calendar.hour": _HOURS[local.hour],
    }
    if calendar.business_hours is not None:
        found["calendar.within_business_hours"] = _YES if calendar.business_hours.include(local) else _NO
    return found


def schedule(
    calendar: Calendar, extra: Iterable[AdHoc], begins: datetime, ends: datetime, scope: Scope | None = None
) -> tuple[Window, ...]:
    """The windows that touch [begins, ends), earliest first and at most a thousand; of every scope, or of one."""
    begins, ends = _utc(begins), _utc(ends)
    recurring = [
        map(_opened, occurrences(freeze, calendar.zone, begins, ends))
        for freeze in calendar.freezes
        if scope is None or covers(freeze.reach, scope)
    ]
    adhoc = [
        _window(window)
        for window in extra
        if window.begins < ends and (window.ends is None or window.ends > begins) and (scope is None or covers(window.reach, scope))
    ]
    # Each list is in order, so only what is shown is ever worked out.
    merged = merge(*recurring, sorted(adhoc, key=_first_begin_first), key=_first_begin_first)
    return tuple(islice(merged, OCCURRENCES_MAX))


def _open(calendar: Calendar, extra: Iterable[AdHoc], scope: Scope, at: datetime) -> Iterator[Window]:
    for opening in calendar.on_day_of(at):
        if opening.begins <= at < opening.ends and covers(opening.freeze.reach, scope):
            yield _opened(opening)
    for window in extra:
        if window.begins <= at and (window.ends is None or at < window.ends) and covers(window.reach, scope):
            yield _window(window)


def covers(reach: Reach, scope: Scope) -> bool:
    """Unknown is the worst case: a window for a tier or for owners covers what has none that we know."""
    if (reach.environments and scope.environment not in reach.environments) or (reach.services and scope.service not in reach.services):
        return False
    if scope.service in reach.except_services or (reach.tiers and scope.tier is not None and scope.tier not in reach.tiers):
        return False
    return not reach.owners or scope.owners is None or not reach.owners.isdisjoint(scope.owners)


def _opened(opening: Occurrence) -> Window:
    freeze = opening.freeze
    override_by = freeze.override_by or (OWNERS_OF_LAST_RESORT,)
    return Window(freeze.id, freeze.reason, opening.begins, opening.ends, override_by, stop=False, reach=freeze.reach)


def _window(adhoc: AdHoc) -> Window:
    return Window(adhoc.id, adhoc.reason, adhoc.begins, adhoc.ends, adhoc.override_by, adhoc.stop, adhoc.reach)


def _utc(at: datetime) -> datetime:
    """`at` in UTC; a time without a zone is a bug of the caller."""
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
