"""Connections to the database: which one is meant, that it exists, and that what it confirms is on
the disk.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import NullPool

from gate.errors import Invalid, NotFound, Unavailable
from gate.storage.database import pooler

BUSY_LIMIT_MS = 5_000
"""How long a statement waits for another process's lock."""

STATEMENT_LIMIT_MS = 8_000
"""How long one statement may take on PostgreSQL."""

CONNECT_LIMIT_SECONDS = 5
CACHE_KIB = 16 * 1024
WAL_CHECKPOINT_PAGES = 4_000
"""At 16 MiB SQLite copies its log into the database file. The more it copies at once, the less that
costs each commit."""

STATEMENTS_KEPT = 512
"""The number of prepared statements that a SQLite connection keeps: inserts come in ten sizes for
each table."""

BY_HAND = "by_hand"
"""Execution option of a connection whose transactions are begun by `KeptConnection`, not here."""

READ_ONLY = "read_only"
"""Execution option of an engine that `open_engine` opened with `read_only`."""

ISOLATION: Mapping[bool, str] = MappingProxyType({True: "REPEATABLE READ", False: "READ COMMITTED"})
"""The isolation of transactions on PostgreSQL, by whether they only read.

All statements of a reader see one snapshot. A writer has to see the newest rows, because it
compares before it sets."""

BUSY_TIMEOUT = f"PRAGMA busy_timeout = {BUSY_LIMIT_MS}"
_SQLITE_ALWAYS = (
    "PRAGMA foreign_keys = ON",
    # Without it INSERT OR REPLACE would get past the triggers that refuse deletes.
    "PRAGMA recursive_triggers = ON",
    f"PRAGMA cache_size = -{CACHE_KIB}",
    "PRAGMA temp_store = MEMORY",
)
_SQLITE_WRITES = (
    "PRAGMA journal_mode = WAL",
    # Every commit waits for the disk, so what is confirmed survives a power cut.
    "PRAGMA synchronous = FULL",
    f"PRAGMA wal_autocheckpoint = {WAL_CHECKPOINT_PAGES}",
)
_POSTGRES_PLANS = {
    # A table is read by an index from its first row on. PostgreSQL keeps a plan that it made for an
    # empty table until it has counted the rows, and by then there may be thousands.
    "enable_seqscan": "off",
    # For the same reason no join is made by reading a whole index.
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # Compiling a statement takes longer than running it. The settings above make every plan look so
    # expensive that the planner would compile it.
    "jit": "off",
}
"""The settings that keep PostgreSQL's plans as good for a table of ten million rows as for an empty
one."""

# Without these a connection to a server that vanished would wait for minutes.
_KEEPALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file, whatever characters are in its path."""
    return URL.create("sqlite", database=str(path.absolute())).render_as_string()


def sqlite_path(url: str) -> Path | None:
    """Return the absolute path of a SQLite database, or None for PostgreSQL."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return Path(parsed.database or "").absolute()
    return None


def open_engine(url: str, *, create: bool = False, read_only: bool = False) -> Engine:
    """Return an engine that opens a connection when it is asked for one, and closes it afterwards.

    On SQLite every transaction of an engine that writes begins IMMEDIATE. With `read_only` the
    database itself refuses any write. Without `create` a missing database raises `NotFound`, so
    that a wrong path never looks like an empty ledger.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(
            Path(parsed.database or "").absolute(), create=create, read_only=read_only
        )
    return _postgres_engine(parsed, read_only=read_only)


def shown(url: str) -> str:
    """Return the name of the database for messages: an absolute path, or a URL without password."""
    path = sqlite_path(url)
    if path:
        return str(path)
    return _parse(url).render_as_string(hide_password=True)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Invalid(
            "the database URL cannot be read; write sqlite:///PATH or "
            "postgresql+psycopg://USER@HOST/NAME"
        ) from None
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise Invalid(
            f"the database URL begins with {parsed.drivername}; allowed are sqlite and "
            "postgresql+psycopg"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise Invalid(
            "the database URL names no file; write sqlite:///PATH, or sqlite:////PATH for "
            "an absolute one"
        )
    return parsed


def _sqlite_engine(path: Path, *, create: bool, read_only: bool) -> Engine:
    if create:
        _make_file(path)
    elif not path.is_file():
        raise NotFound(f"there is no database at {path}; gate serve or gate db upgrade makes one")
    # With `mode=rw` SQLite never makes a file.
    name = f"file:{quote(str(path))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = None
        try:
            # `isolation_level=None`: the driver begins no transaction of its own. If it did,
            # savepoints would silently do nothing.
            connection = sqlite3.connect(
                name,
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=STATEMENTS_KEPT,
            )
            for pragma in (BUSY_TIMEOUT, *_SQLITE_ALWAYS) + (
                ("PRAGMA query_only = ON",) if read_only else _SQLITE_WRITES
            ):
                connection.execute(pragma).close()
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise unusable(path, error) from None
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=NullPool,
        hide_parameters=True,
        execution_options={READ_ONLY: read_only},
    )
    # A transaction that first reads and then writes fails if another one has written in between, so
    # a writer takes the lock at once.
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if not connection.get_execution_options().get(BY_HAND):
            connection.exec_driver_sql(begin)

    return engine


def unusable(path: Path, error: sqlite3.Error) -> Unavailable:
    """Return the error that says why a file cannot be opened, and what to do."""
    if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return Unavailable("the database is damaged; restore a backup", place=f"{path}: {error}")
    return Unavailable(
        "the database cannot be opened: is it there, is its folder writable, does another "
        "process hold it?",
        place=f"{path}: {error}",
    )


def _make_file(path: Path) -> None:
    """Make an empty file that only its owner may read; leave a file that exists as it is."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise Unavailable(
            "the database cannot be made", place=f"{path}: {error.strerror}"
        ) from None


