"""Work of the worker on changes: those whose time is over expire, and pending ones are decided
again.
"""

import time
from collections.abc import Awaitable, Callable, Sequence

import structlog
from structlog.contextvars import bound_contextvars

from gate.core.change import State
from gate.flow.changes import endings
from gate.flow.changes.again import decide_again
from gate.flow.changes.known import Known, know
from gate.flow.gate import Gate
from gate.storage.changes import changes

ROUND_SECONDS_MAX = 4.0
"""After this a round ends, and the next one goes on. The worker's lease is renewed only between
rounds, and a slow code host must not make a round outlast it."""

BATCH = 100
"""How many changes one round takes; the next round takes the rest."""

_log = structlog.get_logger("gate.changes")


async def expire_due(gate: Gate) -> int:
    """Write `expired` into changes whose time is over, and return how many were written.

    Every reader computes that anyway; the row, the ledger and those who wait follow here.
    """

    async def expire(known: Known) -> bool:
        written = await gate.store.write(endings.expire, known, gate.rulebooks.latest)
        gate.waiters.wake(known.stored.id)
        return written

    aside = gate.setbacks.paused()
    due = await gate.store.read(changes.due_to_expire, gate.clock(), BATCH + len(aside))
    return await _each(gate, [change for change in due if change not in aside][:BATCH], expire)


async def decide_due(gate: Gate) -> int:
    """Decide changes again that are due, and return how many were.

    They are due because a hold ended, policies changed or a conflict is over. It is one after the
    other, so that of two changes that stood in each other's way only one is approved.
    """

    async def decide(known: Known) -> bool:
        if known.stored.state_at(gate.clock()) is not State.PENDING or not gate.pauses.begin(
            known.stored.id
        ):
            return False
        await decide_again(gate, known)
        return True

    aside = gate.setbacks.paused() | gate.pauses.paused()
    due = await gate.store.read(changes.due_to_redecide, gate.clock(), BATCH + len(aside))
    return await _each(gate, [change for change in due if change not in aside][:BATCH], decide)


async def _each(gate: Gate, due: Sequence[str], act: Callable[[Known], Awaitable[bool]]) -> int:
    """Read and act on one change after the other; return how many the act was done to.

    A change that fails is set aside for a while. Because the oldest are taken first, a hundred that
    always fail would otherwise be all that a round ever looks at.
    """
    done, began = 0, time.monotonic()
    for change in due:
        if time.monotonic() - began > ROUND_SECONDS_MAX:
            break
        try:
            with bound_contextvars(change=change):
                known = await gate.store.read(know, gate.rulebooks, change)
                done += known is not None and await act(known)
        except Exception:  # noqa: BLE001 - of whatever kind: the others have their turn, and it is logged
            gate.setbacks.begin(change)
            gate.metrics.set_back()
            _log.exception(
                "a change could not be expired or decided again; others go on, and it is "
                "tried again later",
                change=change,
            )
    return done
