"""A unit: everything that one decision adds to the database, as one value.

All of it is recorded, or nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import update

from gate.core.change import State
from gate.core.instants import to_us
from gate.storage.changes import named
from gate.storage.changes.keys import delete_keys, insert_keys
from gate.storage.database import values
from gate.storage.database.bulk import Bulk, Chunks
from gate.storage.database.hot import Either, Hot, items_of
from gate.storage.database.rows import (
    CommitsRow,
    DecisionRow,
    EntryRow,
    KeyRow,
    MessageRow,
    NamedRow,
    RollupRow,
    TextRow,
    TokenUseRow,
)
from gate.storage.database.tx import Cursor, Tx
from gate.storage.database.watch import DECIDED
from gate.storage.identity import token_uses
from gate.storage.ledger.ledger import append_entries
from gate.storage.messages.outbox import insert_messages
from gate.storage.tables import schema
from gate.storage.tables.packed import unpack
from gate.storage.tables.stored_change import StoredChange
from gate.storage.texts import insert_texts

_C = schema.changes.c
_CHANGES = Bulk(schema.changes, schema.changes.columns.keys())
_change_row = values.row_of(StoredChange)
_DECISIONS = Bulk(schema.decisions, DecisionRow._fields)
_DECISIONS_AND_WORDS = Bulk(schema.decisions, DecisionRow._fields, words=True)
# SQLite's full-text table has the row number of the decision, which is known only after its insert.
_WORDS_INTO = """
INSERT INTO decision_words (rowid, words) SELECT d.id, v.column3 FROM (VALUES {rows}) AS v
CROSS JOIN decisions AS d ON d.change_id = v.column1 AND d.number = v.column2
"""
_WORDS = Chunks(3, lambda rows: _WORDS_INTO.format(rows=rows))
# FOR SHARE: on PostgreSQL nobody activates another policy set until this transaction ends. SQLite
# has one writer, so nothing can come between.
_IN_FORCE = Hot("SELECT policy_set FROM in_force WHERE id = 1{lock}", lock=Either("", " FOR SHARE"))


class Unit(NamedTuple):
    """The rows that a submit adds.

    `expects_policy_set` was in force when the change was decided; if another set is in force by
    now, nothing is added.
    """

    change: StoredChange
    decision: DecisionRow
    expects_policy_set: str
    entries: Sequence[EntryRow] = ()
    texts: Sequence[TextRow] = ()
    messages: Sequence[MessageRow] = ()
    key: KeyRow | None = None
    rollups: Sequence[RollupRow] = ()
    words: Sequence[str] = ()
    # The caller's identity token, bound to this change.
    token: TokenUseRow | None = None
    # The people whom the code host names; those of the request stand in the record.
    named: Sequence[NamedRow] = ()
    commits: CommitsRow | None = None


class Recording(StrEnum):
    """The outcome of recording a unit. Only `NEW` was added; in every other case nothing was."""

    NEW = "new"
    # Another policy set is in force now: decide again.
    STALE = "stale"
    # The idempotency key was answered before.
    SAME_KEY = "same_key"
    # The run has a change already.
    SAME_RUN = "same_run"
    TOKEN_USED = "token_used"  # noqa: S105 - an outcome, no secret: the caller's token is bound to something else


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answer to a unit: with `SAME_KEY` the first answer, with `SAME_RUN` the change of that
    run.
    """

    outcome: Recording
    key: KeyRow | None = None
    change_id: str | None = None


NEW = Recorded(Recording.NEW)
STALE = Recorded(Recording.STALE)
TOKEN_USED = Recorded(Recording.TOKEN_USED)


def record(tx: Tx, units: Sequence[Unit]) -> list[Recorded]:
    """Add the units that are new, and return what became of each, in their order.

    Of two units with the same key or run the second is answered with the first, even if both come
    in this call.
    """
    known = _look_up(tx, units)
    answers = [known.answer(unit) for unit in units]
    fresh = [unit for unit, answer in zip(units, answers, strict=True) if answer is NEW]
    delete_keys(tx, known.expired)
    token_uses.insert_uses(tx, known.used)
    insert_units(tx, fresh)
    return answers


def insert_units(tx: Tx, units: Sequence[Unit]) -> None:
    """Insert units with one statement a table, whatever their number."""
    _CHANGES.insert(tx, [_change_row(unit.change) for unit in units])
    _insert_decisions(tx, [(unit.decision, unit.words) for unit in units])
    append_entries(tx, [entry for unit in units for entry in unit.entries])
    insert_texts(tx, [text for unit in units for text in unit.texts])
    named.insert(tx, [row for unit in units for row in unit.named])
    named.insert_commits(tx, [unit.commits for unit in units if unit.commits is not None])
    insert_messages(tx, [message for unit in units for message in unit.messages])
    insert_keys(tx, [unit.key for unit in units if unit.key is not None])
    for unit in units:
        tx.add(unit.rollups)
        tx.touch(unit.change.id if unit.change.state is State.PENDING else DECIDED)


def insert_unit(tx: Tx, unit: Unit) -> None:
    """Add one unit as a part of a larger step, which has made sure itself that it is new."""
    insert_units(tx, [unit])


def insert_decision(tx: Tx, row: DecisionRow, words: Sequence[str]) -> None:
    """Add a later decision of an existing change, and the words by which the log finds it."""
    _insert_decisions(tx, [(row, words)])


