"""One entry in the ledger, in the transaction of what it tells of."""

from gate.core.instants import to_us
from gate.ledger.format import Kind, entry
from gate.storage.database.tx import Tx
from gate.storage.ledger.ledger import append_entry


def tell(tx: Tx, kind: Kind, change: str | None, **fields: object) -> None:
    """At the database's time. A field that is None is left out."""
    append_entry(tx, kind.value, to_us(tx.now), change, entry(kind, tx.now, change, **fields))
