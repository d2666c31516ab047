"""What happens by itself: changes whose time is over expire, and pending ones are decided again."""

from sqlalchemy import Connection

from gate.core.change import State
from gate.flow import endings
from gate.flow.again import decide_again
from gate.flow.gate import Gate
from gate.flow.known import Known, know_stored
from gate.storage import changes

BATCH = 100
"""Changes of one round; the next round takes the rest."""


async def expire_due(gate: Gate) -> int:
    """Write down what every reader computes anyway: these have expired. How many it were."""
    due = await gate.store.read(_due_to_expire, gate)
    written = 0
    for known in due:
        if await gate.store.write(endings.expire, known):
            gate.waiters.wake(known.stored.id)
            written += 1
    return written


async def decide_due(gate: Gate) -> int:
    """Decide again what something asked for: a hold that ended, other policies, a conflict that is over."""
    due = await gate.store.read(_due_to_decide, gate)
    decided = 0
    for known in due:
        if known.stored.state_at(gate.clock()) is State.PENDING and gate.pauses.begin(known.stored.id):
            await decide_again(gate, known)
            decided += 1
    return decided


def _due_to_expire(conn: Connection, gate: Gate) -> list[Known]:
    return [know_stored(conn, gate.rulebooks, stored) for stored in changes.due_to_expire(conn, gate.clock(), BATCH)]


def _due_to_decide(conn: Connection, gate: Gate) -> list[Known]:
    return [know_stored(conn, gate.rulebooks, stored) for stored in changes.due_to_redecide(conn, gate.clock(), BATCH)]
