"""Delivers messages at least once, each under an id that never changes. A target that does not
answer delays no other target.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Protocol, TypeAlias

import structlog

from gate.core.messages.outgoing import Message
from gate.errors import GateError, Unavailable, Undeliverable
from gate.flow.gate import Gate
from gate.storage.database.tx import Tx
from gate.storage.messages import dead_letters, outbox

AT_ONCE_MAX = 8
"""The most messages that one process sends to one target at the same time."""

TARGETS_AT_ONCE_MAX = 32
DELIVERY_SECONDS_MAX = 10.0
LEASE = timedelta(seconds=60)
"""Longer than a delivery takes: after it another worker takes the message over."""

ATTEMPTS_MAX = 12
"""The attempts take about a day; then the message is dead, and a person can send it again."""

FIRST_PAUSE = timedelta(seconds=5)
PAUSE_MAX = timedelta(hours=6)
PAUSE_GROWTH = 3.0
REST_SECONDS_MAX = 60.0
"""The longest pause of a process after failures of one target."""

_log = structlog.get_logger("gate.notify")


class Deliver(Protocol):
    """Brings messages to the targets of one kind. Made in `integrations`, handed in by `app.py`."""

    async def __call__(self, message: Message) -> None:
        """Deliver a message. If this returns, the message has arrived.

        It may be called again for a message that did arrive.

        Raises `SourceUnavailable` (or another `GateError`) to be called again later, not before its
        `retry_after_seconds`. Raises `Undeliverable` if another attempt would be refused, too; then
        the message is dead until a person sends it again.
        """


Deliveries: TypeAlias = Mapping[str, Deliver]
"""Deliveries by kind of target, which is the part before the colon."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """Why a message did not arrive, and what to do with it."""

    error: str
    dead: bool
    after: timedelta


OUTBOX = "outbox"
"""The place in the gate's troubles for faults in claiming and marking messages."""

_Marks: TypeAlias = list[tuple[Message, str, _Failed | None]]


@dataclass(slots=True)
class Post:
    """The deliveries of one process.

    Several processes share the work: a message is claimed before it is sent.
    """

    gate: Gate
    deliveries: Deliveries
    _busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)
    _rests_until: dict[str, float] = field(default_factory=dict)

    async def turn(self) -> None:
        """Begin to serve every target that has messages due.

        Each target has a task of its own, so that a slow one delays no other.
        """
        if not self.deliveries:
            return
        self._busy = {target: task for target, task in self._busy.items() if not task.done()}
        for target in await self.gate.store.read(outbox.due_targets, self.gate.clock()):
            free = len(self._busy) < TARGETS_AT_ONCE_MAX and target not in self._busy
            if (
                free
                and kind_of(target) in self.deliveries
                and self._rests_until.get(target, 0.0) <= monotonic()
            ):
                self._busy[target] = asyncio.create_task(self._serve(target))

    async def settled(self) -> None:
        """Wait until everything that was begun has ended."""
        await asyncio.gather(*self._busy.values())

    async def stop(self) -> None:
        """Cancel deliveries under way. Their leases end soon, and another process sends them."""
        for task in self._busy.values():
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def measure(self) -> None:
        """Bring the metrics of every target up to date."""
        now = self.gate.clock()
        found = await self.gate.store.read(dead_letters.health)
        self.gate.metrics.outbox(
            {
                one.target: (one.waiting, one.dead, (now - (one.oldest_at or now)).total_seconds())
                for one in found
            }
        )

    async def tidy(self) -> None:
        """Forget what was delivered long ago."""
        await self.gate.store.write(outbox.delete_done)

    async def _serve(self, target: str) -> None:
        """Deliver to one target until nothing is due, or until it fails."""
        try:
            while await self._some(target):
                pass
        except Exception as error:  # noqa: BLE001 - of whatever kind: nobody awaits this task, and the next turn tries again
            self.gate.troubles.lasts(OUTBOX, error)
        else:
            self.gate.troubles.over(OUTBOX)

    async def _some(self, target: str) -> bool:
        """Deliver as many messages as may be sent at once. True: more may be due, so go on."""
        claimed = await self.gate.store.write(
            outbox.claim, target, lease_for=LEASE, at_most=AT_ONCE_MAX
        )
        deliver = self.deliveries[kind_of(target)]
        failures = await asyncio.gather(*(_delivered(deliver, message) for message, _ in claimed))
        marks = [
            (message, lease, failed)
            for (message, lease), failed in zip(claimed, failures, strict=True)
        ]
        if marks:
            await self.gate.store.write(_mark, marks)
        for message, _, failed in marks:
            self._log_result(message, failed)
        failed_now = any(failed is not None and not failed.dead for failed in failures)
        self._rest(target, failed=failed_now)
        return len(claimed) == AT_ONCE_MAX and not failed_now

    def _rest(self, target: str, *, failed: bool) -> None:
        """Leave a target that fails alone for a while, longer after each failure.

        Otherwise every message that waits for it would be tried and wait for its time limit.
        """
        if not failed:
            self._failures.pop(target, None)
            self._rests_until.pop(target, None)
            return
        count = self._failures[target] = self._failures.get(target, 0) + 1
        self._rests_until[target] = monotonic() + min(REST_SECONDS_MAX, 2.0 ** min(count, 10) / 2)

    def _log_result(self, message: Message, failed: _Failed | None) -> None:
        self.gate.metrics.sent(
            kind_of(message.target),
            "delivered" if failed is None else "dead" if failed.dead else "failed",
        )
        if failed is not None:
            about = {
                "message": message.id,
                "target": message.target,
                "attempt": message.attempts,
                "error": failed.error,
            }
            _log.warning(
                "a message is dead; send it again by hand"
                if failed.dead
                else "a message was not delivered",
                **about,
            )


