"""Counts that are kept up to date, so that a page costs the same with ten thousand and with ten
million decisions.
"""

from gate.storage.database.bulk import Bulk
from gate.storage.database.rows import RollupRow
from gate.storage.database.tx import Tx
from gate.storage.tables import schema_work

_KIND = ", ".join(RollupRow._fields[:-1])
_BULK = Bulk(
    schema_work.rollups,
    RollupRow._fields,
    tail=f"ON CONFLICT ({_KIND}) DO UPDATE SET n = rollups.n + excluded.n",
)


def flush(tx: Tx) -> None:
    """Write the counts of this transaction, sorted by key, so that two processes never deadlock."""
    if tx.rollups:
        _BULK.insert(tx, [(*kind, n) for kind, n in sorted(tx.rollups.items()) if n])
        tx.rollups = {}
