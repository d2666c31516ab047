"""The scope of a report: its time and place, and the rules in force."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection

from gate.flow.queries.times import time_of
from gate.flow.rulebooks import Rulebook
from gate.storage.audit.within import Within

USUAL_DAYS = 90
"""How many days a report looks back if the caller gives no beginning."""


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """The parameters of a report as the caller gave them. None means not given."""

    begins: datetime | None = None
    ends: datetime | None = None
    at: datetime | None = None
    service: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """The parameters of a report with defaults filled in.

    `at` is the instant at which the report judges what is late or in force.
    """

    within: Within
    at: datetime
    book: Rulebook


Row: TypeAlias = tuple[Any, ...]
Read: TypeAlias = Callable[[Connection, Scope], Iterable[Row]]


def scope_of(ask: ReportQuestion, book: Rulebook, now: datetime) -> Scope:
    """Return the scope of a question, with defaults for the parameters that were not given."""
    begins, ends = time_of(ask, now, usual_days=USUAL_DAYS)
    environment = ask.environment and book.catalogue.environment_named(ask.environment)
    return Scope(Within(begins, ends, ask.service, environment), ask.at or min(ends, now), book)
