"""Tables for the gate's own work: keys, uses of tokens, messages, sums, secrets, leases."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)

from gate.storage.tables.columns import Instant
from gate.storage.tables.packed import Packed
from gate.storage.tables.schema import _where, metadata

# Idempotency keys and uses of tokens are written with the changes that they belong to, by
# statements that go to the driver as text; so their instants are numbers also in Python.

UNDELIVERED = "delivered_at IS NULL AND dead_at IS NULL"


idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_sha256", Text, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("change_id", Text, nullable=False),
    # The answer without the change token, which is made again. If it is null, the whole answer is
    # made again from the first decision.
    Column("answer", Packed),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_idempotency_expires", "expires_at"),
)


token_uses = Table(
    "token_uses",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("jti", Text, primary_key=True),
    Column("bound_to", Text, nullable=False),  # a change, or a job
    Column("expires_at", BigInteger, nullable=False, index=True),
)


outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("target", Text, nullable=False),
    Column("change_id", Text),
    Column("body", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", Instant, nullable=False),
    Column("lease", Text),
    Column("lease_until", Instant),
    Column("delivered_at", Instant),
    Column("dead_at", Instant),
    Column("error", Text),
    # The index has only messages that are still to be delivered.
    Index("ix_outbox_due", "target", "next_at", "id", "at", **_where(UNDELIVERED)),
    Index("ix_outbox_done", "delivered_at", **_where("delivered_at IS NOT NULL")),
    Index("ix_outbox_dead", "dead_at", "id", "target", **_where("dead_at IS NOT NULL")),
)


rollups = Table(
    "rollups",
    metadata,
    Column("day", Integer, primary_key=True),  # days since 1970, UTC
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    # Submitted approved pending rejected admitted closed failed ….
    Column("measure", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("band", SmallInteger, primary_key=True),
    Column("policy", Text, primary_key=True),  # revision, first 16 characters
    Column("standard_change", Text, primary_key=True),  # empty for none
    Column("n", BigInteger, nullable=False),
)


secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)


leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Instant, nullable=False),
)

announcements = Table(
    "announcements",
    metadata,
    Column("process", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("topics", Text, nullable=False),  # with commas between them; empty for everything
    Column("at", BigInteger, nullable=False),  # seconds since 1970
)
"""The last announcement of each process on PostgreSQL, and how often it announced."""

reminders = Table(
    "reminders",
    metadata,
    Column("change_id", Text, primary_key=True),
    Column("stage", Integer, nullable=False),  # 1: the approvers again, 2: the others too
    Column("at", Instant, nullable=False),
)
"""The reminders that the chat got about a change. Only pending changes have any."""

weekly_posts = Table(
    "weekly_posts",
    metadata,
    Column("week", Text, primary_key=True),  # as ISO 8601 writes it, such as 2026-W48
    Column("at", Instant, nullable=False),
)
"""The weeks whose pack was put into the outbox for the chat. The row is what makes it once."""
