"""The change calendar as values: business hours, and the windows in which nothing may be deployed.

Times in the file are local times of its zone, and a window is measured on a wall clock: one that
opens at `16:00` and lasts `64h` ends at `08:00` even if the clocks change in between. A local time
that occurs twice means the first one. One that does not occur is read with the offset before the
gap, as in iCalendar (RFC 5545, 3.3.5).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from gate.core.calendar.recurrence import Recurrence, days, rrule_text
from gate.core.canonical import canonical, digest
from gate.core.facts import WEEKDAYS
from gate.core.instants import midnight

FREEZES_MAX = 200
HOLIDAYS_MAX = 1_000
OCCURRENCES_MAX = 1_000
AHEAD_MAX = timedelta(days=3 * 366)
YEAR_FIRST, YEAR_LAST = 2000, 2199
LASTS_DAYS_MAX = 366

EARLIEST = datetime(YEAR_FIRST - 1, 1, 1, tzinfo=UTC)
LATEST = datetime(YEAR_LAST + 2, 1, 1, tzinfo=UTC)
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reach:
    """The changes that a window freezes. An empty key restricts nothing, and several keys must all
    match.
    """

    services: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    except_services: frozenset[str] = frozenset()

    def tree(self) -> dict[str, list[str]]:
        """Return the keys that restrict something, for the canonical form and for answers."""
        keys = ("services", "owners", "environments", "tiers", "except_services")
        return {key: sorted(getattr(self, key)) for key in keys if getattr(self, key)}


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """The business hours of the local day, from minute `begins` to before minute `ends`, on these
    weekdays.

    Weekday 0 is Monday.
    """

    weekdays: frozenset[int]
    begins_minute: int
    ends_minute: int

    def include(self, local: datetime) -> bool:
        """Return whether a local time is within business hours."""
        return (
            local.weekday() in self.weekdays
            and self.begins_minute <= local.hour * 60 + local.minute < self.ends_minute
        )


@dataclass(frozen=True, slots=True)
class Freeze:
    """One window of the file, which may recur.

    `begins` and `ends` are the local times of its first opening, with their `fold`. Openings on
    `excluded_days` and at the local `excluded_times` do not take place.
    """

    id: str
    reason: str
    begins: datetime
    ends: datetime
    reach: Reach = field(default_factory=Reach)
    override_by: tuple[str, ...] = ()
    rule: Recurrence | None = None
    excluded_days: frozenset[date] = frozenset()
    excluded_times: frozenset[datetime] = frozenset()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One opening of a window, from `begins` to before `ends`, in UTC."""

    freeze: Freeze
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """`calendar.yaml` as values. Without a file nothing is frozen, and business hours
    are unknown.
    """

    zone: tzinfo = field(default_factory=lambda: ZoneInfo("UTC"))
    business_hours: BusinessHours | None = None
    freezes: tuple[Freeze, ...] = ()
    # Days of its zone on which nobody works, whatever their weekday.
    holidays: frozenset[date] = frozenset()
    revision: str = field(init=False, compare=False)
    # What is open on a day is computed once. The answer never changes, so sharing it is safe.
    _by_day: dict[int, tuple[Occurrence, ...]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        # The digest of the canonical form, so that the same windows have the same revision however
        # the file is written.
        object.__setattr__(self, "revision", digest(canonical(self.tree())))

    @property
    def time_zone(self) -> str:
        """The name of the time zone."""
        return str(self.zone)

    def tree(self) -> dict[str, object]:
        """Return the calendar as JSON, in one order of windows, keys and parts of rules."""
        hours = self.business_hours
        # A calendar without holidays has the revision that it had before there were any.
        holidays = {"holidays": sorted(map(str, self.holidays))} if self.holidays else {}
        return {
            **holidays,
            "time_zone": self.time_zone,
            "business_hours": hours
            and {
                "days": [WEEKDAYS[day] for day in sorted(hours.weekdays)],
                "from": hours.begins_minute,
                "to": hours.ends_minute,
            },
            "freezes": [
                _freeze_tree(freeze)
                for freeze in sorted(self.freezes, key=lambda freeze: freeze.id)
            ],
        }

    def is_within_business_hours(self, at: datetime) -> bool | None:
        """Return whether people work at this instant, or None where the file does not say it."""
        if self.business_hours is None:
            return None
        local = at.astimezone(self.zone)
        return local.date() not in self.holidays and self.business_hours.include(local)

    def on_day_of(self, at: datetime) -> tuple[Occurrence, ...]:
        """Return every opening that touches the UTC day of `at`; computed once for each day."""
        day = at.toordinal()
        found = self._by_day.get(day)
        if found is None:
            if not EARLIEST <= at < LATEST:
                return ()
            if len(self._by_day) >= OCCURRENCES_MAX:
                self._by_day.clear()
            begins = midnight(at.date())
            found = tuple(self.between(begins, begins + _ONE_DAY))
            self._by_day[day] = found
        return found

    def between(self, after: datetime, before: datetime) -> Iterator[Occurrence]:
        """Yield every opening that touches [after, before), one window after the other.

        There are at most `OCCURRENCES_MAX` of each window.
        """
        for freeze in self.freezes:
            yield from occurrences(freeze, self.zone, after, before)


def occurrences(
    freeze: Freeze, zone: tzinfo, after: datetime, before: datetime
) -> Iterator[Occurrence]:
    """Yield the openings of one window that touch [after, before), in order.

    They end three years after `after`, because a rule may recur for ever.
    """
    after = min(max(after, EARLIEST), LATEST)
    before = min(before, LATEST, after + AHEAD_MAX)
    seen = 0
    for opening in _openings(freeze, zone, after, before):
        if opening.begins < before and opening.ends > after:
            seen += 1
            if seen > OCCURRENCES_MAX:
                return
            yield opening


def instant(local: datetime, zone: tzinfo) -> datetime:
    """Return the local time as an instant in UTC."""
    return local.replace(tzinfo=zone).astimezone(UTC)


def _openings(
    freeze: Freeze, zone: tzinfo, after: datetime, before: datetime
) -> Iterator[Occurrence]:
    """Yield the first opening, then those of the rule that may touch the period."""
    if not _is_excluded(freeze, freeze.begins):
        yield _opening(freeze, zone, freeze.begins, freeze.ends)
    if freeze.rule is None:
        return
    lasts = freeze.ends.replace(fold=0) - freeze.begins.replace(fold=0)
    # One day more at each end, because a change of the clocks moves local times.
    first = (after.astimezone(zone).replace(tzinfo=None) - lasts - _ONE_DAY).date()
    last = (before.astimezone(zone).replace(tzinfo=None) + _ONE_DAY).date()
    for day in days(freeze.rule, freeze.begins, first, last):
        begins = datetime.combine(day, freeze.begins.time().replace(fold=0))
        if not _is_excluded(freeze, begins):
            yield _opening(freeze, zone, begins, begins + lasts)


def _opening(freeze: Freeze, zone: tzinfo, begins: datetime, ends: datetime) -> Occurrence:
    opens, closes = instant(begins, zone), instant(ends, zone)
    if closes <= opens:
        # It began inside the hour that the clocks leave out. It lasts as long as on any other day.
        closes = opens + (ends - begins)
    return Occurrence(freeze, opens, closes)


def _is_excluded(freeze: Freeze, begins: datetime) -> bool:
    return begins.date() in freeze.excluded_days or begins.replace(fold=0) in freeze.excluded_times


def _freeze_tree(freeze: Freeze) -> dict[str, object]:
    tree: dict[str, object] = {
        "id": freeze.id,
        "reason": freeze.reason,
        "begins": _local_text(freeze.begins),
        "ends": _local_text(freeze.ends),
        "override_by": sorted(freeze.override_by),
        **freeze.reach.tree(),
    }
    if freeze.rule:
        tree["rrule"] = rrule_text(freeze.rule)
        tree["exclude"] = sorted(
            [*map(str, freeze.excluded_days), *map(_local_text, freeze.excluded_times)]
        )
    return tree


def _local_text(local: datetime) -> str:
    return local.isoformat(timespec="seconds") + ("#2" if local.fold else "")
