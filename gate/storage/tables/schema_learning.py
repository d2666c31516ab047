"""Tables of learning from how changes ended, beside the figures of delivery."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from gate.core.learning.improvements import Figure, Priority
from gate.core.learning.issues import IssueState, TrackerName
from gate.storage.tables.columns import Instant, Word
from gate.storage.tables.schema import _where, metadata

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

WHOLE = "asked = ''"
"""The row of a change as a whole, among those of the groups; a query names it word for word."""

# How long a change waited for people: one row for the change, and one for each group that was
# asked. It is written when the change leaves `pending`, and never changed, because a change that
# is approved may move on, and what it waited for stays what it was.
waits = Table(
    "waits",
    metadata,
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    Column("ended_at", Instant, primary_key=True),
    Column("asked", Text, primary_key=True),  # a group; empty: the change as a whole
    Column("service", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("seconds", BigInteger, nullable=False),  # without the time in which it was held
    Column("week", Text, nullable=False),  # in the zone of the calendar that was in force
    # the longest of a week, for a group or in a place
    Index("ix_waits_longest", "week", "asked", "seconds", "ended_at", "change_id"),
    # the newest of one place, and what waited at an instant
    Index("ix_waits_newest", "service", "environment", "ended_at", "seconds", **_where(WHOLE)),
    Index("ix_waits_ended", "ended_at", "change_id", **_where(WHOLE)),
)

wait_sums = Table(
    "wait_sums",
    metadata,
    Column("week", Text, primary_key=True),
    Column("asked", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("changes", BigInteger, nullable=False),
    Column("seconds", BigInteger, nullable=False),
)
"""The sums of `waits`, written with them."""

UNREAD = "after_at IS NULL AND closed_at IS NULL"
"""An item whose figure was not read again yet; a query names it word for word."""

# The register of improvements: what a person tries, and the figure before and after it.
improvements = Table(
    "improvements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("proposal", Text),  # null: a person found it
    Column("experiment", Text, nullable=False),  # id of a text
    Column("owner", Text, nullable=False),  # a group
    Column("priority", Word(Priority), nullable=False),
    Column("link", Text),
    Column("service", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("figure", Word(Figure), nullable=False),
    Column("days", Integer, nullable=False),  # how long the times are that are compared
    Column("before_value", BigInteger, nullable=False),  # in ten-thousandths
    Column("before_n", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("after_value", BigInteger),  # null though it was read: nothing was counted
    Column("after_n", Integer),
    Column("after_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("finding", Text),  # id of a text
    Column("closed_at", Instant),
    Column("closed_by", Text),
    Index("ix_improvements_newest", "created_at", "id"),
    Index("ix_improvements_unread", "due_at", "id", **_where(UNREAD)),
    Index("ix_improvements_open", "proposal", **_where("closed_at IS NULL")),
)

# The issue that an item follows. It is read again at `look_at`; null: not any more.
improvement_issues = Table(
    "improvement_issues",
    metadata,
    Column("improvement", Text, ForeignKey("improvements.id"), primary_key=True),
    Column("tracker", Word(TrackerName), nullable=False),
    Column("issuer", Text, nullable=False),
    Column("repository", BigInteger, nullable=False),  # 0: a project of Jira
    Column("place", Text, nullable=False),  # what people call the repository or the project
    Column("mark", Text, nullable=False),  # empty: a person named an issue that there was
    Column("message", Text),  # the message of the outbox that has it opened
    Column("number", Text),  # null: not opened yet
    Column("url", Text),
    Column("state", Word(IssueState), nullable=False),
    Column("seen_at", Instant),
    Column("look_at", Instant),
    Column("error", Text),  # why it could not be read the last time
    Column("asked_at", Instant, nullable=False),
    Index("ix_improvement_issues_look", "look_at", **_where("look_at IS NOT NULL")),
    Index("ix_improvement_issues_place", "issuer", "repository", "number"),
)