def kind_of(target: str) -> str:
    """Return the kind of a target, which is the part before the colon."""
    return target.partition(":")[0]


async def _delivered(deliver: Deliver, message: Message) -> _Failed | None:
    """Deliver one message, and return why it failed, or None."""
    try:
        async with asyncio.timeout(DELIVERY_SECONDS_MAX):
            await deliver(message)
    except Undeliverable as error:
        return _Failed(error.detail, dead=True, after=timedelta(0))
    except TimeoutError:
        return _again(message, f"no answer within {DELIVERY_SECONDS_MAX:g} s")
    except Unavailable as error:
        return _again(message, error.detail, at_least=timedelta(seconds=error.retry_after_seconds))
    except GateError as error:
        return _again(message, error.detail)
    except Exception as error:  # noqa: BLE001 - a fault of our own with one message must not keep the others waiting
        _log.exception(
            "a delivery failed by a fault of its own", message=message.id, target=message.target
        )
        return _again(message, f"a fault of the gate itself ({type(error).__name__})")
    return None


def _again(message: Message, error: str, at_least: timedelta = timedelta(0)) -> _Failed:
    dead = message.attempts >= ATTEMPTS_MAX
    return _Failed(error, dead=dead, after=max(pause(message.attempts), min(at_least, PAUSE_MAX)))


def pause(attempts: int) -> timedelta:
    """Return the pause after so many attempts: longer each time, and random, so that messages do
    not come back together.
    """
    longest = min(PAUSE_MAX, FIRST_PAUSE * PAUSE_GROWTH ** min(attempts - 1, ATTEMPTS_MAX))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - only so that they part


def _mark(tx: Tx, marks: _Marks) -> None:
    """Mark all messages in one write.

    A message whose lease is over is not marked, because another worker has it by now.
    """
    for message, lease, failed in marks:
        if failed is None:
            outbox.delivered(tx, message, lease)
        elif failed.dead:
            outbox.dead(tx, message, lease, error=failed.error)
        else:
            outbox.again(tx, message, lease, after=failed.after, error=failed.error)
