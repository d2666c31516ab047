-- Beside the tables: the index of words, what refuses changes of the record, and the head of the empty ledger.
-- Statements are separated by one empty line, here as in the other files of this folder; none has a percent sign in it.
-- Erasing a text empties the words; no other column of a decision may be set.
ALTER TABLE decisions ADD COLUMN words text NOT NULL DEFAULT ''

-- Kept with blanks between them, which takes half the room of an array. New words wait in a list that every search reads as a whole; at
-- 256 KiB it is put in order, which takes some milliseconds, and at the 4 MiB of the default a hundred.
CREATE INDEX ix_decisions_words ON decisions USING gin (string_to_array(words, ' ')) WITH (gin_pending_list_limit = 256)

-- Each entry is updated once, by the sealer. Without this a fifth of the table is what that leaves behind.
ALTER TABLE ledger_entries SET (autovacuum_vacuum_scale_factor = 0.01)

CREATE FUNCTION gate_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'integrity_constraint_violation',
    MESSAGE = TG_OP || ' of ' || TG_TABLE_NAME || ' is refused: the record is never changed';
END $$

CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions FOR EACH ROW
WHEN ((to_jsonb(OLD) - 'words') IS DISTINCT FROM (to_jsonb(NEW) - 'words')) EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER decisions_no_truncate BEFORE TRUNCATE ON decisions EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER named_no_update BEFORE UPDATE ON named FOR EACH ROW EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER named_no_delete BEFORE DELETE ON named FOR EACH ROW EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER named_no_truncate BEFORE TRUNCATE ON named EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries FOR EACH ROW
WHEN (OLD.index IS NOT NULL OR NEW.index IS NULL OR OLD.id IS DISTINCT FROM NEW.id OR OLD.at IS DISTINCT FROM NEW.at
  OR OLD.kind IS DISTINCT FROM NEW.kind OR OLD.change_id IS DISTINCT FROM NEW.change_id OR OLD.body IS DISTINCT FROM NEW.body)
EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON ledger_entries EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER approvals_no_update BEFORE UPDATE ON approvals FOR EACH ROW
WHEN (OLD.lapsed_at IS NOT NULL OR NEW.lapsed_at IS NULL
  OR (to_jsonb(OLD) - 'lapsed_at') IS DISTINCT FROM (to_jsonb(NEW) - 'lapsed_at')) EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER approvals_no_delete BEFORE DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER approvals_no_truncate BEFORE TRUNCATE ON approvals EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER tiles_no_update BEFORE UPDATE ON tiles FOR EACH ROW
WHEN (OLD.level IS DISTINCT FROM NEW.level OR OLD.number IS DISTINCT FROM NEW.number
  OR substring(NEW.hashes FROM 1 FOR length(OLD.hashes)) IS DISTINCT FROM OLD.hashes) EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER tiles_no_delete BEFORE DELETE ON tiles FOR EACH ROW EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER tiles_no_truncate BEFORE TRUNCATE ON tiles EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER ledger_head_no_update BEFORE UPDATE ON ledger_head FOR EACH ROW
WHEN (NEW.id <> OLD.id OR NEW.size < OLD.size OR NEW.epoch < OLD.epoch OR (NEW.key IS NULL AND OLD.key IS NOT NULL))
EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head FOR EACH ROW EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER ledger_head_no_truncate BEFORE TRUNCATE ON ledger_head EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints FOR EACH ROW EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints FOR EACH ROW EXECUTE FUNCTION gate_refuse()

CREATE TRIGGER checkpoints_no_truncate BEFORE TRUNCATE ON checkpoints EXECUTE FUNCTION gate_refuse()

-- The root of a tree without entries is the SHA-256 of nothing.
INSERT INTO ledger_head (id, size, root, epoch)
VALUES (1, 0, '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 1)
