"""The first form of the database: SQL, word for word as SQLite or PostgreSQL gets it.

`first/tables.*.sql` is written by `make schema` from the tables in code, `first/record.*.sql` by
hand. Until the first release both may still change. The revision ends with a digest of them, so
that a database that was made from earlier texts is refused at start, and does not fail at the first
statement that asks for a column which it lacks. With the first release the revision becomes a fixed
name, and every later change is a migration of its own.
"""

import hashlib
from pathlib import Path

from alembic import op

_FOLDER = Path(__file__).parents[1] / "first"
_TEXTS = b"".join(file.read_bytes() for file in sorted(_FOLDER.glob("*.sql")))

revision = f"2026_01_05_first_{hashlib.sha256(_TEXTS).hexdigest()[:8]}"
down_revision = None


def upgrade() -> None:
    """Make everything."""
    connection = op.get_bind()
    for name in ("tables", "record"):
        text = (_FOLDER / f"{name}.{connection.dialect.name}.sql").read_text(encoding="utf-8")
        for statement in text.split("\n\n"):
            connection.exec_driver_sql(statement)
