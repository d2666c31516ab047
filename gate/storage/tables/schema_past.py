"""Deployments and incidents from before the gate, imported for the report on what it would have
done.

Nothing that decides reads these tables: what was imported was never admitted. They hold no names,
no addresses and no text that a person wrote.
"""

from sqlalchemy import Column, Index, Table, Text

from gate.core.change import Result
from gate.storage.tables.columns import Instant, Word
from gate.storage.tables.schema import metadata

past_deployments = Table(
    "past_deployments",
    metadata,
    Column("source", Text, primary_key=True),  # host and numeric id of the repository, or csv
    Column("key", Text, primary_key=True),  # what the source names it by
    Column("service", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("commit_sha", Text, nullable=False),
    Column("ref", Text),  # as the source writes it
    Column("began_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("result", Word(Result), nullable=False),
    Column("facts", Text),  # JSON; null: nobody asked for them yet
    Column("imported_at", Instant, nullable=False),
    Index("ix_past_deployments_place", "service", "environment", "began_at"),
)

past_incidents = Table(
    "past_incidents",
    metadata,
    Column("source", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("environment", Text),  # null: the source does not say
    Column("began_at", Instant, nullable=False),
    Column("resolved_at", Instant),
    Column("imported_at", Instant, nullable=False),
    Index("ix_past_incidents_service", "service", "began_at"),
)
