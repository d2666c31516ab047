"""The inbox: reports of other systems are kept first, then worked on until that succeeds or is
given up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeAlias

import structlog

from gate.errors import GateError, Unavailable
from gate.flow.gate import Gate
from gate.storage.database.tx import Tx
from gate.storage.messages import inbox, upkeep
from gate.storage.messages.inbox import CLAIMED_MAX, Claimed, InboxDelivery

ATTEMPTS_MAX = 10
FIRST_PAUSE = timedelta(seconds=2)
PAUSE_MAX = timedelta(minutes=15)
CLAIMED_FOR = timedelta(minutes=2)
"""After this another replica takes over what one has claimed and not finished."""

TURNS_MAX = 50
"""The most claims of one round from a sender that has more deliveries."""

KEPT_FOR = timedelta(days=14)
"""How long a repeated delivery is recognised. No sender repeats one for so long."""

Handler: TypeAlias = Callable[[Gate, Claimed], Awaitable[None]]
"""Works on one delivery. It may be called again for the same one, and must then change nothing."""

_log = structlog.get_logger("gate.inbox")


async def receive(gate: Gate, deliveries: Sequence[InboxDelivery]) -> int:
    """Keep deliveries durably, and return how many of them are new."""
    return await gate.store.write(inbox.add, deliveries) if deliveries else 0


async def work(gate: Gate, handlers: Mapping[str, Handler]) -> int:
    """Work on deliveries that are due, and return how many there were.

    Those of one sender come one after the other, in their order; senders are worked on at the same
    time.
    """
    worked = 0
    for _ in range(TURNS_MAX):
        claimed = await gate.store.write(_claim)
        senders: dict[tuple[str, str], list[Claimed]] = {}
        for one in claimed:
            senders.setdefault((one.source, one.caller), []).append(one)
        await asyncio.gather(
            *(_work_through(gate, handlers, claimed) for claimed in senders.values())
        )
        worked += len(claimed)
        if all(len(claimed) < CLAIMED_MAX for claimed in senders.values()):
            break
    return worked


async def measure(gate: Gate) -> None:
    """Bring the metrics of every source up to date."""
    now = gate.clock()
    found = await gate.store.read_slowly(upkeep.incoming)
    gate.metrics.inbox(
        {
            one.name: (one.waiting, one.dead, (now - (one.oldest_at or now)).total_seconds())
            for one in found
        }
    )


async def tidy(gate: Gate) -> None:
    """Forget deliveries that no sender will repeat."""
    await gate.store.write(inbox.forget, older_than=KEPT_FOR)


async def _work_through(
    gate: Gate, handlers: Mapping[str, Handler], claimed: Sequence[Claimed]
) -> None:
    for one in claimed:
        await _work_on(gate, handlers, one)


async def _work_on(gate: Gate, handlers: Mapping[str, Handler], one: Claimed) -> None:
    handler = handlers.get(one.kind)
    if handler is None:
        await gate.store.write(
            _give_up, one, f"nothing here works on deliveries of kind {one.kind}"
        )
        return
    try:
        await handler(gate, one)
    except GateError as error:
        if isinstance(error, Unavailable) and one.attempts < ATTEMPTS_MAX:
            await gate.store.write(_again, one, error.detail)
        else:
            await gate.store.write(_give_up, one, error.detail)
    except Exception as error:  # noqa: BLE001 - one delivery must not keep the others waiting; it is logged, tried again, given up
        _log.exception(
            "a delivery could not be worked on",
            source=one.source,
            kind=one.kind,
            attempt=one.attempts,
        )
        await gate.store.write(
            _again if one.attempts < ATTEMPTS_MAX else _give_up,
            one,
            f"{type(error).__name__}: {error}",
        )
    else:
        await gate.store.write(inbox.done, one.source, one.key)


def _claim(tx: Tx) -> list[Claimed]:
    return inbox.claim(tx, again_at=tx.now + CLAIMED_FOR)


def _again(tx: Tx, one: Claimed, error: str) -> None:
    pause = min(FIRST_PAUSE * 2 ** (one.attempts - 1), PAUSE_MAX)
    inbox.again(tx, one.source, one.key, at=tx.now + pause, error=error)


def _give_up(tx: Tx, one: Claimed, error: str) -> None:
    _log.warning("a delivery was given up", source=one.source, kind=one.kind, error=error)
    inbox.give_up(tx, one.source, one.key, error=error)
