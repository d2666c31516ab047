"""The list of changes that wait, with the groups whose approval each of them needs.

The list is kept in memory, so that a long queue opens as fast as a short one. When the store
announces that a change moved, only that change is read again at the next request. Nothing is
decided from this list, because every act is judged again in its own transaction.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from gate.core.canonical import digest
from gate.core.change import State
from gate.core.decision import record as records
from gate.core.decision.record import Record
from gate.core.decision.values import Band, ChangeType
from gate.core.instants import from_us, optional_instant
from gate.flow.answers.reasons import is_against
from gate.flow.caller import Person
from gate.flow.changes.excluded import people_of_many
from gate.flow.gate import Gate
from gate.flow.identity.membership import counted, still_missing
from gate.flow.rulebooks import Rulebooks
from gate.storage.changes import waiting
from gate.storage.changes.approvals import Approval
from gate.storage.database.watch import EVERYTHING, Topics
from gate.storage.identity import people
from gate.storage.policies import policy_sets

REASONS_CHARACTERS = 16
ID_PREFIX = "chg_"
_WHO_IS_WHO = frozenset({policy_sets.TOPIC, people.TOPIC})


@dataclass(frozen=True, slots=True)
class Waiting:
    """One change that is pending, or approved and held, with the approvals that it still needs."""

    id: str
    decision: int
    submitted_at: datetime
    expires_at: datetime | None
    held: bool
    emergency: bool
    service: str
    environment: str
    type: ChangeType
    band: Band
    # The groups from which an approval is missing.
    needs: frozenset[str]
    excluded: frozenset[str]
    approvers: frozenset[str]
    # Equal for changes that wait for the same reasons.
    reasons: str

    @property
    def key(self) -> tuple[bool, datetime, str]:
        """The position in the queue: emergencies first, then those that wait longest."""
        return (not self.emergency, self.submitted_at, self.id)

    def needs_word_of(self, person: Person) -> bool:
        """Return whether this person's approval would count."""
        return (
            not self.needs.isdisjoint(person.groups)
            and person.id not in self.excluded
            and person.id not in self.approvers
        )


class WaitingList:
    """Every waiting change in the order of the queue."""

    def __init__(self, gate: Gate) -> None:
        """Subscribe to announcements of the store. This must be called in the running
        event loop.
        """
        self._gate = gate
        self._by_id: dict[str, Waiting] = {}
        self._ordered: list[Waiting] = []
        self._moved: set[str] = set()
        self._everything = True
        self._forget = True
        self._lock = asyncio.Lock()
        gate.store.on_change(self._hear)

    async def waiting(self) -> tuple[Waiting, ...]:
        """Return all waiting changes as they are now, without those that have expired."""
        async with self._lock:
            if self._everything or self._moved:
                await self._refresh()
        now = self._gate.clock()
        return tuple(one for one in self._ordered if one.expires_at is None or one.expires_at > now)

    def _hear(self, topics: Topics) -> None:
        if topics == EVERYTHING:
            self._everything = True
        # Members of groups may have changed, so any change may now need other approvers.
        if not _WHO_IS_WHO.isdisjoint(topics):
            self._everything = self._forget = True
        self._moved.update(topic for topic in topics if topic.startswith(ID_PREFIX))

    async def _refresh(self) -> None:
        everything, moved, forget = self._everything, self._moved, self._forget
        self._everything, self._moved, self._forget = False, set(), False
        try:
            await self._gate.rulebooks.current()
            known = {} if forget else self._by_id
            if everything:
                self._by_id = await self._gate.store.read_slowly(_all, self._gate.rulebooks, known)
            else:
                found = await self._gate.store.read(_some, self._gate.rulebooks, moved)
                self._by_id = {
                    **{name: one for name, one in known.items() if name not in moved},
                    **found,
                }
        except BaseException:  # also a cancellation: nothing was read, so everything is due again
            self._everything, self._forget = True, True
            raise
        self._ordered = sorted(self._by_id.values(), key=_key)


def after(ordered: Iterable[Waiting], cursor: tuple[bool, datetime, str] | None) -> list[Waiting]:
    """Return the changes behind this position of the queue. The change at the position
    may be gone.
    """
    found = list(ordered)
    if cursor is None:
        return found
    return found[bisect_right(found, cursor, key=_key) :]


def _key(one: Waiting) -> tuple[bool, datetime, str]:
    return one.key


def _all(conn: Connection, books: Rulebooks, before: dict[str, Waiting]) -> dict[str, Waiting]:
    """Return all waiting changes. Only those with a new decision or with any approval are read
    again.
    """
    light = waiting.decisions_of_waiting(conn)
    spoken = waiting.ids_with_approvals(conn)
    same = {
        name: before[name]
        for name, (decision, held, expires) in light.items()
        if name in before
        and name not in spoken
        and not before[name].approvers
        and (before[name].decision, before[name].held, before[name].expires_at)
        == (decision, held, optional_instant(expires))
    }
    return same | _some(conn, books, light.keys() - same.keys())


def _some(conn: Connection, books: Rulebooks, ids: Collection[str]) -> dict[str, Waiting]:
    stored = list(waiting.read(conn, ids))
    given = waiting.approvals_of(conn, [one.id for one in stored])
    decided = {one.id: records.read(one.record) for one in stored}
    people = people_of_many(conn, decided.values(), books.latest)
    return {
        one.id: _waiting(
            one, decided[one.id], people[one.id].excluded, given.get(one.id, ()), books
        )
        for one in stored
    }


def _waiting(
    one: waiting.Stored,
    record: Record,
    excluded: Collection[str],
    given: Iterable[Approval],
    books: Rulebooks,
) -> Waiting:
    catalogue = books.latest.catalogue
    given = tuple(given)
    is_pending = one.state is State.PENDING
    missing = (
        still_missing(given, record, excluded, catalogue)
        if is_pending
        else (0,) * len(record.decision.required)
    )
    return Waiting(
        id=one.id,
        decision=one.decision,
        submitted_at=from_us(one.submitted_at),
        expires_at=optional_instant(one.expires_at),
        held=one.held,
        emergency=record.subject.emergency,
        service=record.subject.service,
        environment=record.subject.environment,
        type=record.decision.type,
        band=record.decision.band,
        needs=frozenset(
            group
            for entry, left in zip(record.decision.required, missing, strict=True)
            if left
            for group in entry.by
        ),
        excluded=frozenset(excluded),
        approvers=frozenset(counted(given, record, excluded, catalogue)),
        reasons=reasons_key(record),
    )


def reasons_key(record: Record) -> str:
    """Return a key of the reasons against the change: rules that gave points, requirements that are
    not met, and guards.

    The values that the reasons show are not part of the key, so changes with the same reasons share
    it.
    """
    against = sorted(
        {
            f"{finding.kind.value}:{finding.rule}"
            for finding in record.decision.findings
            if is_against(finding)
        }
    )
    return digest("\n".join((record.decision.band.word, *against)).encode())[:REASONS_CHARACTERS]
