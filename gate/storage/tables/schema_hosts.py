"""Reports of code hosts: runs that they hold until the gate answers, and who pushed what."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, text

from gate.storage.tables.columns import Instant
from gate.storage.tables.schema import _where, metadata

UNANSWERED = "answered_at IS NULL"

held_runs = Table(
    "held_runs",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("repository_id", BigInteger, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("attempt", BigInteger, primary_key=True),
    Column("environment", Text, primary_key=True),  # as the host calls it
    Column("repository_name", Text, nullable=False),
    Column("provider", Text, nullable=False),
    # What the host is answered by: GitHub's run, GitLab's deployment.
    Column("reference", Text, nullable=False),
    # Null where it was refused before there was a change.
    Column("change_id", Text, ForeignKey("changes.id")),
    Column("at", Instant, nullable=False),
    Column("reported", Text, nullable=False, server_default=text("''")),  # what the host heard last
    Column("reports", Integer, nullable=False, server_default=text("0")),
    Column("answered_at", Instant),
    Index("ix_held_runs_unanswered", "at", **_where(UNANSWERED)),
)

pushes = Table(
    "pushes",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("repository_id", BigInteger, primary_key=True),
    Column("commit_sha", Text, primary_key=True),
    Column("pusher", Text, primary_key=True),  # id of a text
    Column("at", Instant, nullable=False),
)
