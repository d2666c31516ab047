"""Which policies, catalogue and calendar are in force: read from the database, compiled once, never
older than a second.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection

from gate.core.calendar.calendar import Calendar
from gate.core.calendar.file import read_calendar
from gate.core.catalogue.catalogue import Catalogue
from gate.core.catalogue.identity import Identities
from gate.core.decision.record import Record, Revisions
from gate.core.decision.standard import standard_key
from gate.core.policy.policy import Policy, StandardChange
from gate.core.policy.set import NO_POLICIES, Policies, read_policies
from gate.core.rulebook.bundle import CALENDAR_FILE, CATALOGUE_FILE
from gate.errors import NotFound
from gate.flow.fresh import Fresh
from gate.flow.identity.persons import restored
from gate.storage.changes.units import policy_set_in_force
from gate.storage.database.tx import Tx
from gate.storage.database.watch import EVERYTHING, Topics
from gate.storage.policies import policy_sets
from gate.storage.store import Store

KEPT_MAX = 16
"""Rulebooks of earlier decisions that are kept compiled."""

TROUBLE_LENGTH_MAX = 1_000
"""Of the reason why nothing is in force: a record holds it."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """One set of the three, compiled.

    `id` is empty where nothing was ever activated: then everything goes to people.

    `trouble` says why nothing was activated, as far as this server knows; it is empty once
    something is in force.
    """

    id: str
    revisions: Revisions
    policies: Policies
    catalogue: Catalogue
    calendar: Calendar
    identities: Identities
    # Of every name and address in the catalogue.
    text_ids: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    # By `standard_key`.
    standard_changes: tuple[tuple[str, StandardChange], ...] = field(init=False)
    # standard changes whose history matters to a decision: how many successes, settled for how long
    remembered: Mapping[str, tuple[int, timedelta]] = field(init=False)

    def __post_init__(self) -> None:
        pairs = tuple(
            (standard_key(policy, one), one)
            for policy in self.policies.all
            for one in policy.standard_changes
        )
        object.__setattr__(self, "standard_changes", pairs)
        object.__setattr__(self, "remembered", _remembered(one for _, one in pairs))


def _by_text(names: Mapping[str, str]) -> dict[str, str]:
    return {text: identity for identity, text in names.items()}


def _remembered(standards: Iterable[StandardChange]) -> dict[str, tuple[int, timedelta]]:
    """Where two policies name one alike: the most successes and the shortest time to settle, which
    sees enough for both.
    """
    found: dict[str, tuple[int, timedelta]] = {}
    for one in standards:
        if one.earn is None and one.suspend is None:
            continue
        successes, settle = (
            (one.earn.successes, timedelta(seconds=one.earn.settle_seconds))
            if one.earn
            else (0, timedelta.max)
        )
        others, shortest = found.get(one.id, (0, timedelta.max))
        found[one.id] = (max(successes, others), min(settle, shortest))
    return {
        name: (successes, timedelta(0) if settle == timedelta.max else settle)
        for name, (successes, settle) in found.items()
    }


NOTHING_IN_FORCE = Rulebook(
    "", Revisions("", "", ""), NO_POLICIES, Catalogue(), Calendar(), Identities(Catalogue())
)


@dataclass(frozen=True, slots=True)
class FilesTrouble:
    """Why the policy files that this server reads cannot be used, and since when."""

    because: str
    since: datetime


class Rulebooks:
    """The rulebook in force, and those of earlier decisions."""

    def __init__(self, store: Store) -> None:
        """In the running event loop, which tells it what moves."""
        self._store = store
        self.files_trouble: FilesTrouble | None = None
        self._nothing = self._latest = NOTHING_IN_FORCE
        self._in_force: Fresh[Rulebook] = Fresh(self._look_up, time.monotonic)
        self._kept: dict[tuple[str, int | None], Rulebook] = {}
        self._lock = threading.Lock()
        store.on_change(self._hear)

    async def current(self) -> Rulebook:
        """What is in force, as the database said at most a second ago."""
        found = await self._in_force.find("")
        return found if found is not None and found.id else self._nothing

    @property
    def latest(self) -> Rulebook:
        """What was in force when it was last looked at: good enough to show, not to decide by."""
        return self._latest

    def explain(self, because: str) -> bool:
        """From now on this is why nothing is in force, as long as nothing is.

        False where it was said before.
        """
        known, self._nothing = (
            self._nothing,
            replace(NOTHING_IN_FORCE, trouble=because[:TROUBLE_LENGTH_MAX]),
        )
        return known.trouble != self._nothing.trouble

    async def refresh(self) -> Rulebook:
        """What is in force now."""
        self._in_force.forget()
        return await self.current()

    async def of(self, revisions: Revisions) -> Rulebook:
        """The rulebook by which a decision was made."""
        return await self._store.read(self._read, revisions)

    def in_force(self, tx: Tx) -> Rulebook:
        """What is in force as this transaction sees it; PostgreSQL lets nobody activate another one
        until it ends.
        """
        if policy_set_in_force(tx):
            return self._read_current(tx.conn)
        return NOTHING_IN_FORCE

    def policy_of(self, conn: Connection, record: Record) -> Policy | None:
        """The policy that made a decision, whichever is in force now.

        For a thread that reads or writes.
        """
        return self._read(conn, record.revisions).policies.named(record.decision.policy)

    def _hear(self, topics: Topics) -> None:
        if policy_sets.TOPIC in topics or topics == EVERYTHING:
            self._in_force.forget()

    async def _look_up(self, _: str) -> Rulebook:
        self._latest = await self._store.read(self._read_current)
        return self._latest

    def _read_current(self, conn: Connection) -> Rulebook:
        active = policy_sets.in_force(conn)
        if active is None:
            return NOTHING_IN_FORCE
        return self._kept_or_compiled(conn, active.policy_set, active.number)

    def _read(self, conn: Connection, revisions: Revisions) -> Rulebook:
        if revisions == NOTHING_IN_FORCE.revisions:
            return NOTHING_IN_FORCE
        set_id, latest = policy_sets.set_id(revisions), self._latest
        if latest.id == set_id:
            return latest
        return self._kept_or_compiled(conn, set_id, None)

    def _kept_or_compiled(self, conn: Connection, set_id: str, activation: int | None) -> Rulebook:
        """Two threads that read the same set at once compile it twice, and keep one of the two.

        Who the people of a set are is known while it is in force, and may differ from one
        activation to the next.
        """
        key = (set_id, activation)
        known = self._kept.get(key)
        if known is None:
            known = _compiled(conn, set_id, is_in_force=activation is not None)
            with self._lock:
                while len(self._kept) >= KEPT_MAX:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = known
        return known


def current_catalogue(conn: Connection) -> Catalogue:
    """The catalogue in force, for a program that is not the server."""
    return current_rulebook(conn).catalogue


def current_rulebook(conn: Connection) -> Rulebook:
    """The whole set in force, for a program that is not the server."""
    active = policy_sets.in_force(conn)
    if active is None:
        return NOTHING_IN_FORCE
    return _compiled(conn, active.policy_set, is_in_force=True)


def _compiled(conn: Connection, set_id: str, *, is_in_force: bool) -> Rulebook:
    """A registered set, from what the database keeps of it."""
    kept = policy_sets.read(conn, set_id)
    if kept is None:
        raise NotFound(f"policy set {set_id[:64]} was never registered")
    files = dict(kept.files)
    catalogue, names = restored(
        conn, orjson.loads(files.pop(CATALOGUE_FILE)), is_in_force=is_in_force
    )
    calendar = (
        read_calendar(files[CALENDAR_FILE], CALENDAR_FILE, catalogue)
        if CALENDAR_FILE in files
        else Calendar()
    )
    return Rulebook(
        set_id,
        kept.summary.revisions,
        read_policies(files),
        catalogue,
        calendar,
        Identities(catalogue),
        _by_text(names),
    )
