"""Compaction of the database, so that deleted data does not remain in free pages, indexes or the
write-ahead log.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text

from gate.errors import Unavailable
from gate.storage.database.engine import connect, open_engine, sqlite_path

BUSY_LIMIT_MS = 60_000
"""How long to wait for locks of other processes. A server holds none longer than a statement."""

_REWRITTEN = ("texts", "decisions", "idempotency", "outbox", "deliveries", "people")
"""Tables of PostgreSQL in which something is erased."""


def compact(url: str) -> None:
    """Write the database again without deleted data. Raises `Unavailable` if another process blocks
    it.

    SQLite writes a new copy of the whole file, which needs as much space again for a while.
    PostgreSQL locks each table while it writes the table.
    """
    path = sqlite_path(url)
    if path is None:
        _rewrite_postgres(url)
        return
    try:
        _rewrite_sqlite(path)
    except sqlite3.Error as error:
        raise Unavailable(
            f"the texts are erased, but {path} could not be written anew ({error}), so their bytes "
            "may still lie in its free pages; stop the gate and run the same command again"
        ) from None


def _rewrite_sqlite(path: Path) -> None:
    name = f"file:{quote(str(path))}?mode=rw"
    with closing(sqlite3.connect(name, uri=True, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_LIMIT_MS}")
        # Between two merges the word index keeps words of rows that were deleted.
        connection.execute("INSERT INTO decision_words (decision_words) VALUES ('optimize')")
        connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("a reader keeps its write-ahead log in use")


def _rewrite_postgres(url: str) -> None:
    with connect(open_engine(url), url) as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        alone.execute(text("SET statement_timeout = 0"))
        alone.execute(text(f"SET lock_timeout = {BUSY_LIMIT_MS}"))
        for table in _REWRITTEN:
            alone.execute(text(f"VACUUM (FULL) {table}"))
