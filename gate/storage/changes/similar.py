"""How often changes of a place touched the same kinds of files, how many of them failed, and which
was the last.

It is one row for each set of kinds, so that a decision reads one row, at ten changes and at a
million.
"""

from sqlalchemy import Connection

from gate.core.instants import to_us
from gate.storage.database.hot import Hot
from gate.storage.database.tx import Tx
from gate.storage.tables.stored_change import StoredChange


def count_change(tx: Tx, change: StoredChange, kinds: str) -> None:
    """Count an admitted change, and keep it as the last one. Unknown kinds are not counted."""
    if kinds:
        place = (change.service, change.environment, kinds)
        _COUNT.run(tx, *place, change.id, to_us(tx.now))


def add_failures(tx: Tx, change: StoredChange, kinds: str, failures: int) -> None:
    """Add 1 when a counted change became failed, or -1 when it no longer is."""
    if kinds:
        _FAILED.run(tx, failures, change.service, change.environment, kinds)


def last(conn: Connection, service: str, environment: str, kinds: str) -> str | None:
    """Return the change of these kinds that was admitted here last, or None."""
    found = _LAST.rows(conn, service, environment, kinds)
    return found[0][0] if found else None


_COUNT = Hot("""
INSERT INTO similar_outcomes
  (service, environment, kinds, changes, failures, last_change, last_at)
VALUES (?, ?, ?, 1, 0, ?, ?)
ON CONFLICT (service, environment, kinds) DO UPDATE
SET changes = similar_outcomes.changes + 1,
  last_change = excluded.last_change, last_at = excluded.last_at
""")
_FAILED = Hot("""
UPDATE similar_outcomes SET failures = failures + ?
WHERE service = ? AND environment = ? AND kinds = ?
""")
_LAST = Hot("""
SELECT last_change FROM similar_outcomes WHERE service = ? AND environment = ? AND kinds = ?
""")
