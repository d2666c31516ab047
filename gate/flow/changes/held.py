"""An approved change that a freeze or a stopped line still holds: let go when that ends, or when it is overridden."""

from gate.core.calendar import freeze
from gate.core.change import State
from gate.core.decision.values import Hold, longest
from gate.flow.changes.known import Known
from gate.flow.changes.settle import good_until
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook
from gate.storage.changes import approvals, moves
from gate.storage.database.tx import Tx
from gate.storage.policies import freezes


async def release(gate: Gate, known: Known) -> bool:
    """Look again at what holds an approved change; True when nothing does any more, and its time begins."""
    return await gate.store.write(_release, known, await gate.rulebooks.current())


def _release(tx: Tx, known: Known, book: Rulebook) -> bool:
    stored = known.stored
    scope = freeze.scope_of(book.catalogue, stored.service, stored.environment)
    overridden = {one.window for one in approvals.overrides_of(tx.conn, stored.id)}
    windows = freezes.open_at(tx.conn, tx.now)
    opened = freeze.open_windows(book.calendar, windows, scope, tx.now)
    holds = [Hold(window.id, window.reason, window.ends, window.override_by, window.stop) for window in opened]
    emergency = known.record.subject.emergency
    hold = longest(one for one in holds if one.window not in overridden and (one.stop or not emergency))
    moved = moves.move(
        tx,
        stored.id,
        from_states=(State.APPROVED,),
        of_decision=stored.decision,
        hold=hold,
        valid_until=None if hold else good_until(known.record, tx.now),
        redecide_at=hold.until if hold else None,
    )
    return moved and hold is None
