"""A change is withdrawn before it is deployed."""

from gate.core.change import State
from gate.core.workload import Workload
from gate.errors import Conflict, NotAllowed
from gate.flow.asks import Wire
from gate.flow.caller import Caller, ChangeHolder, Machine, Person
from gate.flow.changes import endings
from gate.flow.changes.known import Known, visible_change
from gate.flow.changes.workloads import require_unused, token_use, use_token
from gate.flow.gate import Gate
from gate.storage.database.tx import Tx
from gate.storage.texts import insert_texts, new_text

ATTEMPTS_MAX = 3


async def cancel(gate: Gate, change_id: str, comment: str, by: Caller) -> Wire:
    """Cancel a pending or approved change; one that is canceled already is answered as it is.

    Raises `NotFound`, `NotAllowed`, and `Conflict` for a change that is past it.
    """
    for _ in range(ATTEMPTS_MAX):
        known = await visible_change(gate, change_id, by)
        _require_entitled(known, by)
        state = known.stored.state_at(gate.clock())
        if state is State.CANCELED:
            return known.view(gate.clock(), gate.base_url)
        if state not in {State.PENDING, State.APPROVED}:
            raise Conflict(f"the change is {state.value}; only a pending or approved one can be canceled")
        if await gate.store.write(_cancel, known, comment, by):
            gate.waiters.wake(change_id)
            return (await visible_change(gate, change_id, by)).view(gate.clock(), gate.base_url)
    raise Conflict("the change moved while it was canceled; ask again")


def _require_entitled(known: Known, by: Caller) -> None:
    """The pipeline that asked for it, whoever holds its token, and people in a group that it asks for."""
    if isinstance(by, ChangeHolder):
        return
    if isinstance(by, Machine | Workload) and by.caller == known.stored.caller:
        return
    if isinstance(by, Person) and any(by.groups & set(entry.by) for entry in known.record.decision.required):
        return
    raise NotAllowed("only the pipeline that submitted a change, or a person whose approval it asks for, may cancel it")


def _cancel(tx: Tx, known: Known, comment: str, by: Caller) -> bool:
    use = token_use(by, known.stored.id)
    require_unused(tx.conn, use)
    said = new_text(comment) if comment else None
    canceled = endings.cancel(tx, known, by.caller, comment=said.id if said else "")
    if canceled:
        use_token(tx, use)
    if canceled and said is not None:
        insert_texts(tx, [said])
    return canceled