def pass_on_run_key(tx: Tx, change_id: str, run_key: str | None) -> bool:
    """Free the natural key of a run, so that another change may have it.

    False: this change no longer has the key, because another request was first.
    """
    if run_key is None:
        return False
    mine = update(schema.changes).where(_C.id == change_id, _C.run_key == run_key)
    return tx.conn.execute(mine.values(run_key=None)).rowcount == 1


def policy_set_in_force(tx: Tx) -> str:
    """Return the id of the policy set in force; empty when none was ever activated.

    On PostgreSQL nobody can activate another set until this transaction ends.
    """
    return _policy_set(_IN_FORCE.run(tx))


def _policy_set(found: Cursor) -> str:
    row = found.fetchone()
    return row[0] if row else ""


def _insert_decisions(tx: Tx, decided: Iterable[tuple[DecisionRow, Sequence[str]]]) -> None:
    if tx.is_postgres:
        _DECISIONS_AND_WORDS.insert(tx, [(*row, " ".join(words)) for row, words in decided])
        return
    decided = list(decided)
    _DECISIONS.insert(tx, [row for row, _ in decided])
    _WORDS.run(
        tx, [(row.change_id, row.number, " ".join(words)) for row, words in decided if words]
    )


@dataclass(slots=True)
class _Known:
    """The data of the database about the units of one call, with what earlier units of the call
    add.
    """

    policy_set: str
    keys: dict[tuple[str, str], KeyRow]
    runs: dict[str, str]
    tokens: dict[tuple[str, str], str]
    expired: list[tuple[str, str]] = field(default_factory=list)
    used: list[TokenUseRow] = field(default_factory=list)

    def answer(self, unit: Unit) -> Recorded:
        """Return what becomes of a unit. A new one is known from now on to those after it.

        The key is compared first: a repetition gets its first answer, whatever became of the run or
        the policies since. The policy set is compared only for what would be added.
        """
        key, run = unit.key, unit.change.run_key
        if key is not None:
            first = self.keys.get((key.caller, key.key))
            if first is not None and first.expires_at > to_us(unit.decision.at):
                replays = first.body_sha256 == key.body_sha256
                return (
                    Recorded(Recording.SAME_KEY, key=first)
                    if not replays or self._use(unit, first.change_id)
                    else TOKEN_USED
                )
            if first is not None:
                self.expired.append((key.caller, key.key))
        if run is not None and run in self.runs:
            return Recorded(Recording.SAME_RUN, change_id=self.runs[run])
        if unit.expects_policy_set != self.policy_set:
            return STALE
        if not self._use(unit, unit.change.id):
            return TOKEN_USED
        if key is not None:
            self.keys[key.caller, key.key] = key
        if run is not None:
            self.runs[run] = unit.change.id
        return NEW

    def _use(self, unit: Unit, change: str) -> bool:
        """Bind the unit's token to the change that answers it.

        False: the token was used for something else already, so it proves nothing here.
        """
        use = unit.token
        if use is None:
            return True
        if use.bound_to == unit.change.id:
            use = use._replace(bound_to=change)
        first = self.tokens.get((use.issuer, use.jti))
        if first is None:
            self.tokens[use.issuer, use.jti] = use.bound_to
            self.used.append(use)
        return first in {None, use.bound_to}


# One statement asks for three kinds of rows, because each statement has a price. Their empty
# columns tell them apart: a key has a caller, a run has only a key, the policy set has neither.
_LOOK_UP = Hot(
    """
{in_force}
SELECT k.caller, k.key, k.body_sha256, k.status, k.change_id, k.answer, k.expires_at
FROM {keys} CROSS JOIN idempotency AS k WHERE k.caller = {keys[0]} AND k.key = {keys[1]}
UNION ALL
SELECT NULL, c.run_key, NULL, NULL, c.id, NULL, NULL
FROM {runs} CROSS JOIN changes AS c WHERE c.run_key = {runs.value}
""",
    "keys",
    "runs",
    # PostgreSQL has to lock the row, which no part of a UNION can do.
    in_force=Either(
        "SELECT NULL, NULL, NULL, NULL, policy_set, NULL, NULL FROM in_force WHERE id = 1 "
        "UNION ALL",
        "",
    ),
)


def _look_up(tx: Tx, units: Sequence[Unit]) -> _Known:
    keys = [(unit.key.caller, unit.key.key) for unit in units if unit.key is not None]
    runs = [unit.change.run_key for unit in units if unit.change.run_key is not None]
    uses = [unit.token for unit in units if unit.token is not None]
    # All of them are sent before the first answer is read, which takes one way to the server and
    # back instead of three.
    in_force = _IN_FORCE.run(tx) if tx.is_postgres else None
    found = _LOOK_UP.run(tx, items_of(keys), items_of(runs))
    used = token_uses.find(tx, uses) if uses else {}
    known = _Known(_policy_set(in_force) if in_force else "", {}, {}, used)
    for row in found.fetchall():
        caller, key, _, _, named, _, _ = row
        if caller is not None:
            first = KeyRow(*row)
            known.keys[caller, key] = first._replace(answer=first.answer and unpack(first.answer))
        elif key is not None:
            known.runs[key] = named
        else:
            known.policy_set = named
    return known
