"""The first form: every table, what refuses changes of the record, and the index of words."""

from alembic import op

from gate.storage.tables import schema_chat, schema_delivery, schema_hooks, schema_hosts, schema_incidents, schema_people  # noqa: F401 - their tables stand in the same metadata
from gate.storage.tables.schema import metadata

revision = "2026_01_05_first"
down_revision = None


def upgrade() -> None:
    """Make everything."""
    connection = op.get_bind()
    metadata.create_all(connection)
    statements = _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE
    for statement in statements:
        op.execute(statement)


_SQLITE = (
    # the words are made by gate.storage.words and joined by blanks; `ascii` leaves every other character in a word
    "CREATE VIRTUAL TABLE decision_words USING fts5(words, tokenize = 'ascii', detail = none, columnsize = 0)",
    """
    CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE(ABORT, 'a decision is never changed'); END
    """,
    """
    CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions
    BEGIN SELECT RAISE(ABORT, 'a decision is never deleted'); END
    """,
    """
    CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
    WHEN OLD."index" IS NOT NULL OR NEW."index" IS NULL OR OLD.id IS NOT NEW.id OR OLD.at IS NOT NEW.at
      OR OLD.kind IS NOT NEW.kind OR OLD.change_id IS NOT NEW.change_id OR OLD.body IS NOT NEW.body
    BEGIN SELECT RAISE(ABORT, 'of an entry only the empty index is set, once'); END
    """,
    """
    CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
    BEGIN SELECT RAISE(ABORT, 'an entry is never deleted'); END
    """,
)

_POSTGRES = (
    # erasing a text empties the words; no other column of a decision may be set
    "ALTER TABLE decisions ADD COLUMN words text[] NOT NULL DEFAULT '{}'",
    "CREATE INDEX ix_decisions_words ON decisions USING gin (words)",
    """
    CREATE FUNCTION gate_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% of % is refused: the record is never changed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions FOR EACH ROW
    WHEN ((to_jsonb(OLD) - 'words') IS DISTINCT FROM (to_jsonb(NEW) - 'words')) EXECUTE FUNCTION gate_refuse()
    """,
    "CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION gate_refuse()",
    "CREATE TRIGGER decisions_no_truncate BEFORE TRUNCATE ON decisions EXECUTE FUNCTION gate_refuse()",
    """
    CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries FOR EACH ROW
    WHEN (OLD.index IS NOT NULL OR NEW.index IS NULL OR (OLD.id, OLD.at, OLD.kind, OLD.change_id, OLD.body)
      IS DISTINCT FROM (NEW.id, NEW.at, NEW.kind, NEW.change_id, NEW.body)) EXECUTE FUNCTION gate_refuse()
    """,
    "CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION gate_refuse()",
    "CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON ledger_entries EXECUTE FUNCTION gate_refuse()",
)
