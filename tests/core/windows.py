"""Calendars, catalogues and instants for the tests of freezes: each valid, with one thing
different.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gate.core.calendar.calendar import Calendar, Freeze, Reach
from gate.core.calendar.freeze import Scope, Window
from gate.core.calendar.recurrence import read_rrule
from gate.core.catalogue.catalogue import Catalogue, Environment, Group, Person, Service

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def utc(text: str) -> datetime:
    """`2026-03-29T01:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_freeze(
    begins: str,
    lasts: timedelta,
    rrule: str | None = None,
    *,
    zone: ZoneInfo = BERLIN,
    **fields: Any,
) -> Freeze:
    """A window of local times, called `window`."""
    first = datetime.fromisoformat(begins)
    rule = read_rrule(rrule, first, zone) if rrule else None
    values: dict[str, Any] = {
        "id": "window",
        "reason": "Because",
        "begins": first,
        "ends": first + lasts,
        "rule": rule,
    } | fields
    return Freeze(**values)


def make_calendar(*freezes: Freeze, zone: ZoneInfo = BERLIN) -> Calendar:
    """A calendar of these windows."""
    return Calendar(zone=zone, freezes=freezes)


def make_declared(begins: str, ends: str | None = None, **fields: Any) -> Window:
    """A window that a person opened, in UTC."""
    values: dict[str, Any] = {
        "id": "declared",
        "reason": "Somebody said so",
        "begins": utc(begins),
        "ends": utc(ends) if ends else None,
    }
    return Window(**values | fields)


def make_scope(**fields: Any) -> Scope:
    """Checkout in production, with owners and tier known."""
    return Scope(
        **{
            "service": "checkout",
            "environment": "production",
            "owners": ("team-payments",),
            "tier": "production",
        }
        | fields
    )


def make_reach(**names: tuple[str, ...]) -> Reach:
    """What a window covers."""
    return Reach(**{key: frozenset(values) for key, values in names.items()})


def make_catalogue(*people: Person) -> Catalogue:
    """Two services in two environments; the people given, in no group, or Ada and Ben."""
    listed = people or (
        Person("ada", "Ada", emails=("ada@example.com",)),
        Person("ben", "Ben", emails=("ben@example.com",)),
    )
    return Catalogue(
        environments={
            "production": Environment("production", "production", ("prod", "live")),
            "staging": Environment("staging", "staging"),
        },
        services={
            "checkout": Service(
                "checkout", owners=("team-payments",), tier=1, depends_on=("ledger",)
            ),
            "ledger": Service("ledger", tier=2, environments=("production",)),
        },
        groups={
            "release-managers": Group("release-managers", people=("ada",)),
            "team-payments": Group("team-payments", people=("ada", "ben")),
        },
        people={person.id: person for person in listed},
    )
