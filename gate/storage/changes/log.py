"""The log: one row a decision, newest first, by filters and words.

A stream of any length is page after page.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, select

from gate.core.change import Result, State
from gate.core.decision.values import Band, ChangeType, Outcome, Route
from gate.storage.changes.search import commit_is, having_words
from gate.storage.database.pages import Page, Part, page
from gate.storage.database.values import every, reader
from gate.storage.tables.columns import equals
from gate.storage.tables.schema import changes, decisions
from gate.storage.tables.stored_change import state_at

KEYS = (decisions.c.at, decisions.c.id)


DECISION: Final = "decision"
ACT: Final = "act"
ANYTHING: Final = "all"


@dataclass(frozen=True, slots=True)
class LogFilters:
    """The filters of the log. None is any, and every word of `words` must occur.

    `kind` asks for acts too: it is one of the words above, or the kind of an entry.
    """

    service: str | None = None
    environment: str | None = None
    type: ChangeType | None = None
    route: Route | None = None
    outcome: Outcome | None = None
    band: Band | None = None
    policy: str | None = None
    # Of the policies.
    revision: str | None = None
    standard_change: str | None = None
    change: str | None = None
    # Its first characters are enough.
    commit: str | None = None
    run: str | None = None
    # Both, or neither.
    issuer: str | None = None
    repository: int | None = None
    words: str = ""
    kind: str = DECISION


@dataclass(frozen=True, slots=True)
class LogRow:
    """One decision, and of its change how it ended by now.

    `core.decision.record.read` reads the `record`.
    """

    change: str
    number: int
    at: datetime
    record: bytes
    state: State
    result: Result | None
    expires_at: datetime | None
    valid_until: datetime | None
    id: int

    def state_at(self, now: datetime) -> State:
        """Return the state of the change, with expiry computed as everywhere."""
        return state_at(self.state, self.expires_at, self.valid_until, now)


def log_page(conn: Connection, filters: LogFilters, part: Part) -> Page[LogRow]:
    """Return one page by (`at`, `id`).

    Each page is a read of its own, so that even the longest export holds no snapshot.
    """
    joined = select(*_COLUMNS).join(changes, changes.c.id == decisions.c.change_id)
    return page(conn, [joined.where(*conditions(conn, filters, part))], KEYS, part, reader(LogRow))


def in_force(conn: Connection, wanted: Collection[str]) -> tuple[LogRow, ...]:
    """Return the row of the decision in force of each of these changes."""
    if not wanted:
        return ()
    number = decisions.c.number == changes.c.decision
    query = select(*_COLUMNS).join(changes, changes.c.id == decisions.c.change_id).where(number)
    return every(conn, LogRow, query.where(changes.c.id.in_(list(wanted))))


def conditions(conn: Connection, filters: LogFilters, part: Part) -> list[ColumnElement[bool]]:
    """Return what the filters say of `decisions` joined with `changes`, for this part of a list."""
    equal: dict[ColumnElement[Any], Any] = {
        decisions.c.service: filters.service,
        decisions.c.environment: filters.environment,
        decisions.c.type: filters.type,
        decisions.c.route: filters.route,
        decisions.c.outcome: filters.outcome,
        decisions.c.band: filters.band,
        decisions.c.policy: filters.policy,
        decisions.c.revision: filters.revision,
        decisions.c.standard_change: filters.standard_change,
        decisions.c.change_id: filters.change,
        changes.c.run_id: filters.run,
        changes.c.repository_issuer: filters.issuer,
        changes.c.repository_id: filters.repository,
    }
    found = [equals(column, value) for column, value in equal.items() if value is not None]
    if filters.commit is not None:
        found.append(commit_is(filters.commit))
    having = having_words(conn, filters.words, part)
    return found if having is None else [*found, having]


_COLUMNS = (
    *(decisions.c[name] for name in ("change_id", "number", "at", "record")),
    *(changes.c[name] for name in ("state", "result", "expires_at", "valid_until")),
    decisions.c.id,
)
"""The columns in the order of the fields of `LogRow`."""
