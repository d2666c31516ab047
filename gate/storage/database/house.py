"""What the writer looks after between groups: that the file is still there, what others wrote, how
long the log is.
"""

import sqlite3
import time
from pathlib import Path
from typing import cast

from gate.errors import Unavailable
from gate.storage.database.engine import BUSY_LIMIT_MS, OpenFile
from gate.storage.database.faults import Ended, Fate, fate_of
from gate.storage.database.tx import Link
from gate.storage.database.watch import EVERYTHING, Audience

LOOK_SECONDS = 0.4
BUSY_STEP_MS = 300
"""How long one attempt waits for SQLite's lock; in between, what others commit is noticed."""

WAL_BYTES_MAX = 64 * 1024 * 1024
"""A log over this is carried over even if readers have to be waited for."""

WAL_TURN_SECONDS = 10
"""How long after such an attempt there is no other."""


class House:
    """SQLite's; PostgreSQL looks after itself."""

    def __init__(self, link: Link, path: Path | None, audience: Audience) -> None:
        self._audience = audience
        self._file = None if path is None else OpenFile.of(path)
        self._looked_at = self._carried_at = time.monotonic()
        if self._file is not None:
            _execute(link, f"PRAGMA busy_timeout = {BUSY_STEP_MS}")
            self._seen = _version(link)

    def missing(self) -> Path | None:
        """The file that is no longer the one that was opened."""
        return None if self._file is None else self._file.missing()

    def refuse_missing(self) -> None:
        """Write nothing into a file that nobody will find again, and confirm nothing that went
        there.
        """
        file = self.missing()
        if file is not None:
            detail = (
                "the database file was moved away or deleted while the gate ran; put it back, "
                "or stop the gate"
            )
            raise Ended(Fate.ENDED, Unavailable(detail, place=str(file)))

    def begin(self, link: Link) -> None:
        """Begin a transaction, within the time limit."""
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

    def keep(self, link: Link | None) -> None:
        """Between groups, and when idle."""
        now = time.monotonic()
        if self._file is None or link is None or now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        self._look(link)
        if now - self._carried_at > WAL_TURN_SECONDS and self._file.log_bytes > WAL_BYTES_MAX:
            self._carried_at = now
            _execute(link, "PRAGMA wal_checkpoint(TRUNCATE)")

    def _look(self, link: Link) -> None:
        """Other processes' commits; one's own do not count here."""
        seen = _version(link)
        if seen is None or seen != self._seen:
            self._seen = seen
            self._audience.announce(EVERYTHING)


def _version(link: Link) -> int | None:
    return _execute(link, "PRAGMA data_version")


def _execute(link: Link, statement: str) -> int | None:
    """The first number that it answers; None when it failed, which the next group will meet as
    well.
    """
    try:
        row = link.raw.execute(statement).fetchone()
    except sqlite3.Error:
        return None
    return cast("int", row[0]) if row else None
