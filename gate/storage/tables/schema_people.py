"""Tables of people.

Who they are, what the catalogue cannot say of them, their tokens, sessions, and links that wait.

Names and addresses are in the catalogue, and so in `texts`; of somebody whom the catalogue lacks,
the address is a text too.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text, text

from gate.storage.tables.columns import NAMED_TEXTS, TEXT_SET, TEXTS, Instant
from gate.storage.tables.schema import metadata

_IN_FORCE = "ended_at IS NULL"

catalogue_people = Table(
    "catalogue_people",
    metadata,
    Column("person", Text, primary_key=True),  # random: `per_…`
    Column("key", Text, nullable=False),  # id of the text by which the catalogue calls them
    Column("began_at", Instant, nullable=False),
    Column("ended_at", Instant),  # null while they are in the catalogue in force
    # The entry of the catalogue when they left, with ids of texts: by it they are recognised if
    # they come back.
    Column("entry", NAMED_TEXTS),
    # A key stands for one person at a time.
    Index(
        "uq_catalogue_people_key",
        "key",
        unique=True,
        sqlite_where=text(_IN_FORCE),
        postgresql_where=text(_IN_FORCE),
    ),
)

merged_people = Table(
    "merged_people",
    metadata,
    Column("person", Text, primary_key=True),  # an id that is used no more
    Column("same_as", Text, nullable=False, index=True),  # the id that counts for the same person
)

people = Table(
    "people",
    metadata,
    # Random: `per_…`, of the catalogue or of somebody whom the catalogue lacks.
    Column("id", Text, primary_key=True),
    Column("email", Text, unique=True),  # id of a text; null for somebody of the catalogue
    Column("role", Text),  # admin, auditor, or null
    Column("password", Text),  # argon2id with its salt and parameters
    Column("password_agreed", Boolean),  # its link was made on the host, or by two admins
    # SHA-256 of the identity provider and its name for the person.
    Column("external_id", Text, unique=True),
    Column("claimed_groups", TEXTS, nullable=False),  # what the provider said at the last sign-in
    Column("claimed_at", Instant),
    Column("signed_in_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("disabled_at", Instant),
    Index("ix_people_newest", "created_at", "id"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),  # the part of the token by which it is looked up
    Column("secret_sha256", Text, nullable=False),
    Column("role", Text),  # null for a personal token
    Column("person", Text),
    Column("services", TEXT_SET),  # null is all
    Column("hook", Text),  # of role hook: the one kind that it is for
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("root", Text),  # the person at the root of the chain of tokens; null is the host
    Column("made_with", Text),  # the token before it in that chain
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("last_used_at", Instant),
    Column("name", Text),  # the id of the text that says what it is used for
)

sessions = Table(
    "sessions",
    metadata,
    Column("secret_sha256", Text, primary_key=True),
    Column("person", Text, ForeignKey("people.id"), nullable=False, index=True),
    Column("opened_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False, index=True),
    Column("ends_at", Instant, nullable=False, index=True),
)

invitations = Table(
    "invitations",
    metadata,
    Column("secret_sha256", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # password, setup, or demo
    Column("person", Text, index=True),  # null: whoever uses it names themself
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    # A link that was made on the host or by two admins also works for an account that is in use.
    Column("agreed", Boolean, nullable=False),
)

link_requests = Table(
    "link_requests",
    metadata,
    Column("person", Text, primary_key=True),  # whose account a new link is asked for
    # The admin, a person; another one has to ask for the same.
    Column("asked_by", Text, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    # Of one that came back from the identity provider.
    Column("state_sha256", Text, primary_key=True),
    Column("expires_at", Instant, nullable=False, index=True),
)

named = Table(
    "named",
    metadata,
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    Column("role", Text, primary_key=True),  # asked, wrote, or excluded
    Column("who", Text, primary_key=True),  # id of a text; of `excluded` the id of a person
)
"""The people who were named for a change beside the request of its decision in force."""

change_commits = Table(
    "change_commits",
    metadata,
    Column("change_id", Text, ForeignKey("changes.id"), primary_key=True),
    # JSON list: what the code host compared, and the commit itself
    Column("commits", Text, nullable=False),
)
