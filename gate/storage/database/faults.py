"""The meaning of an error of a database driver for the transaction in which it happened, and for
those who wait.
"""

import sqlite3
from enum import Enum, auto
from importlib.util import find_spec
from typing import Any

from sqlalchemy.exc import DBAPIError

from gate.errors import GateError, Unavailable

if find_spec("psycopg") is not None:
    from psycopg import Error as PostgresError
else:

    class PostgresError(Exception):  # type: ignore[no-redef]  # without the driver there are no errors of it
        """Never raised."""


class Fate(Enum):
    """The consequence of an error."""

    # The rows contradict others: only the call that brought them fails.
    CONSTRAINT = auto()
    # Deadlock, serialization: another attempt may succeed.
    CONFLICT = auto()
    # Another process holds the lock for too long.
    BUSY = auto()
    # No space; it may come back.
    FULL = auto()
    # The connection is gone.
    LOST = auto()
    # The transaction cannot go on, the database may.
    ENDED = auto()
    # Written data may not be on the disk, and data on the disk may be wrong, so nothing more may be
    # written.
    BROKEN = auto()
    # The statement was wrong: a fault of the gate itself.
    FAULT = auto()


class Ended(Exception):
    """A transaction ended before its commit, or its commit failed: no call in it has succeeded."""

    def __init__(self, fate: Fate, cause: BaseException) -> None:
        super().__init__(fate, cause)
        self.fate = fate
        self.cause = cause


class UnknownOutcome(Exception):
    """A commit got no answer, so it may have happened or not."""


SQLITE_PRIMARY = 0xFF
_SQLITE: dict[int, Fate] = {
    sqlite3.SQLITE_CONSTRAINT: Fate.CONSTRAINT,
    sqlite3.SQLITE_BUSY: Fate.BUSY,
    sqlite3.SQLITE_LOCKED: Fate.BUSY,
    sqlite3.SQLITE_FULL: Fate.FULL,
    sqlite3.SQLITE_CORRUPT: Fate.BROKEN,
    sqlite3.SQLITE_NOTADB: Fate.BROKEN,
    sqlite3.SQLITE_IOERR: Fate.BROKEN,
    sqlite3.SQLITE_NOMEM: Fate.ENDED,
    sqlite3.SQLITE_CANTOPEN: Fate.ENDED,
    sqlite3.SQLITE_PERM: Fate.ENDED,
    sqlite3.SQLITE_READONLY: Fate.ENDED,
    sqlite3.SQLITE_PROTOCOL: Fate.ENDED,
    sqlite3.SQLITE_INTERRUPT: Fate.ENDED,
}
# Errors of input and output that say nothing about bytes that were written before. All others of
# this kind count as a broken disk.
_SQLITE_PASSING = {
    sqlite3.SQLITE_IOERR_SHMSIZE: Fate.FULL,  # no space for the shared index of the log
    sqlite3.SQLITE_IOERR_SHMMAP: Fate.ENDED,
    sqlite3.SQLITE_IOERR_SHMLOCK: Fate.ENDED,
    sqlite3.SQLITE_IOERR_LOCK: Fate.ENDED,
    sqlite3.SQLITE_IOERR_BLOCKED: Fate.ENDED,
    sqlite3.SQLITE_IOERR_NOMEM: Fate.ENDED,
}
_POSTGRES = {
    "40001": Fate.CONFLICT,
    "40P01": Fate.CONFLICT,
    "55P03": Fate.BUSY,  # lock time limit
    "57014": Fate.BUSY,  # statement time limit
    "53100": Fate.FULL,
    "25006": Fate.LOST,  # a standby: connect again, to whoever leads now
}
_POSTGRES_CLASSES = {
    "08": Fate.LOST,
    "23": Fate.CONSTRAINT,
    "53": Fate.ENDED,
    "57": Fate.LOST,  # the server shuts down
    "58": Fate.ENDED,
    "XX": Fate.ENDED,
}


_ENDS_THE_CONNECTION = frozenset({"FATAL", "PANIC"})
"""After an error of this severity the server has left, whatever the error was. If it was at the
commit, the commit may stand in the log that the server reads when it begins again."""


def fate_of(error: BaseException) -> Fate | None:
    """Return what the error means, or None for an error that is not the database's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        # An error of the driver itself has no code.
        code: int = getattr(cause, "sqlite_errorcode", 0)
        return _SQLITE_PASSING.get(code) or _SQLITE.get(code & SQLITE_PRIMARY, Fate.FAULT)
    if isinstance(cause, PostgresError):
        return _postgres_fate(cause)
    return None


def refusal(fate: Fate, cause: BaseException) -> Exception:
    """Return the error for the callers that waited. A fault of the gate itself is not disguised, so
    that it is found.
    """
    if isinstance(cause, GateError):
        return cause
    if fate in {Fate.FAULT, Fate.CONSTRAINT}:
        if isinstance(cause, Exception):
            return cause
        return RuntimeError(str(cause))
    if fate is Fate.FULL:
        return Unavailable(
            "the disk of the database is full; nothing was recorded",
            problem="storage_full",
            retry_after_seconds=10,
        )
    return Unavailable(_WORDS[fate])


def read_refusal(fate: Fate, cause: BaseException) -> Exception:
    """Return the error for a caller that reads. A read that tries to write is a fault of the gate
    itself, too.
    """
    if (
        fate in {Fate.FAULT, Fate.CONSTRAINT}
        or "read-only" in str(cause)
        or "readonly" in str(cause)
    ):
        if isinstance(cause, Exception):
            return cause
        return RuntimeError(str(cause))
    return Unavailable("the database cannot be read now; ask again")


_WORDS = {
    Fate.CONFLICT: "too many processes changed the same rows at once; nothing was recorded, ask "
    "again",
    Fate.BUSY: "the database is locked by somebody else; nothing was recorded, ask again",
    Fate.LOST: "the database cannot be reached; nothing was recorded, ask again",
    Fate.ENDED: "the database does not write; nothing was recorded, ask again",
    Fate.BROKEN: "the disk of the database has failed and nothing more is written; ask again "
    "with the "
    "same key after a restart",
}


def _postgres_fate(cause: Any) -> Fate:
    state = cause.sqlstate
    # Without a state the error is the driver's own: the server no longer answered.
    if state is None:
        if type(cause).__name__ in {"OperationalError", "InterfaceError"}:
            return Fate.LOST
        return Fate.FAULT
    if cause.diag.severity_nonlocalized in _ENDS_THE_CONNECTION:
        return Fate.LOST
    return _POSTGRES.get(state) or _POSTGRES_CLASSES.get(state[:2], Fate.FAULT)
