"""Every table, in one place.

Instants are whole microseconds since 1970, UTC; documents are JSON text; records are bytes.

Who a person is never stands in a row of a change, a decision or an entry: texts that people wrote,
names and addresses live in `texts`, everything else holds their ids.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gate.core.change import Result
from gate.core.decision.values import Band, ChangeType, Outcome, Route
from gate.storage.tables.columns import TEXTS, Digest, Instant, Rank, Word, columns_of
from gate.storage.tables.packed import Packed
from gate.storage.tables.stored_change import StoredChange

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)

# Conditions of partial indexes. A query must contain them word for word to use the index.
ADMITTED = "admitted_at IS NOT NULL"
SETTLED = "settled_at IS NOT NULL"
SUCCEEDED = "result IN ('successful', 'successful_issues')"
ENDED = "CASE WHEN close_by < closed_at THEN close_by ELSE closed_at END"
"""When a deployment ended, as far as anything follows from it: at the latest at its time limit.

From then on another one may be admitted in its place, so an end that is reported later does not say
that it ended after that one. An index is by it; a query names it word for word.
"""
ACTS = "kind NOT IN ('decision', 'admission', 'closure', 'expiry', 'refusal')"
"""Entries of what people did to changes or to the gate, which the log shows beside the decisions.

What pipelines do on the path of a change is part of its decision's line, and stands in the story of
the change; so do refusals, of which a caller could make as many as it likes.
"""
APPROVED_BY_PEOPLE = "state = 'approved' AND route IN ('review', 'emergency')"
REVIEWED = "route IN ('review', 'emergency')"
"""Changes about which people were asked: of many places the rare ones."""

PEOPLES_ROUTES = (Route.REVIEW.value, Route.EMERGENCY.value)
"""The routes of these changes, for a query that no index by that condition answers."""

REFUSED_BY_PEOPLE = "state = 'rejected' AND route <> 'automatic'"
UNHELD = "done_at IS NULL"
"""A review that nobody has held yet; a query names it word for word."""


def _where(condition: str) -> dict[str, Any]:
    """Return the arguments that make a partial index on both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


changes = Table(
    "changes",
    metadata,
    *columns_of(StoredChange),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("run_key"),
    # For lists, newest first.
    Index("ix_changes_newest", "submitted_at", "id"),
    Index("ix_changes_state", "state", "submitted_at", "id"),
    Index("ix_changes_service", "service", "submitted_at", "id"),
    Index("ix_changes_place", "service", "environment", "submitted_at", "id"),
    Index("ix_changes_settled", "settled_at", "id", **_where(SETTLED)),
    Index("ix_changes_settled_service", "service", "settled_at", "id", **_where(SETTLED)),
    Index("ix_changes_commit", "commit_sha"),
    Index("ix_changes_run", "run_id", **_where("run_id IS NOT NULL")),
    Index(
        "ix_changes_repository",
        "repository_issuer",
        "repository_id",
        "submitted_at",
        **_where("repository_id IS NOT NULL"),
    ),
    # For what a decision asks about its place. Each question is answered by the index alone, or by
    # one row.
    Index(
        "ix_changes_admitted",
        "service",
        "environment",
        "admitted_at",
        "id",
        "commit_sha",
        "failed",
        "lines",
        **_where(ADMITTED),
    ),
    Index(
        "ix_changes_succeeded",
        "service",
        "environment",
        text(f"({ENDED})"),
        "id",
        "commit_sha",
        **_where(SUCCEEDED),
    ),
    Index(
        "ix_changes_ran",
        "service",
        "environment",
        "commit_sha",
        "admitted_at",
        **_where(SUCCEEDED),
    ),
    Index("ix_changes_failed", "service", "environment", "failed_at", **_where("failed")),
    Index("ix_changes_failed_newest", "failed_at", "id", **_where("failed")),
    Index(
        "ix_changes_refused", "service", "environment", "decided_at", **_where(REFUSED_BY_PEOPLE)
    ),
    Index(
        "ix_changes_rejected", "service", "environment", "commit_sha", **_where(REFUSED_BY_PEOPLE)
    ),
    Index(
        "ix_changes_reviewed",
        "service",
        "environment",
        "submitted_at",
        "id",
        **_where(REVIEWED),
    ),
    # The state stands in front although it is always the same, because SQLite prefers the index in
    # which more columns are equal.
    Index(
        "ix_changes_pending",
        "state",
        "service",
        "environment",
        "submitted_at",
        "id",
        **_where("state = 'pending'"),
    ),
    Index(
        "ix_changes_approved",
        "state",
        "service",
        "environment",
        **_where("state = 'approved'"),
    ),
    Index(
        "ix_changes_promised",
        "state",
        "service",
        "environment",
        "valid_until",
        "id",
        **_where(APPROVED_BY_PEOPLE),
    ),
    Index(
        "ix_changes_deploying",
        "state",
        "service",
        "environment",
        "close_by",
        "id",
        **_where("state = 'deploying'"),
    ),
    # For what the worker looks for.
    Index("ix_changes_expires", "state", "expires_at", **_where("state = 'pending'")),
    Index("ix_changes_lapses", "state", "valid_until", **_where("state = 'approved'")),
    Index("ix_changes_redecide", "redecide_at", "id", **_where("redecide_at IS NOT NULL")),
)