def _postgres_engine(url: URL, *, read_only: bool) -> Engine:
    settings = {
        "statement_timeout": STATEMENT_LIMIT_MS,
        "lock_timeout": BUSY_LIMIT_MS,
        "idle_in_transaction_session_timeout": 2 * STATEMENT_LIMIT_MS,
        "default_transaction_read_only": "on" if read_only else "off",
        "timezone": "UTC",
        **_POSTGRES_PLANS,
    }
    # A decision reads with one long statement. Planning it anew each time costs four times as much
    # as running it.
    if read_only:
        settings["plan_cache_mode"] = "force_generic_plan"
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_LIMIT_SECONDS,
        "application_name": "gate",
        "options": pooler.options(settings),
        # Of several hosts a writer needs the one that leads.
        "target_session_attrs": "any" if read_only else "read-write",
        **_KEEPALIVE,
    }
    try:
        engine = create_engine(
            url,
            connect_args=arguments,
            isolation_level=ISOLATION[read_only],
            poolclass=NullPool,
            execution_options={READ_ONLY: read_only},
        )
    except ModuleNotFoundError:
        raise Invalid("PostgreSQL needs its driver: pip install 'change-gate[postgres]'") from None
    pooler.recognize_poolers(engine, settings)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        statement = pooler.settings_again(connection)
        if statement is not None and not connection.get_execution_options().get(BY_HAND):
            connection.exec_driver_sql(statement)

    return engine


def refuse_unsafe(connection: Connection) -> None:
    """Raise `Unavailable` for a PostgreSQL that confirms commits before they are on its disk.

    What the gate has answered must survive a power cut.
    """
    if connection.dialect.name != "postgresql":
        return
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        value = connection.exec_driver_sql(f"SHOW {name}").scalar_one()
        if value == "off":
            raise Unavailable(
                f"PostgreSQL runs with {name} = off: it confirms commits that a crash can "
                f"lose; set {name} = on"
            )


def connect(engine: Engine, url: str) -> Connection:
    """Return a connection. Raises `Unavailable`, which names the database to operators only."""
    try:
        return engine.connect()
    except OperationalError as error:
        raise Unavailable(
            "the database cannot be reached", place=f"{shown(url)}: {str(error.orig).strip()}"
        ) from None


@dataclass(frozen=True, slots=True)
class OpenFile:
    """The files that a running server has open, so that one that was moved away or deleted is
    noticed.
    """

    path: Path
    files: tuple[tuple[Path, int, int], ...]

    @staticmethod
    def of(path: Path) -> "OpenFile":
        """Return the files as they are now: the database, and its log if a connection is open."""
        found = []
        for file in (path, path.with_name(path.name + "-wal")):
            with suppress(FileNotFoundError):
                stat = file.stat()
                found.append((file, stat.st_dev, stat.st_ino))
        return OpenFile(path, tuple(found))

    @property
    def log_bytes(self) -> int:
        """The size of the write-ahead log, whose changes are not yet in the database file."""
        with suppress(FileNotFoundError):
            return sum(file.stat().st_size for file, _, _ in self.files[1:])
        return 0

    def missing(self) -> Path | None:
        """Return a file that is no longer the one that was opened, or None."""
        for file, device, inode in self.files:
            try:
                stat = os.stat(file)  # noqa: PTH116 - twice as fast, and asked at every commit
            except OSError:
                return file
            if (stat.st_ino, stat.st_dev) != (inode, device):
                return file
        return None
