"""Reports of other systems: deliveries to be worked on, and deployments that somebody saw."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text

from gate.core.change import Result
from gate.storage.tables.columns import TEXTS, Instant, Word
from gate.storage.tables.schema import _where, metadata

GIVEN_UP = "next_at IS NULL AND error IS NOT NULL"
"""A delivery that nobody works on any more, although nothing came of it; a query names it word for
word."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("source", Text, primary_key=True),  # github gitlab cdevents pagerduty alertmanager …
    # SHA-256 of what the source names it by: the same delivery again is known.
    Column("key", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),  # which handler works on it
    # The token it came with, or the source whose signature it bears.
    Column("caller", Text, nullable=False),
    # Emptied when it was worked on: it may hold texts of people.
    Column("body", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", Instant),  # null: it was worked on, or given up
    Column("error", Text),  # why the last attempt failed
    Index("ix_deliveries_due", "next_at", **_where("next_at IS NOT NULL")),
    Index("ix_deliveries_given_up", "at", "source", **_where(GIVEN_UP)),
    Index("ix_deliveries_at", "at"),
)

sources_heard = Table(
    "sources_heard",
    metadata,
    Column("source", Text, primary_key=True),
    # The token that its reports came with, or the source whose signature they bear.
    Column("caller", Text, primary_key=True),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),  # to the minute
)
"""When other systems were heard of: deliveries are forgotten, and a silence must not be."""

deployments_seen = Table(
    "deployments_seen",
    metadata,
    # SHA-256 of what was seen where: seen again it is the same row.
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("url", Text, nullable=False),  # where a person finds it at its source, or empty
    # What would have explained it, a word of `sightings.Missing`.
    Column("missing", Text, nullable=False),
    Column("repository_issuer", Text),  # null where the source names none
    Column("repository_id", BigInteger),
    Column("repository_name", Text),
    Column("service", Text),  # null where nobody knows which
    Column("environment", Text, nullable=False),
    Column("commit_sha", Text),
    Column("digests", TEXTS, nullable=False),
    Column("result", Word(Result)),
    Column("at", Instant, nullable=False),  # when it was seen last
    Column("first_at", Instant, nullable=False),
    Index("ix_deployments_seen_newest", "at", "id"),
    Index("ix_deployments_seen_place", "service", "environment", "at", "id"),
)
"""Deployments to which no admission belongs. Those that were admitted are not here."""
