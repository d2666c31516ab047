"""The first form: every table, what refuses changes of the record, and the index of words."""

from alembic import op

from gate.ledger.tree import EMPTY_ROOT
from gate.storage.tables import (  # noqa: F401 - their tables stand in the same metadata
    schema_chat,
    schema_delivery,
    schema_hooks,
    schema_hosts,
    schema_incidents,
    schema_named,
    schema_people,
)
from gate.storage.tables.schema import metadata
from gate.storage.tables.schema_ledger import ledger_head

revision = "2026_01_05_first"
down_revision = None


def upgrade() -> None:
    """Make everything."""
    connection = op.get_bind()
    metadata.create_all(connection)
    statements = _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE
    for statement in statements:
        op.execute(statement)
    connection.execute(ledger_head.insert().values(id=1, size=0, root=EMPTY_ROOT, epoch=1))


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
    CREATE TRIGGER named_no_update BEFORE UPDATE ON named
    BEGIN SELECT RAISE(ABORT, 'whoever was named stays named'); END
    """,
    """
    CREATE TRIGGER named_no_delete BEFORE DELETE ON named
    BEGIN SELECT RAISE(ABORT, 'whoever was named stays named'); END
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
    """
    CREATE TRIGGER approvals_no_update BEFORE UPDATE ON approvals
    WHEN OLD.lapsed_at IS NOT NULL OR NEW.lapsed_at IS NULL OR OLD.change_id IS NOT NEW.change_id OR OLD.person IS NOT NEW.person
      OR OLD.decision IS NOT NEW.decision OR OLD.rejected IS NOT NEW.rejected OR OLD.subject_digest IS NOT NEW.subject_digest
      OR OLD.comment IS NOT NEW.comment OR OLD.at IS NOT NEW.at
    BEGIN SELECT RAISE(ABORT, 'of an approval only the empty time of its lapse is set, once'); END
    """,
    """
    CREATE TRIGGER approvals_no_delete BEFORE DELETE ON approvals
    BEGIN SELECT RAISE(ABORT, 'an approval is never deleted'); END
    """,
    """
    CREATE TRIGGER tiles_no_update BEFORE UPDATE ON tiles
    WHEN OLD.level IS NOT NEW.level OR OLD.number IS NOT NEW.number
      OR substr(NEW.hashes, 1, length(OLD.hashes)) IS NOT OLD.hashes
    BEGIN SELECT RAISE(ABORT, 'a tile only grows'); END
    """,
    "CREATE TRIGGER tiles_no_delete BEFORE DELETE ON tiles BEGIN SELECT RAISE(ABORT, 'a tile is never deleted'); END",
    """
    CREATE TRIGGER ledger_head_no_update BEFORE UPDATE ON ledger_head
    WHEN NEW.id IS NOT OLD.id OR NEW.size < OLD.size OR NEW.epoch < OLD.epoch OR (NEW.key IS NULL AND OLD.key IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END
    """,
    """
    CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head
    BEGIN SELECT RAISE(ABORT, 'the ledger has one head'); END
    """,
    """
    CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints
    BEGIN SELECT RAISE(ABORT, 'what was signed is never changed'); END
    """,
    """
    CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints
    BEGIN SELECT RAISE(ABORT, 'what was signed is never deleted'); END
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
    "CREATE TRIGGER named_no_update BEFORE UPDATE ON named FOR EACH ROW EXECUTE FUNCTION gate_refuse()",
    "CREATE TRIGGER named_no_delete BEFORE DELETE ON named FOR EACH ROW EXECUTE FUNCTION gate_refuse()",
    "CREATE TRIGGER named_no_truncate BEFORE TRUNCATE ON named EXECUTE FUNCTION gate_refuse()",
    """
    CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries FOR EACH ROW
    WHEN (OLD.index IS NOT NULL OR NEW.index IS NULL OR (OLD.id, OLD.at, OLD.kind, OLD.change_id, OLD.body)
      IS DISTINCT FROM (NEW.id, NEW.at, NEW.kind, NEW.change_id, NEW.body)) EXECUTE FUNCTION gate_refuse()
    """,
    """
    CREATE TRIGGER approvals_no_update BEFORE UPDATE ON approvals FOR EACH ROW
    WHEN (OLD.lapsed_at IS NOT NULL OR NEW.lapsed_at IS NULL
      OR (to_jsonb(OLD) - 'lapsed_at') IS DISTINCT FROM (to_jsonb(NEW) - 'lapsed_at')) EXECUTE FUNCTION gate_refuse()
    """,
    """
    CREATE TRIGGER tiles_no_update BEFORE UPDATE ON tiles FOR EACH ROW
    WHEN ((OLD.level, OLD.number) IS DISTINCT FROM (NEW.level, NEW.number)
      OR substring(NEW.hashes FROM 1 FOR length(OLD.hashes)) IS DISTINCT FROM OLD.hashes) EXECUTE FUNCTION gate_refuse()
    """,
    """
    CREATE TRIGGER ledger_head_no_update BEFORE UPDATE ON ledger_head FOR EACH ROW
    WHEN (NEW.id <> OLD.id OR NEW.size < OLD.size OR NEW.epoch < OLD.epoch OR (NEW.key IS NULL AND OLD.key IS NOT NULL))
    EXECUTE FUNCTION gate_refuse()
    """,
    "CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints FOR EACH ROW EXECUTE FUNCTION gate_refuse()",
    *(
        f"CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} {each} EXECUTE FUNCTION gate_refuse()"
        for table in ("ledger_entries", "approvals", "tiles", "ledger_head", "checkpoints")
        for act, each in (("delete", "FOR EACH ROW"), ("truncate", ""))
    ),
)
