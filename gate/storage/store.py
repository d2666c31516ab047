"""The database as `flow` sees it: read, record, write, and be notified of what moved."""

import secrets
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
from gate.storage.database.announcements import COMMAND, announce
from gate.storage.database.calls import call
from gate.storage.database.engine import connect, open_engine, refuse_unsafe, sqlite_path, unusable
from gate.storage.database.faults import Fate, fate_of, refusal
from gate.storage.database.listener import Listener
from gate.storage.database.readers import Readers
from gate.storage.database.reports import NOBODY_LISTENS, Reports
from gate.storage.database.tx import KeptConnection, Subscribers, Tx
from gate.storage.database.watch import Audience, Callback
from gate.storage.database.writer import Writer
from gate.storage.figures.rollups import flush
from gate.storage.messages import leases
from gate.tracing import commit_traced

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
    """The database of a process. Made by `Store.open`; its caller has to close it."""

    def __init__(
        self, engine: Engine, reading: Engine, url: str, *, readers: int, reports: Reports
    ) -> None:
        path, process = sqlite_path(url), secrets.token_hex(8)
        self._audience = Audience()
        self._writer = Writer(engine, url, path, process, self._audience, reports)
        self._readers = Readers(reading, url, reports, threads=readers, together=READS_TOGETHER_MAX)
        self._slow = Readers(reading, url, reports, threads=SLOW_READERS, together=1)
        self._listener = (
            None if path else Listener(reading, url, process, self._audience.announce, reports)
        )

    @staticmethod
    def open(url: str, *, readers: int = READERS, reports: Reports = NOBODY_LISTENS) -> "Store":
        """Open a database. Raises for one that is missing, of another release, damaged or unsafe.

        It blocks for some milliseconds.
        """
        engine, reading = open_engine(url), open_engine(url, read_only=True)
        with connect(reading, url) as connection:
            _refuse_damaged(connection, sqlite_path(url))
            refuse_unsafe(connection)
            migrate.check(connection, url)
        return Store(engine, reading, url, readers=readers, reports=reports)

    def close(self) -> None:
        """Answer what waits, then end all threads.

        It blocks, so call it from a thread, or when the event loop has nothing else to do.
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
        """Call `function(conn, …)` and return its answer; all its statements see one snapshot.

        The function must be quick, because other reads wait in the same turn.
        """
        one = call(function, args, kwargs)
        self._readers.put(one)
        return one.future

    def read_together(
        self, ask: Callable[[Connection, Sequence[A]], Callable[[], Sequence[T]]], asked: A
    ) -> Awaitable[T]:
        """Read what is asked often.

        Calls that wait at the same time are answered by one call of `ask`, which gets the list of
        what they asked. Its questions are sent together, so it must not wait for their answers: it
        returns a function that reads them, and may ask more.
        """
        one = call(ask, (asked,))
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
        """Read for reports and exports, on threads of their own, so that no `read` waits for it."""
        one = call(function, args, kwargs)
        self._slow.put(one)
        return one.future

    def record(self, unit: Unit) -> Awaitable[Recorded]:
        """Add a unit and return what became of it, after the commit. Raises `Unavailable`."""
        one = call(record, (unit,))
        self._writer.put(one)
        return commit_traced(one.future)

    def write(
        self, function: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]:
        """Call `function(tx, …)` in a savepoint of its own, and return its answer after the commit.

        The function may run again after a rollback, so it must have no effect beside the database.
        """
        one = call(function, args, kwargs)
        self._writer.put(one)
        return commit_traced(one.future)

    def on_change(self, callback: Callback) -> None:
        """Call this in the running event loop with the topics that moved, or with `EVERYTHING`.

        That happens at most a second after the commit; for what this process wrote, before the
        caller that wrote it gets its answer.
        """
        self._audience.register(callback)

    def subscribe(self, subscribers: Subscribers) -> None:
        """Set the subscribers: from now on each entry that they want puts a message into the
        outbox.
        """
        self._writer.subscribers = subscribers

    async def now(self) -> datetime:
        """Return the time by the database's clock."""
        return await self.write(_now)

    @property
    def failed(self) -> str | None:
        """Why nothing will ever be written again; the process should end."""
        return self._writer.failed

    def waited_seconds(self) -> float:
        """Return how long the oldest write waits that is not durable yet, 0 if none does."""
        return self._writer.waited_seconds()

    def hears_others(self) -> bool:
        """Return whether this process finds out what others write; an SQLite file has no others."""
        return self._listener is None or self._listener.hears

    async def unready(self) -> str | None:
        """Return why nothing can be written now, or None when all is well.

        A row is written to find out, unless something was written a moment ago.
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
    """Yield one short transaction, for a program that is not the server.

    It is committed at the end of the `with` block, or leaves nothing behind.
    """
    with connect(open_engine(url, read_only=True), url) as connection:
        migrate.check(connection, url)
    link = KeptConnection(open_engine(url), url)
    try:
        link.begin()
        tx = Tx(link)
        yield tx
        flush(tx)
        announce(tx, COMMAND, tx.topics)
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
    """Raise `Unavailable` for a SQLite file with damaged pages.

    A torn end of the write-ahead log is no damage: SQLite repairs that itself.
    """
    if path is None or path.stat().st_size > QUICK_CHECK_BYTES_MAX:
        return
    raw = cast("sqlite3.Connection", connection.connection.dbapi_connection)
    try:
        found = raw.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise unusable(path, error) from None
    if found != "ok":
        raise Unavailable("the database is damaged; restore a backup", place=f"{path}: {found}")
