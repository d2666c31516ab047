"""The tree over the ledger's entries: its head, its tiles, and every head that was signed."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, SmallInteger, Table, Text

from gate.storage.tables.columns import Instant
from gate.storage.tables.schema import metadata

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", SmallInteger, primary_key=True),  # always 1: whoever seals locks this row
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("sealed_at", Instant),
    # Counts the restores after which signed entries were gone.
    Column("epoch", Integer, nullable=False),
    Column("key", Text),  # the verifier key of whoever signs; null: nobody has signed yet
)

tiles = Table(
    "tiles",
    metadata,
    Column("level", SmallInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("hashes", LargeBinary, nullable=False),  # up to 256 of 32 bytes; only grows
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("note", LargeBinary, nullable=False),  # the signed note, as it was served
)
