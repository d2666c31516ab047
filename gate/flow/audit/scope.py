"""What a report is about, and the rows it may have."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Connection

from gate.flow.rulebooks import Rulebook
from gate.storage.audit.within import Within

USUAL_DAYS = 90
"""How far a report looks back if nothing is said."""


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """The parameters as they were given; None is not given."""

    begins: datetime | None = None
    ends: datetime | None = None
    at: datetime | None = None
    service: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """The parameters as they count. `at` is the instant by which something is late or in force."""

    within: Within
    at: datetime
    book: Rulebook


Row: TypeAlias = tuple[Any, ...]
Read: TypeAlias = Callable[[Connection, Scope], Iterable[Row]]


def scope_of(ask: ReportQuestion, book: Rulebook, now: datetime) -> Scope:
    """What was given, with what is usual in place of what was not."""
    ends = ask.ends or now
    begins = ask.begins or ends - timedelta(days=USUAL_DAYS)
    environment = ask.environment and book.catalogue.environment_named(ask.environment)
    return Scope(Within(begins, ends, ask.service, environment), ask.at or min(ends, now), book)
