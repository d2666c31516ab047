"""Windows and stopped lines that people declared. Those of the calendar's file are not
stored here.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, or_, select, update

from gate.core.calendar.calendar import Reach
from gate.core.calendar.freeze import Window
from gate.core.instants import from_us, optional_instant, to_us
from gate.storage.database.hot import Hot
from gate.storage.database.pages import Page, Part, page
from gate.storage.database.tx import Tx
from gate.storage.database.values import every, first, reader, values_of
from gate.storage.tables.schema_policies import freezes

OPEN_MAX = 200
"""The most windows that are not over, because every decision reads all of them. Stopped lines are
not counted."""

STOPS_OF_ONE_MAX = 20
"""The most stopped lines of one person that nobody has lifted. Every decision reads all of these,
too: were only some of them read, many small ones would hide a large one."""

TOPIC = "freezes"
"""The topic that is announced to other processes when a window was declared or lifted."""

KEYS = (freezes.c.created_at, freezes.c.id)


@dataclass(frozen=True, slots=True)
class Declared:
    """One window, `begins` inside and `ends` outside; without an end it lasts until it is lifted.

    `reason` is the id of a text. No services are all services, and so with environments.
    """

    id: str
    reason: str
    stop: bool
    begins: datetime
    ends: datetime | None
    services: tuple[str, ...]
    environments: tuple[str, ...]
    created_at: datetime
    created_by: str
    lifted_at: datetime | None = None
    lifted_by: str | None = None


def add(tx: Tx, freeze: Declared) -> None:
    """Declare it."""
    row = values_of(freeze) | {
        "services": sorted(freeze.services),
        "environments": sorted(freeze.environments),
    }
    tx.conn.execute(insert(freezes).values(row))
    tx.touch(TOPIC)


def lift(tx: Tx, freeze: str, by: str) -> bool:
    """End a window now. Returns False if there is none, or it was lifted before."""
    statement = (
        update(freezes)
        .where(freezes.c.id == freeze, freezes.c.lifted_at.is_(None))
        .values(lifted_at=tx.now, lifted_by=by)
    )
    if tx.conn.execute(statement).rowcount != 1:
        return False
    tx.touch(TOPIC)
    return True


def named(conn: Connection, wanted: Collection[str]) -> tuple[Declared, ...]:
    """Return the windows of these ids, including those that are over."""
    if not wanted:
        return ()
    return every(conn, Declared, select(freezes).where(freezes.c.id.in_(list(wanted))))


def read(conn: Connection, freeze: str) -> Declared | None:
    """Return the window of that id, or None."""
    return first(conn, Declared, select(freezes).where(freezes.c.id == freeze))


def count_stops(conn: Connection, by: str) -> int:
    """Return how many lines this person has stopped that nobody has lifted."""
    here = freezes.c
    stops = select(func.count()).where(here.stop, here.lifted_at.is_(None), here.created_by == by)
    return int(conn.execute(stops).scalar_one())


def open_at(conn: Connection, at: datetime) -> tuple[Window, ...]:
    """Return the windows that are open at this instant or open later, because the end of a freeze
    depends on both.

    Every decision reads them, so the query goes to the driver directly. `reason` is the id of a
    text.
    """
    return ask_open(conn, at)()


def ask_open(conn: Connection, at: datetime) -> Callable[[], tuple[Window, ...]]:
    """Ask for what `open_at` returns, to be read later."""
    found = _OPEN.ask(conn, to_us(at))
    return lambda: tuple(map(_window, found.fetchall()))


def freeze_page(conn: Connection, part: Part) -> Page[Declared]:
    """Return one page by (`created_at`, `id`), newest first, with lifted ones too."""
    return page(conn, [select(freezes)], KEYS, part, reader(Declared))


def not_over(conn: Connection, at: datetime) -> tuple[Declared, ...]:
    """Return the windows that are open at this instant or open later, newest first."""
    still = or_(freezes.c.ends.is_(None), freezes.c.ends > at)
    found = select(freezes).where(freezes.c.lifted_at.is_(None), still)
    return every(conn, Declared, found.order_by(*(key.desc() for key in KEYS)))


# Without a limit, because a window that is not read holds nothing.
_OPEN = Hot("""
SELECT id, reason, begins, ends, stop, services, environments FROM freezes
WHERE lifted_at IS NULL AND (ends IS NULL OR ends > ?)
ORDER BY stop DESC, id
""")


def _window(row: tuple[Any, ...]) -> Window:
    freeze, reason, begins, ends, stop, services, environments = row
    reach = Reach(
        services=frozenset(orjson.loads(services)),
        environments=frozenset(orjson.loads(environments)),
    )
    return Window(freeze, reason, from_us(begins), optional_instant(ends), bool(stop), reach)
