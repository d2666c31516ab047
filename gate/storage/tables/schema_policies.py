"""Tables of registered policies, catalogues and calendars, of those in force, and of freezes."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
)

from gate.storage.tables.columns import NAMED_TEXTS, TEXTS, Instant
from gate.storage.tables.schema import _where, metadata

policy_sets = Table(
    "policy_sets",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256 over the three revisions
    Column("policies", Text, nullable=False),  # revisions
    Column("catalogue", Text, nullable=False),
    Column("calendar", Text, nullable=False),
    Column("files", NAMED_TEXTS, nullable=False),  # of the catalogue every name is the id of a text
    Column("registered_at", Instant, nullable=False),
    Column("registered_by", Text, nullable=False),
)


in_force = Table(
    "in_force",
    metadata,
    Column("id", SmallInteger, primary_key=True),  # always 1
    Column("number", BigInteger, nullable=False),  # of the activation; a set may be in force again
    Column("policy_set", Text, ForeignKey("policy_sets.id"), nullable=False),
    Column("activated_at", Instant, nullable=False),
    Column("activated_by", Text, nullable=False),
    Column("comment", Text, nullable=False),  # id of a text, or empty
)


# Activations after which other policies decide. One of a catalogue or calendar alone is none.
policy_changes = Table(
    "policy_changes",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # of the activation
    Column("policies", Text, nullable=False),  # revision
    Column("at", Instant, nullable=False),
    Index("ix_policy_changes_at", "at"),
)


freezes = Table(
    "freezes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reason", Text, nullable=False),  # id of a text
    Column("stop", Boolean, nullable=False),
    Column("begins", Instant, nullable=False),
    Column("ends", Instant),
    Column("services", TEXTS, nullable=False),  # none: all of them
    Column("environments", TEXTS, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("lifted_at", Instant),
    Column("lifted_by", Text),
    Index("ix_freezes_open", "ends", **_where("lifted_at IS NULL")),
    Index("ix_freezes_newest", "created_at", "id"),
)
