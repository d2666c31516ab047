"""The loops of a server: expire, decide again, seal and sign the ledger, watch the policy files,
tidy up.

Every server runs them, and no other program does. A lease in the database says which server does
what must be done only once.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from gate.core.rulebook.bundle import without_people
from gate.errors import GateError, Invalid
from gate.flow.changes import expire
from gate.flow.changes.held import Holds
from gate.flow.connections import Chore
from gate.flow.folder import read_folder
from gate.flow.gate import Gate
from gate.flow.identity.access import Access
from gate.flow.incidents import incidents, observe, ties
from gate.flow.learning import improvements
from gate.flow.ledger import publish
from gate.flow.notifications import chat
from gate.flow.notifications.notify import Post
from gate.flow.policies import policies
from gate.flow.queries import upkeep
from gate.flow.rulebooks import FilesTrouble
from gate.flow.webhooks import code_hosts, inbox
from gate.flow.webhooks.inbox import Handler
from gate.storage.changes import keys, reconsider
from gate.storage.database import announcements
from gate.storage.database.tx import Tx
from gate.storage.identity import invitations, people, sessions, sign_ins, token_uses, tokens
from gate.storage.messages import leases
from gate.storage.policies import policy_sets
from gate.storage.policies.policy_sets import InForce

ROUND_SECONDS = 1.0
HOLDS_SECONDS = 0.25
"""How often every server looks for windows that open, so that within a second they hold waiting
changes. No lease is needed for that."""

LEDGER_SECONDS = 0.5
"""The longest time before an entry is sealed and signed, unless many wait."""

TIDY_SECONDS = 60.0
MEASURE_SECONDS = 15.0
CLOCK_SECONDS = 30.0
LEASE = "worker"
LEASE_HELD = timedelta(seconds=10)
"""How long a lease is held. After that another replica takes over from one that is gone."""

CHORE_HELD_SHARE = 1.5
"""The lease of a chore, as a multiple of its interval. After that another replica does the
chore."""

HANDLERS: Mapping[str, Handler] = {
    **code_hosts.HANDLERS,
    **chat.HANDLERS,
    incidents.KIND: incidents.work,
    observe.KIND: observe.work,
}
"""The handlers of deliveries to inbound hooks, by kind."""

NONE_BECAUSE_BROKEN = "no policies are in force, because the policy files cannot be used"
NONE_ACTIVATED = (
    "no policies are in force; they are registered, and an admin activates them who did not "
    "register them"
)

_log = structlog.get_logger("gate.worker")


@dataclass(slots=True)
class Worker:
    """The loops of one process.

    Those that change something are done by whichever replica holds the lease.
    """

    gate: Gate
    access: Access
    folder: Path
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    # The policy files as they were read last; None before the first time.
    seen: dict[str, str] | None = None
    complaint: str | None = None
    post: Post | None = None
    chores: Sequence[Chore] = ()
    follower: Holds = field(init=False)

    def __post_init__(self) -> None:
        self.follower = Holds(self.gate)

    def start(self) -> list[asyncio.Task[None]]:
        """Start the loops and return their tasks; cancelling them stops the loops."""
        return [asyncio.create_task(self.repeat(*loop)) for loop in self.loops()]

    def loops(self) -> list[tuple[str, float, Callable[[], Awaitable[None]]]]:
        """Return each loop: its name, the seconds between two turns, and the turn."""
        loops: list[tuple[str, float, Callable[[], Awaitable[None]]]] = [
            ("changes", ROUND_SECONDS, self.changes),
            ("holds", HOLDS_SECONDS, self.holds),
            ("files", ROUND_SECONDS, self.files),
            ("hooks", ROUND_SECONDS, self.hooks),
            ("ledger", LEDGER_SECONDS, self.ledger),
            ("figures", MEASURE_SECONDS, self.measure),
            ("tidy", TIDY_SECONDS, self.tidy),
            ("clock", CLOCK_SECONDS, self.clock),
        ]
        if self.post is not None:
            loops += [
                ("outbox", ROUND_SECONDS, self.post.turn),
                ("outbox figures", MEASURE_SECONDS, self.post.measure),
                ("outbox tidy", TIDY_SECONDS, self.post.tidy),
            ]
        loops += [(one.name, one.every_seconds, self.chore(one)) for one in self.chores]
        return loops

    async def repeat(self, name: str, seconds: float, turn: Callable[[], Awaitable[None]]) -> None:
        """Repeat a turn and a pause for ever. An error ends the turn, never the loop."""
        where = f"worker: {name}"
        while True:
            try:
                await turn()
            except Exception as error:  # noqa: BLE001 - the outermost loop: whatever it was is reported, and the next round tries again
                self.gate.troubles.lasts(where, error)
            else:
                self.gate.troubles.over(where)
                self.gate.metrics.turned(name)
            await asyncio.sleep(seconds)

    async def stop(self, tasks: list[asyncio.Task[None]]) -> None:
        """End the loops, write down what is left, and let another replica go on at once."""
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.post is not None:
            await self.post.stop()
        try:
            await self.tidy()
            await self.ledger()
            await self.gate.store.write(_release_leases, self.name)
        except GateError as error:
            _log.warning(
                "the worker could not tidy up; the next start does", error=error.for_operators
            )

    async def changes(self) -> None:
        """Expire changes whose time is over, decide again where something has moved, and read the
        figures of improvements that are due.
        """
        if await self.gate.store.write(_take_lease, self.name):
            await expire.expire_due(self.gate)
            await expire.decide_due(self.gate)
            await ties.judge_due(self.gate)
            await improvements.read_due(self.gate)

    async def holds(self) -> None:
        """Hold changes that a window or a stopped line covers now, and release those it no longer
        does.
        """
        await self.follower.turn()

    def chore(self, one: Chore) -> Callable[[], Awaitable[None]]:
        """Return the turn of a chore, which one replica does; its lease lasts until the
        next time.
        """

        async def turn() -> None:
            held = timedelta(seconds=one.every_seconds * CHORE_HELD_SHARE)
            if await self.gate.store.write(leases.take, one.name, self.name, hold_for=held):
                await one.turn(self.gate)

        return turn

    async def ledger(self) -> None:
        """Seal entries, sign the head, and check entries that are sealed."""
        await publish.turn(self.gate, self.name)
        stopped = self.gate.signing.stopped or await self.gate.signing.problem()
        self.gate.metrics.signs(ready=stopped is None)

    async def hooks(self) -> None:
        """Work on reports of other systems; every replica does, each on other deliveries."""
        await inbox.work(self.gate, HANDLERS)

    async def measure(self) -> None:
        """Update the figures of what waits: changes, and reports of other systems."""
        await upkeep.measure(self.gate)
        await inbox.measure(self.gate)

    async def files(self) -> None:
        """Read the policy folder and register a change in it.

        If the folder is broken, the policies in force stay in force.
        """
        broken: Invalid | None = None
        try:
            files = await asyncio.to_thread(read_folder, self.folder)
            if files != self.seen:
                # The folder was broken when this server started, and has changed since.
                mended = self.complaint is not None
                await policies.adopt(self.gate, files, changed=mended or self.seen is not None)
            self.seen = files
        except Invalid as error:
            broken = error
        complaint = broken.for_operators if broken else None
        if complaint is not None and complaint != self.complaint:
            _log.error(
                "policy files cannot be used; what is in force stays in force", error=complaint
            )
        self.complaint = complaint
        active = await self.gate.store.read(policy_sets.in_force)
        self.gate.metrics.policies(
            activated_at=active.activated_at if active else None, broken=complaint is not None
        )
        await self._remember_files(broken, active)

    async def _remember_files(self, broken: Invalid | None, active: InForce | None) -> None:
        """Remember what is wrong with the files, for pages and for pending changes.

        Pages show it in full. A pending change shows it only while nothing is in force, and without
        what may name people, because what a change says is recorded.
        """
        books = self.gate.rulebooks
        since = books.files_trouble.since if books.files_trouble else self.gate.clock()
        books.files_trouble = FilesTrouble(broken.detail, since) if broken else None
        because = NONE_ACTIVATED
        if broken:
            because = f"{NONE_BECAUSE_BROKEN}: {without_people(broken)}"
        if active is None and books.explain(because):
            await self.gate.store.write(reconsider.ask)

    async def tidy(self) -> None:
        """Delete expired keys, used identity tokens, sessions and announcements, and write down
        when tokens and sessions were used.
        """
        await self.gate.store.write(keys.delete_expired)
        await self.gate.store.write(token_uses.delete_expired)
        await self.gate.store.write(announcements.forget_old)
        await inbox.tidy(self.gate)
        used, seen = self.access.take_used(), self.access.take_seen()
        if used:
            await self.gate.store.write(tokens.touch, used)
        if seen:
            await self.gate.store.write(sessions.touch, seen)
        await self.gate.store.write(_tidy_people)

    async def clock(self) -> None:
        """Measure how far this server's clock is from the database's."""
        asked_at = datetime.now(UTC)
        self.gate.clock.correct(await self.gate.store.now(), asked_at=asked_at)
        self.gate.metrics.clock(self.gate.clock.offset.total_seconds())


def _tidy_people(tx: Tx) -> None:
    sessions.delete_expired(tx)
    invitations.delete_expired(tx)
    sign_ins.delete_expired(tx)
    people.forget_old_claims(tx)


def _release_leases(tx: Tx, holder: str) -> None:
    for name in (LEASE, publish.SEALER, publish.PUBLISHER):
        leases.release(tx, name, holder)


def _take_lease(tx: Tx, holder: str) -> bool:
    return leases.take(tx, LEASE, holder, hold_for=LEASE_HELD)
