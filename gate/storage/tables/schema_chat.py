"""What a chat was told of reviews that age."""

from sqlalchemy import Column, Integer, Table, Text

from gate.storage.tables.columns import Instant
from gate.storage.tables.schema import metadata

reminders = Table(
    "reminders",
    metadata,
    Column("change_id", Text, primary_key=True),
    Column("stage", Integer, nullable=False),  # 1: the approvers again, 2: the others too
    Column("at", Instant, nullable=False),
)
"""Only of changes that are pending."""
