"""A transaction as storage functions see it, and the connection it runs on."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from sqlalchemy import Connection, Engine

from gate.storage.database.engine import BY_HAND, ISOLATION, READ_ONLY, connect
from gate.storage.database.pooler import settings_again
from gate.storage.database.rows import RollupRow

RollupKind: TypeAlias = tuple[Any, ...]
"""A `RollupRow` without its number."""


class Subscription(NamedTuple):
    """A target of the outbox that gets a message of each entry with these bytes in it.

    An entry is canonical JSON without any text of a person, so the bytes cannot be in it by
    accident.
    """

    target: str
    only: bytes = b""


Subscribers: TypeAlias = Mapping[str, Sequence[Subscription]]
"""The subscriptions to entries of the ledger, by the kind of the entry."""

NOBODY: Subscribers = MappingProxyType({})

_CAN_COMMIT = (0, 1, 2)
"""The transaction states of libpq in which a commit is possible: in a transaction that is whole,
and idle or active among statements that are sent together, of which libpq learns no more before
their end."""


class Cursor(Protocol):
    """The result of a statement, as both drivers return it."""

    @property
    def rowcount(self) -> int:
        """The number of changed rows."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None at the end."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows that are left."""


class Raw(Protocol):
    """A driver's own connection: `?` are SQLite's placeholders, `%s` PostgreSQL's."""

    def execute(self, statement: str, parameters: Sequence[object] = (), /) -> Cursor:
        """Run one statement."""

    def commit(self) -> None:
        """End the transaction, durably."""

    def rollback(self) -> None:
        """End it without effect."""


def at_once(raw: Raw, *, is_postgres: bool) -> AbstractContextManager[object]:
    """Send the statements of a `with` block together, and wait for their answers at its end, or
    where one is fetched.

    A way to the server and back costs as much as a small statement. The first error ends the block;
    SQLite, which is no server, executes each statement at once.
    """
    if not is_postgres:
        return nullcontext()
    pipeline: AbstractContextManager[object] = cast("Any", raw).pipeline()
    return pipeline


class KeptConnection:
    """One connection that a thread keeps.

    Its transactions begin and end on the driver itself, because that takes 1 µs instead of 17. For
    SQLAlchemy the connection is always inside one transaction, so statements of SQLAlchemy and of
    the driver see the same data.
    """

    def __init__(self, engine: Engine, url: str) -> None:
        self.conn = connect(engine, url).execution_options(**{BY_HAND: True})
        self.is_postgres = self.conn.dialect.name == "postgresql"
        self.raw = cast("Raw", self.conn.connection.dbapi_connection)
        # A commit was sent in the last transaction, so after an error it may have happened.
        self.has_sent_commit = False
        self._committed: Any = None
        self.conn.begin()
        read_only = engine.get_execution_options()[READ_ONLY]
        self._begin = ["BEGIN" if read_only else "BEGIN IMMEDIATE"]
        if self.is_postgres:
            # Otherwise the driver begins a transaction by itself, and waits for the answer to that
            # even among statements that are sent together.
            cast("Any", self.raw).autocommit = True
            again = settings_again(self.conn)
            self._begin = [f"BEGIN ISOLATION LEVEL {ISOLATION[read_only]}"]
            self._begin += [] if again is None else [again]

    def begin(self) -> None:
        """Start a transaction, and behind a pooler set what belongs to it."""
        for statement in self._begin:
            self.raw.execute(statement)

    def at_once(self) -> AbstractContextManager[object]:
        """Return `at_once` of this module for this connection."""
        return at_once(self.raw, is_postgres=self.is_postgres)

    @property
    def can_commit(self) -> bool:
        """Whether the transaction is whole.

        Some errors end it silently. A commit after them succeeds and has written nothing.
        """
        raw: Any = self.raw
        if self.is_postgres:
            return raw.info.transaction_status in _CAN_COMMIT
        return bool(raw.in_transaction)

    def commit(self) -> None:
        """Commit durably. Among statements that are sent together this is sent as the last one, and
        `has_committed` says after their end whether it did.
        """
        self.has_sent_commit = True
        if self.is_postgres:
            # The driver's own method would wait for the answer here, and `at_once` once more. It
            # has no plan, so there is nothing to prepare.
            self._committed = cast("Any", self.raw).execute("COMMIT", prepare=False)
        else:
            self.raw.commit()

    @property
    def has_committed(self) -> bool:
        """Whether the last commit did what it says. PostgreSQL answers ROLLBACK to the COMMIT of a
        transaction that an error has ended.
        """
        return not self.is_postgres or self._committed.statusmessage == "COMMIT"

    def end_reading(self) -> bool:
        """Leave a transaction that only read; False when even that fails.

        By a commit, because after a rollback the driver of PostgreSQL forgets what it has prepared,
        and planning a statement costs more than running it.
        """
        try:
            self.raw.commit()
        except Exception:  # noqa: BLE001 - of whatever kind: the connection is given up
            return False
        return not self.conn.invalidated

    def roll_back(self) -> bool:
        """Leave the transaction; False when even that fails."""
        try:
            self.raw.rollback()
        except Exception:  # noqa: BLE001 - of whatever kind: the connection is given up
            return False
        return not self.conn.invalidated

    def close(self) -> None:
        """Give it up; what was not committed is gone."""
        self.conn.invalidate()
        self.conn.close()


class Tx:
    """A transaction, as it is given to a function that writes.

    That function never commits, and may be called again after a rollback.
    """

    __slots__ = ("_now", "_raw", "conn", "is_postgres", "rollups", "subscribers", "topics")

    def __init__(self, link: KeptConnection, subscribers: Subscribers = NOBODY) -> None:
        self.conn: Connection = link.conn
        self.is_postgres = link.is_postgres
        self.rollups: dict[RollupKind, int] = {}
        self.topics: set[str] = set()
        self.subscribers = subscribers
        self._raw = link.raw
        self._now: datetime | None = None

    @property
    def now(self) -> datetime:
        """The database's clock, one value for the whole transaction."""
        if self._now is None:
            # SQLite runs in this process, so its clock is that of this machine.
            self._now = database_now(self._raw) if self.is_postgres else datetime.now(UTC)
        return self._now

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Cursor:
        """Run a statement on the driver itself, with its own placeholders."""
        return self._raw.execute(statement, parameters)

    def lock(self, subject: int, *names: str) -> None:
        """Wait for a lock, which no other transaction has until this one ends.

        `subject` keeps apart equal names of different things. SQLite has one writer at a time, so
        there is nothing to lock.
        """
        if self.is_postgres:
            key = "\n".join(names)
            self.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", (key, subject))

    def touch(self, topic: str) -> None:
        """Tell every process, after the commit, that this has moved: the id of a change, or the
        name of a table.
        """
        self.topics.add(topic)

    def add(self, rollups: Sequence[RollupRow]) -> None:
        """Remember what to count. It is written once for the whole group of calls, last of all,
        because every transaction changes these few rows and would wait for the others.
        """
        for row in rollups:
            kind = row[:-1]
            self.rollups[kind] = self.rollups.get(kind, 0) + row.n


def database_now(raw: Raw) -> datetime:
    """Return the time by PostgreSQL's clock, which all replicas of the gate share."""
    row = raw.execute("SELECT clock_timestamp()").fetchone()
    now: datetime = row[0] if row else datetime.now(UTC)
    return now.astimezone(UTC)
