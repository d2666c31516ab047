"""The database as the story of a change sees it: read, record, write, and hear what moved."""

import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, Engine

from gate.errors import GateError, Unavailable
from gate.storage import migrate
from gate.storage.changes.units import Recorded, Unit, record
from gate.storage.database.calls import call
from gate.storage.database.engine import connect, open_engine, refuse_unsafe, sqlite_path, unusable
from gate.storage.database.faults import Fate, fate_of, refusal
from gate.storage.database.readers import Readers
from gate.storage.database.reports import NOBODY_LISTENS, Reports
from gate.storage.database.tx import KeptConnection, Subscribers, Tx
from gate.storage.database.watch import Audience, Callback, Listener
from gate.storage.database.writer import Writer
from gate.storage.figures.rollups import flush
from gate.storage.messages import leases

READERS = 2
SLOW_READERS = 2
READS_TOGETHER_MAX = 32
PROBE_AFTER_SECONDS = 5
"""A database that wrote so recently is ready without being asked."""

QUICK_CHECK_BYTES_MAX = 256 * 1024 * 1024
"""A larger file is checked by `gate doctor`, not at every start."""

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")


class Store:
    """One a process. Made by `Store.open`; whoever made it closes it."""

    def __init__(
        self, engine: Engine, reading: Engine, url: str, *, readers: int, reports: Reports
    ) -> None:
        path = sqlite_path(url)
        self._audience = Audience()
        self._writer = Writer(engine, url, path, self._audience, reports)
        self._readers = Readers(reading, url, reports, threads=readers, together=READS_TOGETHER_MAX)
        self._slow = Readers(reading, url, reports, threads=SLOW_READERS, together=1)
        self._listener = None if path else Listener(reading, url, self._audience.announce, reports)

    @staticmethod
    def open(url: str, *, readers: int = READERS, reports: Reports = NOBODY_LISTENS) -> "Store":
        """Refuses a database that is not there, of another release, damaged, or unsafe.

        Blocks for some milliseconds.
        """
        engine, reading = open_engine(url), open_engine(url, read_only=True)
        with connect(reading, url) as connection:
            _refuse_damaged(connection, sqlite_path(url))
            refuse_unsafe(connection)
            migrate.check(connection, url)
        return Store(engine, reading, url, readers=readers, reports=reports)

    def close(self) -> None:
        """Answer what waits, then end.

        Blocks; call it from a thread, or when the event loop has nothing else to do.
        """
        self._readers.close()
        self._slow.close()
        self._writer.close()
        if self._listener is not None:
            self._listener.close()

    def read(
        self,
        function: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Awaitable[T]:
        """Call `function(conn, …)`; all its statements see one instant.

        For what is quick: others share its turn.
        """
        one = call(function, args, kwargs)
        self._readers.put(one)
        return one.future

    def read_together(
        self, function: Callable[[Connection, Sequence[A]], Sequence[T]], asked: A
    ) -> Awaitable[T]:
        """Read what is asked often: calls that wait together are one call of the function, with all
        they ask.
        """
        one = call(function, (asked,))
        one.joint = True
        self._readers.put(one)
        return one.future

    def read_slowly(
        self,
        function: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Awaitable[T]:
        """Read for reports and exports on a thread of their own; nobody else waits for it."""
        one = call(function, args, kwargs)
        self._slow.put(one)
        return one.future

    def record(self, unit: Unit) -> Awaitable[Recorded]:
        """Add a unit, durably. Answers after the commit, or raises `Unavailable`."""
        one = call(record, (unit,))
        self._writer.put(one)
        return one.future

    def write(
        self, function: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]:
        """Call `function(tx, …)` in a savepoint of its own, durably.

        It may run again, and must have no other effect.
        """
        one = call(function, args, kwargs)
        self._writer.put(one)
        return one.future

    def on_change(self, callback: Callback) -> None:
        """Call this in the running event loop with the topics that moved, or `EVERYTHING`, at most
        a second afterwards.

        For what this process wrote it comes before the writer's own answer.
        """
        self._audience.register(callback)

    def subscribe(self, subscribers: Subscribers) -> None:
        """From now on put a message into the outbox, for each of these subscribers, with every
        entry of these kinds.
        """
        self._writer.subscribers = subscribers

    async def now(self) -> datetime:
        """The database's clock."""
        return await self.write(_now)

    @property
    def failed(self) -> str | None:
        """Why nothing will ever be written again; the process should end."""
        return self._writer.failed

    async def unready(self) -> str | None:
        """Why nothing can be written now, None when all is well.

        Writes a row when nothing was written for a while.
        """
        if self._writer.missing() is not None:
            return "the database file was moved away or deleted"
        if self.failed is not None:
            return self.failed
        if (
            self._writer.trouble is None
            and time.monotonic() - self._writer.written_at < PROBE_AFTER_SECONDS
        ):
            return None
        try:
            await self.write(leases.take, "probe", "probe", hold_for=timedelta(0))
        except GateError as error:
            return error.detail
        return None


@contextmanager
def transaction(url: str) -> Iterator[Tx]:
    """One short transaction of a program that is not the server.

    Commits, or leaves nothing behind.
    """
    with connect(open_engine(url, read_only=True), url) as connection:
        migrate.check(connection, url)
    link = KeptConnection(open_engine(url), url)
    try:
        link.begin()
        tx = Tx(link)
        yield tx
        flush(tx)
        link.raw.commit()
    except Exception as error:
        fate = fate_of(error)
        if fate is None or fate in {Fate.FAULT, Fate.CONSTRAINT}:
            raise
        raise refusal(fate, error) from error
    finally:
        link.close()


def _now(tx: Tx) -> datetime:
    return tx.now


def _refuse_damaged(connection: Connection, path: Path | None) -> None:
    """A torn end of the log is SQLite's to repair; a damaged page is not."""
    if path is None or path.stat().st_size > QUICK_CHECK_BYTES_MAX:
        return
    raw = cast("sqlite3.Connection", connection.connection.dbapi_connection)
    try:
        found = raw.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise unusable(path, error) from None
    if found != "ok":
        raise Unavailable("the database is damaged; restore a backup", place=f"{path}: {found}")
