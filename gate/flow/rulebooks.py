"""The policies, catalogue and calendar in force. They are read from the database, compiled once,
and never older than a second.
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
from gate.core.policy.set import NO_POLICIES, Choice, Policies, read_policies
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
"""The most rulebooks of earlier decisions that are kept compiled."""

TROUBLE_LENGTH_MAX = 1_000
"""The longest reason why nothing is in force, because records of decisions contain the reason."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Policies, catalogue and calendar of one policy set, compiled.

    `id` is empty if nothing was ever activated; then people decide about every change.

    `trouble` says why nothing was activated, as far as this server knows. It is empty once
    something is in force.
    """

    id: str
    revisions: Revisions
    policies: Policies
    catalogue: Catalogue
    calendar: Calendar
    identities: Identities
    # The ids of every name and address in the catalogue, by its text.
    text_ids: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    # Each with its `standard_key`.
    standard_changes: tuple[tuple[str, StandardChange], ...] = field(init=False)
    # The standard changes whose history matters to a decision, by id: how many successes are
    # needed, and how long they have to settle.
    remembered: Mapping[str, tuple[int, timedelta]] = field(init=False)

    def __post_init__(self) -> None:
        pairs = tuple(
            (standard_key(policy, one), one)
            for policy in self.policies.all
            for one in policy.standard_changes
        )
        object.__setattr__(self, "standard_changes", pairs)
        object.__setattr__(self, "remembered", _remembered(one for _, one in pairs))

    def policy_at(self, service: str, environment: str) -> Choice:
        """Return the policy that applies to the place, as far as the catalogue alone decides it."""
        facts = self.catalogue.facts(service, environment)
        return self.policies.policy_for({name: one.value for name, one in facts.items()})

    def standard_title(self, standard_id: str) -> str:
        """Return the title of a standard change, or its id where no title is its only one: it is
        no longer in force, or two policies use the id for different ones.
        """
        titles = {one.title for _, one in self.standard_changes if one.id == standard_id}
        return titles.pop() if len(titles) == 1 else standard_id


def _remembered(standards: Iterable[StandardChange]) -> dict[str, tuple[int, timedelta]]:
    """Return how much history must be read of each standard change that needs any.

    Two policies may give one name to two standard changes. Then it is the most successes and the
    shortest time to settle, which reads enough for both.
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
        """Subscribe to announcements of the store. This must be called in the running
        event loop.
        """
        self._store = store
        self.files_trouble: FilesTrouble | None = None
        self._nothing = self._latest = NOTHING_IN_FORCE
        self._in_force: Fresh[Rulebook] = Fresh(self._look_up, time.monotonic)
        self._kept: dict[tuple[str, int | None], Rulebook] = {}
        self._lock = threading.Lock()
        store.on_change(self._hear)

    async def current(self) -> Rulebook:
        """Return what is in force, as the database had it at most a second ago."""
        found = await self._in_force.find("")
        return found if found is not None and found.id else self._nothing

    async def books(self) -> "Books":
        """Return what is in force together with these rulebooks."""
        return Books(await self.current(), self)

    @property
    def latest(self) -> Rulebook:
        """The rulebook that was last read as in force. It is good enough to show, but not to decide
        by.
        """
        return self._latest

    def explain(self, because: str) -> bool:
        """Keep the reason why nothing is in force, for as long as that is so.

        False: it is the same reason as before.
        """
        before = self._nothing.trouble
        self._nothing = replace(NOTHING_IN_FORCE, trouble=because[:TROUBLE_LENGTH_MAX])
        return self._nothing.trouble != before

    async def refresh(self) -> Rulebook:
        """Read again what is in force, and return it."""
        self._in_force.forget()
        return await self.current()

    async def of(self, revisions: Revisions) -> Rulebook:
        """Return the rulebook by which a decision was made."""
        return await self._store.read(self._read, revisions)

    def in_force(self, tx: Tx) -> Rulebook:
        """Return what is in force in this transaction.

        On PostgreSQL nobody can activate another set until the transaction ends.
        """
        if policy_set_in_force(tx):
            return self._read_current(tx.conn)
        return NOTHING_IN_FORCE

    def policy_of(self, conn: Connection, record: Record) -> Policy | None:
        """Return the policy that made a decision, whichever is in force now.

        To be called in a thread of the database, because it may have to read and compile.
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
        """Return a set from memory, or compile it.

        Two threads that need the same set at once compile it twice and keep one of the two. The key
        has the number of the activation, because the ids of people may differ from one activation
        of a set to the next.
        """
        key = (set_id, activation)
        book = self._kept.get(key)
        if book is None:
            book = _compiled(conn, set_id, is_in_force=activation is not None)
            with self._lock:
                while len(self._kept) >= KEPT_MAX:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = book
        return book


@dataclass(frozen=True, slots=True)
class Books:
    """The rulebook in force, and all of them for earlier decisions."""

    current: Rulebook
    all: Rulebooks


def current_catalogue(conn: Connection) -> Catalogue:
    """Return the catalogue in force, for a program that is not the server."""
    return current_rulebook(conn).catalogue


def current_rulebook(conn: Connection) -> Rulebook:
    """Return the rulebook in force, for a program that is not the server."""
    active = policy_sets.in_force(conn)
    if active is None:
        return NOTHING_IN_FORCE
    return _compiled(conn, active.policy_set, is_in_force=True)


def _compiled(conn: Connection, set_id: str, *, is_in_force: bool) -> Rulebook:
    """Return a registered set, compiled from the files that the database keeps."""
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
        {text: identity for identity, text in names.items()},
    )
