"""A change is withdrawn before it is deployed."""

from gate.core.catalogue.catalogue import OWNERS_OF_LAST_RESORT, Catalogue
from gate.core.change import State
from gate.core.workload import Workload
from gate.errors import Conflict, NotAllowed
from gate.flow.answers.change import ChangeAnswer
from gate.flow.caller import Caller, ChangeHolder, Machine, Person
from gate.flow.changes import endings
from gate.flow.changes.known import Known, visible_change
from gate.flow.changes.workloads import require_unused, token_use, use_token
from gate.flow.gate import Gate
from gate.storage.database.tx import Tx
from gate.storage.texts import insert_texts, new_text

ATTEMPTS_MAX = 3


async def cancel(gate: Gate, change_id: str, comment: str, by: Caller) -> ChangeAnswer:
    """Cancel a pending or approved change; one that is canceled already is answered as it is.

    Raises `NotFound`, `NotAllowed`, and `Conflict` for a change that is past it.
    """
    for _ in range(ATTEMPTS_MAX):
        known = await visible_change(gate, change_id, by)
        _require_entitled(known, by, (await gate.rulebooks.current()).catalogue)
        state = known.stored.state_at(gate.clock())
        if state is State.CANCELED:
            return known.answer(gate.clock(), gate.base_url)
        if state not in {State.PENDING, State.APPROVED}:
            raise Conflict(
                f"the change is {state.value}; only a pending or approved one can be canceled"
            )
        if await gate.store.write(_cancel, known, comment, by):
            gate.waiters.wake(change_id)
            return (await visible_change(gate, change_id, by)).answer(gate.clock(), gate.base_url)
    raise Conflict("the change moved while it was canceled; ask again")


def people_may_cancel(known: Known, by: Person, catalogue: Catalogue) -> bool:
    """Whether this person may withdraw the change: release managers, owners of the service, and
    whoever it asks for.

    Whoever may stop everything may also clear the way, because an approval that nobody uses stops
    others.
    """
    asked = (group for entry in known.record.decision.required for group in entry.by)
    owners = catalogue.owners_of(known.stored.service) or ()
    return not by.groups.isdisjoint({OWNERS_OF_LAST_RESORT, *owners, *asked})


def _require_entitled(known: Known, by: Caller, catalogue: Catalogue) -> None:
    """The pipeline that asked for it, whoever holds its token, and people who may."""
    if isinstance(by, ChangeHolder):
        return
    if isinstance(by, Machine | Workload) and by.caller == known.stored.caller:
        return
    if isinstance(by, Person) and people_may_cancel(known, by, catalogue):
        return
    raise NotAllowed(
        "only the pipeline that submitted a change, a release manager, an owner of its service,"
        " or a person whose approval it asks for, may cancel it"
    )


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
