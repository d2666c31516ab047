"""Reads `calendar.yaml` strictly, and raises one error with every fault."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gate.core.calendar.calendar import (
    FREEZES_MAX,
    HOLIDAYS_MAX,
    LASTS_DAYS_MAX,
    YEAR_FIRST,
    YEAR_LAST,
    BusinessHours,
    Calendar,
    Freeze,
    Reach,
    instant,
)
from gate.core.calendar.recurrence import RRULE_BYTES_MAX, Recurrence, read_rrule
from gate.core.catalogue.catalogue import Catalogue
from gate.core.catalogue.names import read_listed, read_name
from gate.core.facts import ENVIRONMENT_TIERS, WEEKDAYS
from gate.core.yaml import reader as strict_yaml
from gate.core.yaml.fields import Faults, Fields
from gate.core.yaml.reader import Node, Scalar, clip

EXCLUDES_MAX = 366
DAY_MINUTES = 24 * 60

_T = TypeVar("_T")
_ZONE = re.compile(r"UTC|[A-Z][A-Za-z_]+(?:/[A-Za-z0-9_+-]+){1,2}")
_CLOCK = re.compile(r"(?P<hour>[01][0-9]|2[0-4]):(?P<minute>[0-5][0-9])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})?"
)
_TIME_ALLOWED = (
    "a time such as 2026-12-20T00:00, with Z or an offset where it is not local, in the years "
    f"{YEAR_FIRST} to {YEAR_LAST}"
)


def read_calendar(text: str | bytes, name: str, catalogue: Catalogue | None) -> Calendar:
    """Return the calendar of a file, whose names the catalogue must know.

    Raises `Invalid` with every fault and its place. Names are not checked if the catalogue is None
    because it could not be read.
    """
    faults = Faults()
    root = Fields(strict_yaml.read(text, name), faults, "the calendar")
    zone = _zone(root)
    hours = root.fields("business_hours", required=False)
    reader = _Freezes(zone, catalogue, faults)
    calendar = Calendar(
        zone=zone,
        business_hours=_business_hours(hours) if hours else None,
        holidays=_holidays(root),
        freezes=tuple(
            reader.freeze(node)
            for node in root.items("freezes", required=False, length_max=FREEZES_MAX) or ()
        ),
    )
    root.done()
    faults.stop()
    return calendar


def _zone(root: Fields) -> ZoneInfo:
    name = root.text("time_zone", "UTC")
    with suppress(ZoneInfoNotFoundError, ValueError, OSError):  # said below, with all other faults
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    if name:
        root.faults.add(
            root.place_of("time_zone"),
            f"time_zone: found {clip(name)}, allowed is UTC or a zone such as Europe/Berlin",
        )
    return ZoneInfo("UTC")


def _business_hours(fields: Fields) -> BusinessHours:
    days = fields.texts("days", choices=WEEKDAYS)
    begins, ends = _minute(fields, "from"), _minute(fields, "to")
    fields.done()
    if begins is not None and ends is not None and begins >= ends:
        fields.faults.add(
            fields.place,
            "business_hours: found to not after from, allowed are hours of one day; 24:00 is its "
            "end",
        )
    return BusinessHours(
        frozenset(WEEKDAYS.index(day) for day in days if day in WEEKDAYS), begins or 0, ends or 0
    )


def _holidays(root: Fields) -> frozenset[date]:
    nodes = root.items("holidays", required=False, length_max=HOLIDAYS_MAX) or ()
    read = (_read(root, node, "holidays", _day, "a day such as 2026-12-25") for node in nodes)
    return frozenset(day for day in read if day is not None)


def _day(text: str) -> date:
    """Return the day of a text. Raises ValueError."""
    day = date.fromisoformat(text)
    if not _DAY.fullmatch(text) or not YEAR_FIRST <= day.year <= YEAR_LAST:
        raise ValueError(text)
    return day


def _minute(fields: Fields, key: str) -> int | None:
    text = fields.text(key)
    clock = _CLOCK.fullmatch(text)
    minute = int(clock["hour"]) * 60 + int(clock["minute"]) if clock else DAY_MINUTES + 1
    if minute <= DAY_MINUTES:
        return minute
    if text:
        fields.faults.add(
            fields.place_of(key),
            f'{key}: found {clip(text)}, allowed is a time of day such as "09:00", to "24:00"',
        )
    return None


class _Freezes:
    """Reads freeze windows, with the time zone and the names that they need."""

    def __init__(self, zone: tzinfo, catalogue: Catalogue | None, faults: Faults) -> None:
        self._zone = zone
        self._groups = None if catalogue is None else catalogue.groups
        self._services = None if catalogue is None else catalogue.services
        self._environments = None if catalogue is None else catalogue.environments
        self._faults = faults
        self._ids: set[str] = set()

    def freeze(self, node: Node) -> Freeze:
        """Read one entry under `freezes`."""
        fields = Fields(node, self._faults, "a freeze")
        begins, ends = self._span(fields)
        days, times = self._excluded(fields)
        freeze = Freeze(
            id=self._id(fields),
            reason=fields.text("reason"),
            begins=begins,
            ends=ends,
            reach=self._reach(fields),
            override_by=read_listed(fields, "override_by", self._groups, "group"),
            rule=self._rule(fields, begins),
            excluded_days=days,
            excluded_times=times,
        )
        if (days or times) and not fields.has("rrule"):
            self._faults.add(
                fields.place_of("exclude"),
                "exclude: found it without rrule, allowed is it beside one",
            )
        fields.done()
        return freeze

    def _id(self, fields: Fields) -> str:
        node = fields.node("id")
        text = fields.text("id") if node else ""
        if not text or not isinstance(node, Scalar):
            return ""
        read_name(node, self._faults, "a freeze")
        if text in self._ids:
            self._faults.add(node.place, f"id: found {clip(text)} twice; give each window its own")
        self._ids.add(text)
        return text

    def _reach(self, fields: Fields) -> Reach:
        return Reach(
            services=frozenset(read_listed(fields, "services", self._services, "service")),
            owners=frozenset(read_listed(fields, "owners", self._groups, "group")),
            environments=frozenset(
                read_listed(fields, "environments", self._environments, "environment")
            ),
            tiers=frozenset(fields.texts("tiers", (), choices=ENVIRONMENT_TIERS)),
            except_services=frozenset(
                read_listed(fields, "except_services", self._services, "service")
            ),
        )

    def _span(self, fields: Fields) -> tuple[datetime, datetime]:
        """Return the first opening as local times. One of `ends` and `lasts` is required."""
        begins = _read(fields, fields.node("begins"), "begins", self._time, _TIME_ALLOWED)
        if fields.has("ends") == fields.has("lasts"):
            found = "ends and lasts" if fields.has("ends") else "neither ends nor lasts"
            self._faults.add(fields.place, f"a freeze: found {found}, allowed is one of them")
        ends = None
        if fields.has("ends"):
            ends = _read(fields, fields.node("ends"), "ends", self._time, _TIME_ALLOWED)
        seconds = fields.duration("lasts", 1)
        if begins is None:
            return _NOWHEN, _NOWHEN
        if ends is None:
            ends = begins.replace(fold=0) + timedelta(seconds=seconds)
        # A window that recurs is measured on a wall clock, a single one in real time.
        length = (
            ends - begins
            if fields.has("rrule")
            else instant(ends, self._zone) - instant(begins, self._zone)
        )
        if fields.has("ends") and length <= timedelta():
            self._faults.add(
                fields.place_of("ends"),
                "ends: found a time that is not after begins, allowed is a later one",
            )
        elif length > timedelta(days=LASTS_DAYS_MAX):
            self._faults.add(
                fields.place, f"a freeze: found {length.days} days, allowed are {LASTS_DAYS_MAX}"
            )
        return begins, ends

    def _rule(self, fields: Fields, begins: datetime) -> Recurrence | None:
        if not fields.has("rrule"):
            return None
        text = fields.text("rrule", length_max=RRULE_BYTES_MAX)
        try:
            return read_rrule(text, begins, self._zone) if text and begins != _NOWHEN else None
        except ValueError as error:
            self._faults.add(fields.place_of("rrule"), f"rrule: {error}")
            return None

    def _excluded(self, fields: Fields) -> tuple[frozenset[date], frozenset[datetime]]:
        days: set[date] = set()
        times: set[datetime] = set()
        for node in fields.items("exclude", required=False, length_max=EXCLUDES_MAX) or ():
            found = _read(
                fields,
                node,
                "exclude",
                self._day_or_time,
                f"a day such as 2026-12-25, or {_TIME_ALLOWED}",
            )
            if isinstance(found, datetime):
                times.add(found.replace(fold=0))
            elif found is not None:
                days.add(found)
        return frozenset(days), frozenset(times)

    def _day_or_time(self, text: str) -> date | datetime:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        return self._time(text)

    def _time(self, text: str) -> datetime:
        """Return the local time of a text, which may have an offset. Raises ValueError."""
        if _DAY.fullmatch(text):
            text += "T00:00"
        if not _TIME.fullmatch(text) or not YEAR_FIRST <= int(text[:4]) <= YEAR_LAST:
            raise ValueError(text)
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            return at
        return at.astimezone(self._zone).replace(tzinfo=None)


def _read(
    fields: Fields, node: Node | None, key: str, read: Callable[[str], _T], allowed: str
) -> _T | None:
    """Return what `read` makes of a text, or None after adding a fault."""
    if node is None:
        return None
    try:
        return read(node.value if isinstance(node, Scalar) and isinstance(node.value, str) else "")
    except ValueError:
        fields.wrong(node, key, allowed)
        return None


_NOWHEN = datetime(YEAR_FIRST, 1, 1)  # noqa: DTZ001 - a local time, and never used: its fault is raised first
