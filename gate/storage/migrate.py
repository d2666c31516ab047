"""Brings a database to the form that this release needs, in one transaction; refuses one that it
does not know.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from gate.errors import Unavailable
from gate.storage.database.engine import connect, open_engine, refuse_unsafe, shown

TURN_LIMIT_MS = 10_000
"""How long an upgrade on PostgreSQL waits until another one has ended."""

TABLE_LOCK_LIMIT_MS = 3_000
"""How long a step waits for a table that is in use. Whoever asks for the table meanwhile waits
behind the step, so this is less than the limit of a statement that writes: running replicas become
slow for a moment, and none of them fails."""

VERSION_TABLE = "alembic_version"
"""The table in which Alembic writes the revision of a database."""

FIRST = "2026_01_05_first"
"""The beginning of the revision of the first migration, which differs from build to build."""

_ADVISORY_LOCK = 0x67617465
"""`gate`, as the number that PostgreSQL locks by."""


class SchemaNewer(Unavailable):
    """A later release has upgraded this database; an older program must not write it."""


class SchemaOlder(Unavailable):
    """The database has not been upgraded yet."""


class SchemaUnreleased(Unavailable):
    """A build from before the first release made this database; no migration leads from there to
    here.
    """


def upgrade(url: str, *, table_lock_limit_ms: int = TABLE_LOCK_LIMIT_MS) -> str:
    """Make or upgrade the database, and return its revision.

    Either all steps are done or none, so an upgrade that was interrupted starts again.
    """
    with _locked(url, table_lock_limit_ms) as connection:
        found = _current(connection)
        _refuse_unknown(found, url)
        if found != head():
            command.upgrade(_config(connection), "head")
        return head()


def head() -> str:
    """Return the revision that this release needs."""
    return _revisions().head


def check(connection: Connection, url: str) -> None:
    """Raise for a database of another release."""
    found = _current(connection)
    _refuse_unknown(found, url)
    if found != head():
        raise SchemaOlder(
            f"the database {shown(url)} has revision {found or 'none'}, {head()} is needed; "
            "run gate db upgrade"
        )


def _refuse_unknown(found: str | None, url: str) -> None:
    if found is None or found in _revisions().known:
        return
    if found.startswith(FIRST):
        raise SchemaUnreleased(
            f"the database {shown(url)} was made by a build from before the first release "
            f"(revision {found}) and cannot be upgraded to {head()}; move it away together with "
            "its signing key and the key's guard, or name another one with GATE_DATABASE_URL, "
            "and a new one is made"
        )
    raise SchemaNewer(
        f"the database {shown(url)} has revision {found}, which this release does not know; "
        "run a newer release"
    )


@dataclass(frozen=True, slots=True)
class _Revisions:
    """The newest revision of this release, and all that it knows."""

    head: str
    known: frozenset[str]


@cache
def _revisions() -> _Revisions:
    """Return the revisions of this release. They are read once a process, because that takes as
    long as everything else in opening a database.
    """
    scripts = ScriptDirectory.from_config(_config(None))
    head = scripts.get_current_head()
    if head is None:
        raise RuntimeError("the package lost its migrations")
    return _Revisions(head, frozenset(script.revision for script in scripts.walk_revisions()))


@contextmanager
def _locked(url: str, table_lock_limit_ms: int) -> Iterator[Connection]:
    """Yield a connection in a transaction that only one process has at a time."""
    engine = open_engine(url, create=True)
    with connect(engine, url) as connection:
        try:
            if connection.dialect.name == "postgresql":
                refuse_unsafe(connection)
                # A long step may take its time, but neither the turn nor a table is waited for
                # without end.
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {TURN_LIMIT_MS}")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {table_lock_limit_ms}")
            else:
                # BEGIN IMMEDIATE: nobody else writes from here on.
                connection.exec_driver_sql("SELECT 1")
            yield connection
            connection.commit()
        except DBAPIError as error:
            cause = str(error.orig).strip().partition("\n")[0]
            detail = (
                "the database was not upgraded and is as it was before; run gate db upgrade again"
            )
            raise Unavailable(detail, place=f"{shown(url)}: {cause}") from error


def _current(connection: Connection) -> str | None:
    """Return the revision that Alembic has written down, or None where it never did.

    Asked through Alembic, the same two questions take several times as long, at every start.
    """
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        return None
    statement = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant
    revision: str | None = connection.execute(statement).scalar_one_or_none()
    return revision


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    config.attributes["connection"] = connection
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return config
