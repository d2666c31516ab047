"""Tables of people: what the catalogue cannot say of them, their sessions, and invitations that
wait.

Names and addresses are in the catalogue, and so in `texts`; of somebody whom the catalogue lacks,
the address is a text too.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from gate.storage.tables.schema import metadata

people = Table(
    "people",
    metadata,
    Column(
        "id", Text, primary_key=True
    ),  # in the catalogue; `per_…` for somebody whom the catalogue lacks
    Column("email", Text, unique=True),  # id of a text; null for somebody of the catalogue
    Column("role", Text),  # admin, auditor, or null
    Column("password", Text),  # argon2id with its salt and parameters
    Column(
        "external_id", Text, unique=True
    ),  # SHA-256 of the identity provider and its name for the person
    Column(
        "claimed_groups", Text, nullable=False
    ),  # JSON list: what the provider said at the last sign-in
    Column("claimed_at", BigInteger),
    Column("signed_in_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("disabled_at", BigInteger),
    Index("ix_people_newest", "created_at", "id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("secret_sha256", Text, primary_key=True),
    Column("person", Text, ForeignKey("people.id"), nullable=False, index=True),
    Column("opened_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False, index=True),
    Column("ends_at", BigInteger, nullable=False, index=True),
)

invitations = Table(
    "invitations",
    metadata,
    Column("secret_sha256", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # password, setup, or demo
    Column("person", Text, index=True),  # null: whoever uses it names themself
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)
