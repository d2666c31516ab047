"""A change is withdrawn before it is deployed."""

from gate.core.change import State
from gate.errors import Conflict
from gate.flow.answers.change import ChangeAnswer
from gate.flow.caller import Caller
from gate.flow.changes import endings, entitlement
from gate.flow.changes.known import Known, visible_change
from gate.flow.changes.workloads import require_unused, token_use, use_token
from gate.flow.gate import Gate
from gate.storage.changes import changes, moves
from gate.storage.database.tx import Tx
from gate.storage.texts import insert_texts, new_text

ATTEMPTS_MAX = 3


async def cancel(
    gate: Gate, change_id: str, comment: str, by: Caller, *, ended_attempt: int | None = None
) -> ChangeAnswer:
    """Cancel a pending or approved change; one that is canceled already is answered as it is.

    `ended_attempt` is the attempt of the run whose end is the reason, where that is the reason.

    Raises `NotFound`, `NotAllowed`, and `Conflict` for a change that is past it, or that a later
    attempt of the run waits for.
    """
    for _ in range(ATTEMPTS_MAX):
        known = await visible_change(gate, change_id, by)
        _require_last_attempt(known, ended_attempt)
        book = await gate.rulebooks.current()
        refused = entitlement.why_not_cancel(known, by, book, gate.clock())
        if refused is None:
            if await gate.store.write(_cancel, known, comment, by):
                gate.waiters.wake(change_id)
                canceled = await visible_change(gate, change_id, by)
                return canceled.answer(gate.clock(), gate.base_url)
        elif refused.problem == entitlement.STATE_CONFLICT and known.stored.state is State.CANCELED:
            return known.answer(gate.clock(), gate.base_url)
        else:
            raise entitlement.error_of(refused)
    raise Conflict("the change moved while it was canceled; ask again")


def _require_last_attempt(known: Known, ended: int | None) -> None:
    """Raises `Conflict` where a later attempt of the run waits for the change than the one that has
    ended.
    """
    attempt = known.stored.run_attempt or 1
    if ended is not None and attempt > ended:
        raise Conflict(f"attempt {attempt} of the run waits for this, and {ended} has ended")


def _cancel(tx: Tx, known: Known, comment: str, by: Caller) -> bool:
    """False: it is no longer what was read, or a later attempt of its run has joined it since."""
    moves.lock_place(tx, known.stored.service, known.stored.environment)
    now = changes.read(tx.conn, known.stored.id)
    if now is None or now.run_attempt != known.stored.run_attempt:
        return False
    use = token_use(by, known.stored.id)
    require_unused(tx.conn, use)
    said = new_text(comment) if comment else None
    canceled = endings.cancel(tx, known, by.caller, comment=said.id if said else "")
    if canceled:
        use_token(tx, use)
    if canceled and said is not None:
        insert_texts(tx, [said])
    return canceled
