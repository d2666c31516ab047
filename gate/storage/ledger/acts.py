"""Acts of people and machines in the log: entries of the ledger, newest first, alone or among the
decisions.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, and_, select, text, type_coerce

from gate.core.decision.asked import RequestDetails
from gate.core.decision.record import read_asked
from gate.core.instants import from_us, to_us
from gate.storage.changes.log import (
    ACT,
    ANYTHING,
    DECISION,
    LogFilters,
    LogRow,
    conditions,
    log_page,
)
from gate.storage.database.cursor import Position
from gate.storage.database.pages import Page, Part, page
from gate.storage.tables.columns import Instant
from gate.storage.tables.schema import ACTS, changes, decisions, ledger_entries

_E = ledger_entries.c
KEYS = (_E.at, _E.id)
ID_MAX = 2**63 - 1
"""No entry has a higher id."""

_ACT, _DECISION = 0, 1


@dataclass(frozen=True, slots=True)
class ActRow:
    """One entry, and of its change what was asked. `body` is for `ledger.format.read_entry`."""

    id: int
    at_us: int
    body: bytes
    change: str | None
    service: str | None
    environment: str | None
    detail: bytes | None

    @property
    def at(self) -> datetime:
        """When it happened."""
        return from_us(self.at_us)

    @property
    def asked(self) -> RequestDetails | None:
        """The request of the change, or None for an act that is about no change."""
        return None if self.detail is None else read_asked(self.detail)


Happened: TypeAlias = LogRow | ActRow


def happened(conn: Connection, filters: LogFilters, part: Part) -> Page[Happened]:
    """Return one page of decisions and acts, as `filters.kind` says, by the time they happened.

    A position in it is when it happened, whether it was a decision (1) or an act (0), and its id.
    So at one instant all decisions are newer than all acts.
    """
    decided: Page[LogRow] = Page((), None)
    acted: Page[ActRow] = Page((), None)
    if filters.kind in {DECISION, ANYTHING}:
        decided = log_page(conn, filters, replace(part, after=_after(part.after, _DECISION)))
    if filters.kind != DECISION:
        acted = _acts(conn, filters, replace(part, after=_after(part.after, _ACT)))
    rows: list[Happened] = sorted([*decided.rows, *acted.rows], key=_position, reverse=True)
    has_more = len(rows) > part.limit or decided.next is not None or acted.next is not None
    shown = tuple(rows[: part.limit])
    return Page(shown, _position(shown[-1]) if has_more else None)


def _position(row: Happened) -> tuple[int, int, int]:
    if isinstance(row, ActRow):
        return (row.at_us, _ACT, row.id)
    return (to_us(row.at), _DECISION, row.id)


def _after(position: Position | None, kind: int) -> Position | None:
    """Return the position among the rows of one kind alone."""
    if position is None:
        return None
    at, last, number = position
    if last == kind:
        return (at, number)
    # After a decision come all acts of its instant; after an act no decision of it is left.
    return (at, ID_MAX if kind == _ACT else 0)


def _acts(conn: Connection, filters: LogFilters, part: Part) -> Page[ActRow]:
    """Return one page of acts. Filters that are about changes find acts on those that fit now."""
    in_force = and_(decisions.c.change_id == changes.c.id, decisions.c.number == changes.c.decision)
    query = (
        select(*_COLUMNS)
        .outerjoin(changes, changes.c.id == _E.change_id)
        .outerjoin(decisions, in_force)
        .where(text(ACTS), *conditions(conn, filters, part))
    )
    if filters.kind not in {ACT, ANYTHING}:
        query = query.where(_E.kind == filters.kind)
    return page(conn, [query], KEYS, part, _act, type_coerce(_E.at, Instant))


def _act(row: Row[Any]) -> ActRow:
    return ActRow(
        row.id,
        row.at,
        bytes(row.body),
        row.change_id,
        row.service,
        row.environment,
        row.detail,
    )


_COLUMNS = (
    *(_E[name] for name in ("id", "at", "body", "change_id")),
    *(changes.c[name] for name in ("service", "environment", "detail")),
)
