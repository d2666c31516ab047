"""A change is withdrawn before it is deployed."""

from gate.core.change import State
from gate.errors import Conflict
from gate.flow.answers.change import ChangeAnswer
from gate.flow.caller import Caller
from gate.flow.changes import endings, entitlement
from gate.flow.changes.known import Known, shown_change, visible_change
from gate.flow.changes.workloads import require_unused, token_use, use_token
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook
from gate.storage.changes import changes, moves
from gate.storage.database.tx import Tx
from gate.storage.texts import insert_texts, new_text

ATTEMPTS_MAX = 3


async def cancel(
    gate: Gate, change_id: str, comment: str, by: Caller, *, ended_attempt: int | None = None
) -> ChangeAnswer:
    """Cancel a pending or approved change and return it; a canceled one is returned as it is.

    `ended_attempt` is given if the change is canceled because that attempt of its run has ended.

    Raises `NotFound`, `NotAllowed`, and `Conflict` for a change that is deploying or over, or for
    which a later attempt of the run waits.
    """
    for _ in range(ATTEMPTS_MAX):
        known = await visible_change(gate, change_id, by)
        _require_last_attempt(known, ended_attempt)
        book = await gate.rulebooks.current()
        refused = entitlement.why_not_cancel(known, by, book, gate.clock())
        if refused is None:
            if await gate.store.write(_cancel, known, comment, by, book):
                gate.waiters.wake(change_id)
                return await shown_change(gate, change_id, by)
        elif refused.problem == entitlement.STATE_CONFLICT and known.stored.state is State.CANCELED:
            return known.answer(gate.clock(), gate.base_url)
        else:
            raise entitlement.error_of(refused)
    raise Conflict("the change moved while it was canceled; ask again")


def _require_last_attempt(known: Known, ended: int | None) -> None:
    """Raise `Conflict` if a later attempt of the run waits for the change than the ended one."""
    attempt = known.stored.run_attempt or 1
    if ended is not None and attempt > ended:
        raise Conflict(f"attempt {attempt} of the run waits for this, and {ended} has ended")


def _cancel(tx: Tx, known: Known, comment: str, by: Caller, book: Rulebook) -> bool:
    """Cancel the change under the lock of its place.

    False: it moved since it was read, or a later attempt of its run has joined it.
    """
    moves.lock_place(tx, known.stored.service, known.stored.environment)
    now = changes.read(tx.conn, known.stored.id)
    if now is None or now.run_attempt != known.stored.run_attempt:
        return False
    use = token_use(by, known.stored.id)
    require_unused(tx.conn, use)
    said = new_text(comment) if comment else None
    comment_id = said.id if said else ""
    canceled = endings.cancel(tx, known, by.caller, book, comment=comment_id)
    if canceled:
        use_token(tx, use)
    if canceled and said is not None:
        insert_texts(tx, [said])
    return canceled
