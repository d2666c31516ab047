"""Changes that wait, and the holds in their rows: which of these rows are out of date?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    union,
)

from gate.core.change import State
from gate.core.decision.record import write_hold
from gate.core.decision.values import Hold, Route
from gate.storage.database.values import every
from gate.storage.tables.columns import as_stored, equals
from gate.storage.tables.schema import changes

KEPT_HOLDS_MAX = 20_000
"""The most combinations of a place and a hold in one turn. A catalogue has fewer places, and a
place has one hold, or two while a window opens."""


class Place(NamedTuple):
    """One service in one environment."""

    service: str
    environment: str


class KeptHold(NamedTuple):
    """A hold that stands in the row of some waiting changes of one place; None for none.

    A freeze does not hold `excused` changes; a stopped line does.
    """

    service: str
    environment: str
    excused: bool
    hold: Hold | None

    @property
    def place(self) -> Place:
        """The place of these changes."""
        return Place(self.service, self.environment)


class Crowd(NamedTuple):
    """The number of changes of one place that are in one state, and held or not.

    A freeze does not hold `excused` changes, but a stopped line does.
    """

    service: str
    environment: str
    state: State
    is_held: bool
    excused: bool
    changes: int


def crowds(conn: Connection, now: datetime) -> Sequence[Crowd]:
    """Return the numbers of changes that wait or are being deployed, and are not only observed."""
    column = changes.c
    is_held = column.hold.is_not(None).label("is_held")
    by = (column.service, column.environment, column.state, is_held, column.excused)
    found: list[Crowd] = []
    for state, ends in {**_WAITING, State.DEPLOYING: None}.items():
        in_time = () if ends is None else (or_(ends.is_(None), ends > now),)
        query = (
            select(*by, func.count().label("changes"))
            .where(equals(column.state, state), column.route != Route.OBSERVED, *in_time)
            .group_by(*by)
        )
        found += every(conn, Crowd, query)
    return found


def kept_holds(conn: Connection, now: datetime) -> Sequence[KeptHold]:
    """Return what the rows of waiting changes say that holds them, each combination once.

    Changes that were only observed are left out, because nothing holds them.
    """
    column = changes.c
    waiting = [
        select(column.service, column.environment, column.excused, column.hold).where(
            equals(column.state, state),
            column.route != Route.OBSERVED,
            or_(ends.is_(None), ends > now),
        )
        for state, ends in _WAITING.items()
    ]
    # A union names every combination once.
    return [KeptHold(*row) for row in conn.execute(union(*waiting).limit(KEPT_HOLDS_MAX))]


def held_otherwise(
    conn: Connection,
    place: Place,
    holds: tuple[Hold | None, Hold | None],
    now: datetime,
    *,
    after: str,
    limit: int,
) -> list[str]:
    """Return the ids of waiting changes of the place whose row has another hold than it should, in
    order, beginning after `after`.

    `holds` are the hold of a usual change here, and that of a change which freeze windows excuse.
    Overrides of single changes are not looked at here, so those changes are returned, too. Changes
    that were only observed are left out, because nothing holds them.
    """
    everybody, excused = (write_hold(hold) or "" for hold in holds)
    wanted = case((changes.c.excused, excused), else_=everybody)
    otherwise = and_(
        func.coalesce(as_stored(changes.c.hold), "") != wanted, changes.c.route != Route.OBSERVED
    )
    found: list[str] = []
    for state, ends in _WAITING.items():
        here = and_(
            equals(changes.c.state, state),
            changes.c.service == place.service,
            changes.c.environment == place.environment,
        )
        in_time = or_(ends.is_(None), ends > now)
        query: Select[Any] = select(changes.c.id).where(
            here, in_time, otherwise, changes.c.id > after
        )
        found += conn.execute(query.order_by(changes.c.id).limit(limit)).scalars()
    return sorted(found)[:limit]


_WAITING = {State.PENDING: changes.c.expires_at, State.APPROVED: changes.c.valid_until}
