"""What happens by itself: changes whose time is over expire, and pending ones are decided again."""

import time
from collections.abc import Awaitable, Callable

from sqlalchemy import Connection

from gate.core.change import State
from gate.flow.changes import endings
from gate.flow.changes.again import decide_again
from gate.flow.changes.held import release
from gate.flow.changes.known import Known, know_stored
from gate.flow.gate import Gate
from gate.storage.changes import changes

ROUND_SECONDS_MAX = 4.0
"""After this a round ends, and the next one goes on: the right to do it is renewed between rounds, and code hosts may be slow."""

BATCH = 100
"""Changes of one round; the next round takes the rest."""


async def expire_due(gate: Gate) -> int:
    """Write down what every reader computes anyway: these have expired. How many it were."""

    async def expire(known: Known) -> bool:
        written = await gate.store.write(endings.expire, known)
        gate.waiters.wake(known.stored.id)
        return written

    return await _each(await gate.store.read(_due_to_expire, gate), expire)


async def decide_due(gate: Gate) -> int:
    """Decide again what something asked for: a hold that ended, other policies, a conflict that is over. How many it were.

    One after the other: of two that stood in each other's way only one is approved.
    """

    async def decide(known: Known) -> bool:
        state = known.stored.state_at(gate.clock())
        if state is State.APPROVED and known.stored.hold is not None:
            return await release(gate, known)
        if state is not State.PENDING or not gate.pauses.begin(known.stored.id):
            return False
        await decide_again(gate, known)
        return True

    return await _each(await gate.store.read(_due_to_decide, gate), decide)


async def _each(due: list[Known], act: Callable[[Known], Awaitable[bool]]) -> int:
    """How many it was done to. One that fails keeps no other one waiting; its error is raised when all had their turn."""
    done, failed, began = 0, None, time.monotonic()
    for known in due:
        if time.monotonic() - began > ROUND_SECONDS_MAX:
            break
        try:
            done += await act(known)
        except Exception as error:  # noqa: BLE001 - raised below
            failed = error
    if failed is not None:
        raise failed
    return done


def _due_to_expire(conn: Connection, gate: Gate) -> list[Known]:
    return [know_stored(conn, gate.rulebooks, stored) for stored in changes.due_to_expire(conn, gate.clock(), BATCH)]


def _due_to_decide(conn: Connection, gate: Gate) -> list[Known]:
    return [know_stored(conn, gate.rulebooks, stored) for stored in changes.due_to_redecide(conn, gate.clock(), BATCH)]
