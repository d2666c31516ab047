"""A transaction as storage functions see it, and the connection it runs on."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from sqlalchemy import Connection, Engine

from gate.storage.database.engine import BY_HAND, READ_ONLY, connect
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
"""Who is told of an entry of the ledger, by its kind."""

NOBODY: Subscribers = MappingProxyType({})

_CAN_COMMIT = (0, 2)
"""Of libpq's transaction states: idle, and in a transaction that is whole."""


class Cursor(Protocol):
    """What both drivers give back."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""


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
        self._begin = (
            None
            if self.is_postgres
            else "BEGIN"
            if engine.get_execution_options()[READ_ONLY]
            else "BEGIN IMMEDIATE"
        )
        self.conn.begin()

    def begin(self) -> None:
        """Start a transaction; the driver of PostgreSQL does so by itself."""
        if self._begin is not None:
            self.raw.execute(self._begin)

    @property
    def can_commit(self) -> bool:
        """Some errors end the transaction silently, and a commit after them would be a lie."""
        raw: Any = self.raw
        if self.is_postgres:
            return raw.info.transaction_status in _CAN_COMMIT
        return bool(raw.in_transaction)

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
    """What a function is given that writes.

    It never commits, and may be called again after a rollback.
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
            # SQLite has the host's clock.
            self._now = database_now(self._raw) if self.is_postgres else datetime.now(UTC)
        return self._now

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Cursor:
        """Run a statement on the driver itself, with its own placeholders."""
        return self._raw.execute(statement, parameters)

    def at_once(self) -> AbstractContextManager[object]:
        """As `at_once` of this module, for statements on the driver itself."""
        return at_once(self._raw, is_postgres=self.is_postgres)

    def lock(self, subject: int, *names: str) -> None:
        """Wait until nobody else has this lock, and have it until the transaction ends.

        `subject` keeps names apart that mean something else. SQLite has one writer at a time.
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
        """Count, once for the whole group and last of all."""
        for row in rollups:
            kind = row[:-1]
            self.rollups[kind] = self.rollups.get(kind, 0) + row.n


def database_now(raw: Raw) -> datetime:
    """The clock of PostgreSQL."""
    row = raw.execute("SELECT clock_timestamp()").fetchone()
    now: datetime = row[0] if row else datetime.now(UTC)
    return now.astimezone(UTC)
