"""The end of a deployment: the result that a run reports, and what follows from it."""

from dataclasses import replace

from gate.core.decision.values import gate_finding
from gate.errors import Conflict
from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.reasons import reasons
from gate.flow.caller import Caller
from gate.flow.changes import endings
from gate.flow.changes.known import Known, know_existing, visible_change
from gate.flow.changes.workloads import (
    require_merged_run,
    require_own_run,
    require_unused,
    token_use,
    use_token,
)
from gate.flow.commands import ClosureCommand
from gate.flow.gate import Gate
from gate.flow.rulebooks import Books
from gate.flow.scope import require_owner
from gate.storage.changes.closures import Closing, Report
from gate.storage.database.tx import Tx
from gate.storage.texts import insert_texts, new_text

UNMATCHED = gate_finding(
    "unmatched_deployment",
    "Deployed without admission",
    "this change was never admitted, so the report is kept as a finding and changes nothing; admit "
    "before you deploy",
)
ATTEMPTS_MAX = 3
KEPT = frozenset({Closing.CLOSED, Closing.WORSENED, Closing.UNMATCHED})
"""Reports that are kept. One that says nothing new is not kept, and neither is its text."""


async def close(gate: Gate, change_id: str, command: ClosureCommand, by: Caller) -> ChangeAnswer:
    """Take the report of a run and return the change. A later report may only make it worse.

    Raises `NotFound`, `NotAllowed`, and `Conflict` where another run was admitted.
    """
    for _ in range(ATTEMPTS_MAX):
        known = await visible_change(gate, change_id, by)
        require_owner(by, known.stored, "close")
        require_own_run(command.run, by, known.proof)
        books = await gate.rulebooks.books()
        require_merged_run(by, known.stored, books.current)
        closing = await gate.store.write(_close_by, by, books, change_id, command)
        if closing is not Closing.OVERTAKEN:
            gate.waiters.wake(change_id)
            return await _answer(gate, change_id, closing)
    raise Conflict("the change moved while it was closed; ask again")


def _require_same_run(known: Known, command: ClosureCommand) -> None:
    admitted, run = known.stored.admitted_run, command.run
    if run is None or admitted is None:
        return
    if (run.id, run.attempt, run.step) != (admitted.id, admitted.attempt, admitted.step):
        raise Conflict(
            f"run {admitted.id}, attempt {admitted.attempt} deployed this change, not run "
            f"{run.id}, attempt {run.attempt}; close the change of your own run"
        )


def _close_by(tx: Tx, by: Caller, books: Books, change_id: str, command: ClosureCommand) -> Closing:
    """Take the report and bind the caller's token to this change."""
    use = token_use(by, change_id)
    require_unused(tx.conn, use)
    closing = _close(tx, books, change_id, command, by.caller)
    if closing is not Closing.OVERTAKEN:
        use_token(tx, use)
    return closing


def _close(tx: Tx, books: Books, change_id: str, command: ClosureCommand, by: str) -> Closing:
    # Read again inside the transaction: it may have been admitted, or closed by another report.
    known = know_existing(tx.conn, books.all, change_id)
    _require_same_run(known, command)
    notes = new_text(command.notes) if command.notes else None
    report = Report(
        by, command.result, notes.id if notes else "", command.started_at, command.finished_at
    )
    closing = endings.close(tx, known, report, books.current, by=by)
    if notes is not None and closing in KEPT:
        insert_texts(tx, [notes])
    return closing


async def _answer(gate: Gate, change_id: str, closing: Closing) -> ChangeAnswer:
    known = await gate.store.read(know_existing, gate.rulebooks, change_id)
    answer = known.answer(gate.clock(), gate.base_url)
    if closing is Closing.UNMATCHED:
        found = reasons((UNMATCHED,), known.record.case.facts, known.policy)
        return replace(answer, reasons=(*found, *answer.reasons))
    return answer
