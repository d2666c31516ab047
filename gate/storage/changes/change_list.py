"""Lists of changes, newest first, by properties, by words, and by what the caller may see."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, text

from gate.core.change import State
from gate.core.decision.record import read_asked
from gate.core.decision.values import Band, ChangeType, Outcome
from gate.storage import texts
from gate.storage.changes.search import change_having_words, commit_is
from gate.storage.database.pages import Page, Part, page
from gate.storage.database.values import every, reader
from gate.storage.tables.columns import equals
from gate.storage.tables.schema import changes
from gate.storage.tables.stored_change import StoredChange

SERVICES_MERGED_MAX = 20
"""The most services of a scope that are read one by one. More of them are looked for among all
changes."""

KEYS = (changes.c.submitted_at, changes.c.id)
SETTLED_KEYS = (changes.c.settled_at, changes.c.id)


@dataclass(frozen=True, slots=True)
class ChangeFilters:
    """The filters of a list of changes.

    None is any, and `services` are those that the caller may see. Every word of `words` must occur.
    """

    state: State | None = None
    service: str | None = None
    environment: str | None = None
    type: ChangeType | None = None
    band: Band | None = None
    outcome: Outcome | None = None
    words: str = ""
    # The beginning of a commit, in lower case.
    commit: str = ""
    services: frozenset[str] | None = None
    # In any state but pending, and by when it was settled; `state` is None then.
    settled: bool = False


def change_page(
    conn: Connection, filters: ChangeFilters, part: Part, *, now: datetime
) -> Page[StoredChange]:
    """Return one page by (`submitted_at`, `id`), or for settled changes by (`settled_at`, `id`).

    An overdue change counts as expired, as it does everywhere.
    """
    conditions = [*_conditions(conn, filters, part)]
    branches = [
        select(changes).where(*conditions, *state, *service)
        for state in _states(filters, now)
        for service in _services(filters)
    ]
    keys = SETTLED_KEYS if filters.settled else KEYS
    return page(conn, branches, keys, part, reader(StoredChange))


def newest_failed(
    conn: Connection, service: str, environments: Collection[str], most: int
) -> tuple[StoredChange, ...]:
    """Return the changes of a service that failed, what is known last in front."""
    found: list[StoredChange] = []
    for environment in environments:
        here = (changes.c.service == service, changes.c.environment == environment)
        query = select(changes).where(*here, text("failed")).order_by(changes.c.failed_at.desc())
        found += every(conn, StoredChange, query.limit(most))
    found.sort(key=lambda one: (one.failed_at or one.submitted_at, one.id), reverse=True)
    return tuple(found[:most])


def titles(conn: Connection, ids: Collection[str]) -> dict[str, str]:
    """Return the title of each of these changes; one that has none, or was erased, is left out."""
    if not ids:
        return {}
    rows = conn.execute(select(changes.c.id, changes.c.detail).where(changes.c.id.in_(list(ids))))
    asked = {change: read_asked(detail).title for change, detail in rows}
    said = texts.read_texts(conn, asked.values())
    return {change: said[title] for change, title in asked.items() if title in said}


def count(conn: Connection, filters: ChangeFilters, most: int, *, now: datetime) -> int:
    """Return how many changes fit the filters, counted no further than `most`."""
    conditions = [*_conditions(conn, filters, Part(most))]
    counted = 0
    for state in _states(filters, now):
        for service in _services(filters):
            some = (
                select(changes.c.id)
                .where(*conditions, *state, *service)
                .limit(most - counted)
                .subquery()
            )
            counted += conn.execute(select(func.count()).select_from(some)).scalar_one()
            if counted >= most:
                return most
    return counted


def _conditions(conn: Connection, filters: ChangeFilters, part: Part) -> list[ColumnElement[bool]]:
    column = changes.c
    equal = {
        column.environment: filters.environment,
        column.type: filters.type,
        column.band: filters.band,
        column.outcome: filters.outcome,
    }
    found = [equals(wanted, value) for wanted, value in equal.items() if value is not None]
    if filters.commit:
        found.append(commit_is(filters.commit))
    having = change_having_words(conn, filters.words, part)
    if having is not None:
        found.append(having)
    return found


Branch = Sequence[ColumnElement[bool]]


def _services(filters: ChangeFilters) -> list[Branch]:
    """Return one branch for each service that the caller may see, or none if the caller may see
    none.
    """
    service, scope = filters.service, filters.services
    if scope is None:
        if service is None:
            return [()]
        return [(changes.c.service == service,)]
    visible = scope if service is None else scope & {service}
    if len(visible) > SERVICES_MERGED_MAX:
        return [(changes.c.service.in_(sorted(visible)),)]
    return [(changes.c.service == name,) for name in sorted(visible)]


def _states(filters: ChangeFilters, now: datetime) -> list[Branch]:
    column, state = changes.c, filters.state
    if filters.settled:
        return [(column.settled_at.is_not(None),)]
    if state is None:
        return [()]
    stored = column.state == state
    if state is State.PENDING:
        return [(stored, or_(column.expires_at.is_(None), column.expires_at > now))]
    if state is State.APPROVED:
        return [(stored, or_(column.valid_until.is_(None), column.valid_until > now))]
    if state is State.EXPIRED:
        overdue = {State.PENDING: column.expires_at, State.APPROVED: column.valid_until}
        return [
            (stored,),
            *([and_(column.state == waiting, ends <= now)] for waiting, ends in overdue.items()),
        ]
    return [(stored,)]
