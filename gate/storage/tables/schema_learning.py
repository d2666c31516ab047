"""Tables of learning from how changes ended, beside the figures of delivery."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, Text

from gate.storage.tables.columns import Instant
from gate.storage.tables.schema import metadata

path_outcomes = Table(
    "path_outcomes",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    # A file, a two-level folder with a closing slash, or empty for every change of the place.
    Column("path", Text, primary_key=True),
    Column("changes", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
)

similar_outcomes = Table(
    "similar_outcomes",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    # The kinds of the changed files, as one text.
    Column("kinds", Text, primary_key=True),
    Column("changes", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("last_change", Text, ForeignKey("changes.id"), nullable=False),
    Column("last_at", Instant, nullable=False),
)

# Measurements of other systems about a service. They are shown beside the gate's own figures, and
# no decision reads them.
measures = Table(
    "measures",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),  # empty: of all of them
    Column("name", Text, primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("value", BigInteger, nullable=False),  # in ten-thousandths
    Column("caller", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
)