decisions = Table(
    "decisions",
    metadata,
    # The row of the word index has this id. On SQLite a rowid without a name of its own would
    # change when the file is compacted.
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("change_id", Text, ForeignKey("changes.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("service", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("type", Word(ChangeType), nullable=False),
    Column("route", Word(Route), nullable=False),
    Column("outcome", Word(Outcome), nullable=False),
    Column("band", Rank(Band), nullable=False),
    Column("score", Integer, nullable=False),
    Column("policy", Text),
    Column("revision", Text, nullable=False),  # of the policies
    Column("standard_change", Text),
    Column("subject_digest", Digest, nullable=False),
    Column("record", Packed, nullable=False),  # canonical JSON, the bytes that are hashed
    Column("record_sha256", Digest, nullable=False),
    Column("running_change", Text),
    UniqueConstraint("change_id", "number"),
    # The words of the log's search are not here, because the two databases keep them differently:
    # SQLite in the table decision_words(words), FTS5, whose rowid is decisions.id; PostgreSQL in a
    # column decisions.words with a GIN index. The migration makes both.
    #
    # The indexes of the log, newest first. Each is for a filter whose rare values need one.
    Index("ix_decisions_newest", "at", "id"),
    Index("ix_decisions_service", "service", "at", "id"),
    Index("ix_decisions_place", "service", "environment", "at", "id"),
    Index("ix_decisions_environment", "environment", "at", "id"),
    Index("ix_decisions_outcome", "outcome", "at", "id"),
    Index("ix_decisions_type", "type", "at", "id"),
    Index("ix_decisions_route", "route", "at", "id"),
    Index("ix_decisions_band", "band", "at", "id"),
    Index("ix_decisions_revision", "revision", "at", "id"),
    Index("ix_decisions_policy", "policy", "at", "id"),
    Index(
        "ix_decisions_standard",
        "standard_change",
        "at",
        "id",
        **_where("standard_change IS NOT NULL"),
    ),
)

approvals = Table(
    "approvals",
    metadata,
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    Column("person", Text, primary_key=True),
    Column("decision", Integer, primary_key=True),  # the one it was given for
    # A person's no stands beside the same person's yes.
    Column("rejected", Boolean, primary_key=True),
    Column("subject_digest", Text, nullable=False),  # what the person was shown
    Column("comment", Text, nullable=False),  # id of a text, or empty
    Column("at", Instant, primary_key=True),  # taken back, it may be given once more
    Column("lapsed_at", Instant),
)

overrides = Table(
    "overrides",
    metadata,
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    # Id of a freeze window or of a stop; `rejection` for a lifted one.
    Column("window", Text, primary_key=True),
    # Another's counts where this one's does not, because they turn out to be excluded.
    Column("person", Text, primary_key=True),
    Column("comment", Text, nullable=False),  # id of a text
    # An override is of the occurrence that is open at this time. The next one needs another.
    Column("at", Instant, primary_key=True),
)

post_reviews = Table(
    "post_reviews",
    metadata,
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("owners", TEXTS, nullable=False),  # the groups that owned the service then
    Column("done_at", Instant),
    Column("person", Text),
    Column("findings", Text),  # id of a text
    Column("actions", TEXTS),  # ids of texts
    Column("comment", Text),  # id of a text
    Index("ix_post_reviews_due", "due_at"),
    Index("ix_post_reviews_unheld", "due_at", "change_id", **_where(UNHELD)),
)

notices = Table(
    "notices",
    metadata,
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    Column("duty", Text, primary_key=True),  # initial-plans final-plans after-finishing …
    Column("at", Instant, nullable=False),
    Column("person", Text, nullable=False),
    Column("comment", Text, nullable=False),  # id of a text, or empty
)
"""Notices that customers were given about a change."""

closures = Table(
    "closures",
    metadata,
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("caller", Text, nullable=False),
    Column("result", Word(Result), nullable=False),
    Column("notes", Text, nullable=False),  # id of a text, or empty
    Column("started_at", Instant),
    Column("finished_at", Instant),
    # False: reported for something that was never admitted.
    Column("matched", Boolean, nullable=False),
)

standard_matches = Table(
    "standard_matches",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("standard_change", Text, primary_key=True),
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    Column("admitted_at", Instant, nullable=False),
    Index(
        "ix_standard_matches_newest",
        "service",
        "environment",
        "standard_change",
        "admitted_at",
        "change_id",
    ),
)

standard_changes = Table(
    "standard_changes",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("standard_change", Text, primary_key=True),
    Column("suspended_at", Instant),  # null: not suspended
    Column("because", Text, nullable=False),  # the failures that suspended it, in words
    Column("reinstated_at", Instant),  # failures before this no longer count
)


texts = Table(
    "texts",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256(salt ‖ text), hexadecimal
    Column("salt", Text, nullable=False),  # 16 bytes, hexadecimal
    Column("text", Text, nullable=False),
    # A name or address in the catalogue stands here again, so that its salt is found. It is null
    # for every other text.
    Column("name", Text, unique=True),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    # The order of insertion, for finding unsealed rows. The place in the tree is `index`.
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("index", BigInteger, unique=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("change_id", Text),
    Column("body", Packed, nullable=False),
    Index("ix_ledger_entries_change", "change_id"),
    # For the log of what people did, newest first. The path of a change adds no row to this index.
    Index("ix_ledger_entries_acts", "at", "id", "kind", **_where(ACTS)),
)
