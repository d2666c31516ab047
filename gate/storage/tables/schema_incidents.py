"""Incidents, and the changes they are tied to. Titles and reasons are in `texts`."""

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from gate.core.incident import Method
from gate.storage.tables.columns import Instant, Word
from gate.storage.tables.schema import _where, metadata

ACTIVE = "removed_at IS NULL"
"""A link that counts; a query names it word for word, or the partial index is of no use to it."""

incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),  # api pagerduty alertmanager cdevents gate
    # What the source names it by; an alert that comes back begins another incident.
    Column("series", Text, nullable=False),
    Column("title", Text, nullable=False),  # id of a text
    Column("service", Text, nullable=False),
    Column("environment", Text),  # null: the source does not say
    Column("severity", Text, nullable=False),
    Column("url", Text, nullable=False),  # where a person finds it at its source, or empty
    Column("began_at", Instant, nullable=False),
    Column("resolved_at", Instant),
    # Of the newest word of its source: an older one changes nothing.
    Column("reported_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Index("ix_incidents_newest", "began_at", "id"),
    Index("ix_incidents_service", "service", "began_at", "id"),
    Index("ix_incidents_series", "source", "series", "began_at"),
    # `resolved_at` is always null here: the more columns are equal, the surer SQLite takes it
    Index(
        "ix_incidents_open",
        "service",
        "resolved_at",
        "began_at",
        "id",
        **_where("resolved_at IS NULL"),
    ),
)

incident_links = Table(
    "incident_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False),
    Column("change_id", Text, ForeignKey("changes.id"), nullable=False),
    Column("method", Word(Method), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),  # id of a text, or empty
    Column("confirmed_at", Instant),  # a person said that a `window` link is right
    Column("confirmed_by", Text),
    Column("counts_at", Instant, nullable=False),  # from then on it may suspend a standard change
    Column("judged_at", Instant),  # when it was looked at whether it does
    Column("removed_at", Instant),
    Column("removed_by", Text),
    Column("removed_because", Text),  # id of a text
    Index("ix_incident_links_incident", "incident_id"),
    Index("ix_incident_links_change", "change_id", **_where(ACTIVE)),
    Index("uq_incident_links_active", "incident_id", "change_id", unique=True, **_where(ACTIVE)),
    Index(
        "ix_incident_links_due", "counts_at", **_where("judged_at IS NULL AND removed_at IS NULL")
    ),
)
