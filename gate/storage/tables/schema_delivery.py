"""Tables of the figures of delivery: sums for each day, updated and corrected with everything that
changes them.

A submit writes none of these. What one change added to the sums is kept in `outcomes`, so that
exactly that can be taken away again. Days are those of the admission.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
)

from gate.storage.tables.schema import _where, metadata

outcomes = Table(
    "outcomes",
    metadata,
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    Column("service", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("day", Integer, nullable=False),  # days since 1970, UTC
    Column("route", Text, nullable=False),
    Column("band", SmallInteger, nullable=False),
    Column("policy", Text, nullable=False),  # revision
    Column("standard_change", Text, nullable=False),  # empty for none
    Column("rules", Text, nullable=False),  # JSON list: those that gave points
    Column("age_hours", Integer),  # of the commit; null is unknown
    Column("rework", Boolean, nullable=False),
    # The part of the sums that comes from this change.
    Column("deployments", SmallInteger, nullable=False),
    Column("failed", SmallInteger, nullable=False),
    Column("reworked", SmallInteger, nullable=False),
    Column("lead_seconds", BigInteger),
    Column("recovery_seconds", BigInteger),
    Index(
        "ix_outcomes_failed", "service", "environment", "day", "change_id", **_where("failed = 1")
    ),
    Index(
        "ix_outcomes_unrecovered",
        "service",
        "environment",
        "change_id",
        **_where("failed = 1 AND recovery_seconds IS NULL"),
    ),
)

delivery_days = Table(
    "delivery_days",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("band", SmallInteger, primary_key=True),
    Column("policy", Text, primary_key=True),
    Column("standard_change", Text, primary_key=True),
    Column("deployments", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("rework", BigInteger, nullable=False),
)

# The sums of a day without what decided, for figures of many places at once.
delivery_totals = Table(
    "delivery_totals",
    metadata,
    Column("environment", Text, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("deployments", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
)

delivery_rules = Table(
    "delivery_rules",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("rule", Text, primary_key=True),  # policy and rule, with a slash between
    Column("deployments", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
)

delivery_times = Table(
    "delivery_times",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("measure", Text, primary_key=True),  # lead recovery
    Column("day", Integer, primary_key=True),
    Column("seconds", BigInteger, primary_key=True),  # the middle of a bucket
    Column("n", BigInteger, nullable=False),
)
