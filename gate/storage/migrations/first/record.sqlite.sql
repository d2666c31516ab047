-- Beside the tables: the index of words, what refuses changes of the record, and the head of the empty ledger.
-- Statements are separated by one empty line, here as in the other files of this folder.
-- The words are made by gate.storage.changes.words and joined by blanks; `ascii` leaves every other character in a word.
CREATE VIRTUAL TABLE decision_words USING fts5(words, tokenize = 'ascii', detail = none, columnsize = 0)

CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'a decision is never changed'); END

CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'a decision is never deleted'); END

CREATE TRIGGER named_no_update BEFORE UPDATE ON named
BEGIN SELECT RAISE(ABORT, 'whoever was named stays named'); END

CREATE TRIGGER named_no_delete BEFORE DELETE ON named
BEGIN SELECT RAISE(ABORT, 'whoever was named stays named'); END

CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
WHEN OLD."index" IS NOT NULL OR NEW."index" IS NULL OR OLD.id IS NOT NEW.id OR OLD.at IS NOT NEW.at
  OR OLD.kind IS NOT NEW.kind OR OLD.change_id IS NOT NEW.change_id OR OLD.body IS NOT NEW.body
BEGIN SELECT RAISE(ABORT, 'of an entry only the empty index is set, once'); END

CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'an entry is never deleted'); END

CREATE TRIGGER approvals_no_update BEFORE UPDATE ON approvals
WHEN OLD.lapsed_at IS NOT NULL OR NEW.lapsed_at IS NULL OR OLD.change_id IS NOT NEW.change_id OR OLD.person IS NOT NEW.person
  OR OLD.decision IS NOT NEW.decision OR OLD.rejected IS NOT NEW.rejected OR OLD.subject_digest IS NOT NEW.subject_digest
  OR OLD.comment IS NOT NEW.comment OR OLD.at IS NOT NEW.at
BEGIN SELECT RAISE(ABORT, 'of an approval only the empty time of its lapse is set, once'); END

CREATE TRIGGER approvals_no_delete BEFORE DELETE ON approvals
BEGIN SELECT RAISE(ABORT, 'an approval is never deleted'); END

CREATE TRIGGER tiles_no_update BEFORE UPDATE ON tiles
WHEN OLD.level IS NOT NEW.level OR OLD.number IS NOT NEW.number
  OR substr(NEW.hashes, 1, length(OLD.hashes)) IS NOT OLD.hashes
BEGIN SELECT RAISE(ABORT, 'a tile only grows'); END

CREATE TRIGGER tiles_no_delete BEFORE DELETE ON tiles
BEGIN SELECT RAISE(ABORT, 'a tile is never deleted'); END

CREATE TRIGGER ledger_head_no_update BEFORE UPDATE ON ledger_head
WHEN NEW.id IS NOT OLD.id OR NEW.size < OLD.size OR NEW.epoch < OLD.epoch OR (NEW.key IS NULL AND OLD.key IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END

CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head
BEGIN SELECT RAISE(ABORT, 'the ledger has one head'); END

CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'what was signed is never changed'); END

CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'what was signed is never deleted'); END

-- The root of a tree without entries is the SHA-256 of nothing.
INSERT INTO ledger_head (id, size, root, epoch)
VALUES (1, 0, X'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 1)
