"""Writing to the ledger, in the transaction of the act that the entry records."""

from gate.core.canonical import canonical
from gate.core.instants import to_us
from gate.errors import Invalid
from gate.ledger.format import Kind, entry
from gate.storage.database.rows import EntryRow
from gate.storage.database.tx import Tx
from gate.storage.ledger.ledger import append_entries

NAMES_BYTES_MAX = 12_000
"""The most bytes of names of services and environments in one entry, which has at most 16 KiB."""


def append_entry(tx: Tx, kind: Kind, change: str | None, **fields: object) -> None:
    """Append one entry, at the database's time. A field that is None is left out."""
    body = entry(kind, tx.now, change, **fields)
    append_entries(tx, [EntryRow(to_us(tx.now), kind.value, change, body)])


def check_names(*names: str) -> None:
    """Raise `Invalid` if these names are too long for one entry of the ledger."""
    size_bytes = len(canonical(names))
    if size_bytes > NAMES_BYTES_MAX:
        raise Invalid(
            f"the names take {size_bytes} bytes, at most {NAMES_BYTES_MAX} are allowed; "
            "name fewer, or none for all"
        )
