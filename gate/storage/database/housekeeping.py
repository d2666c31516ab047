"""Checks of the writer between two groups, for SQLite: whether the file is still there, whether
other processes wrote to it, and whether the write-ahead log is too long.
"""

import sqlite3
import time
from pathlib import Path
from typing import cast

from gate.errors import Unavailable
from gate.storage.database.engine import BUSY_LIMIT_MS, OpenFile
from gate.storage.database.faults import Ended, Fate, fate_of
from gate.storage.database.tx import KeptConnection
from gate.storage.database.watch import EVERYTHING, Audience

LOOK_SECONDS = 0.4
BUSY_STEP_MS = 300
"""How long one attempt waits for SQLite's lock. Between two attempts the writer looks for what
others committed, so that caches stay fresh while it waits."""

WAL_BYTES_MAX = 64 * 1024 * 1024
"""A write-ahead log over this size is emptied, even if the writer must wait for readers."""

WAL_TURN_SECONDS = 10
"""How long after such an attempt no other is made."""


class Housekeeping:
    """The checks of one database; for PostgreSQL they do nothing, because it needs none."""

    def __init__(self, link: KeptConnection, path: Path | None, audience: Audience) -> None:
        self._audience = audience
        self._file = None if path is None else OpenFile.of(path)
        self._looked_at = self._carried_at = time.monotonic()
        if self._file is not None:
            _execute(link, f"PRAGMA busy_timeout = {BUSY_STEP_MS}")
            self._seen = _version(link)

    def missing(self) -> Path | None:
        """Return the path of the database file if the file that was opened is no longer there."""
        return None if self._file is None else self._file.missing()

    def refuse_missing(self) -> None:
        """Raise `Ended` if the database file is gone, because what is written to a file without a
        name is lost and must not be confirmed.
        """
        file = self.missing()
        if file is not None:
            detail = (
                "the database file was moved away or deleted while the gate ran; put it back, "
                "or stop the gate"
            )
            raise Ended(Fate.ENDED, Unavailable(detail, place=str(file)))

    def begin(self, link: KeptConnection) -> None:
        """Begin a transaction; raises if another process holds the lock over the time limit."""
        waits_until = time.monotonic() + BUSY_LIMIT_MS / 1000
        while True:
            try:
                link.begin()
            except sqlite3.OperationalError as error:
                if fate_of(error) is not Fate.BUSY or time.monotonic() > waits_until:
                    raise
                self._look(link)
            else:
                return

    def keep(self, link: KeptConnection | None) -> None:
        """Look for what others wrote and keep the log short; called between groups and
        when idle.
        """
        now = time.monotonic()
        if self._file is None or link is None or now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        self._look(link)
        if now - self._carried_at > WAL_TURN_SECONDS and self._file.log_bytes > WAL_BYTES_MAX:
            self._carried_at = now
            _execute(link, "PRAGMA wal_checkpoint(TRUNCATE)")

    def _look(self, link: KeptConnection) -> None:
        """Announce that everything may have changed, if another process committed.

        SQLite's `data_version` does not count the commits of this connection itself.
        """
        seen = _version(link)
        if seen is None or seen != self._seen:
            self._seen = seen
            self._audience.announce(EVERYTHING)


def _version(link: KeptConnection) -> int | None:
    return _execute(link, "PRAGMA data_version")


def _execute(link: KeptConnection, statement: str) -> int | None:
    """Return the first number of the result, or None if the statement failed.

    The failure is not reported here, because the next group fails in the same way.
    """
    try:
        row = link.raw.execute(statement).fetchone()
    except sqlite3.Error:
        return None
    return cast("int", row[0]) if row else None
