"""What is learned from how changes ended, beside the figures of delivery."""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from gate.storage.tables.columns import Instant
from gate.storage.tables.schema import metadata

path_outcomes = Table(
    "path_outcomes",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    # a file, a two-level folder with a closing slash, or empty: every change of the place
    Column("path", Text, primary_key=True),
    Column("changes", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
)

similar_outcomes = Table(
    "similar_outcomes",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    # the kinds of the changed files, as one text
    Column("kinds", Text, primary_key=True),
    Column("changes", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("last_change", Text, ForeignKey("changes.id"), nullable=False),
    Column("last_at", Instant, nullable=False),
)
