"""A small organisation with its policies, and a running gate for it: what the tests of
`gate/flow` begin with.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from gate.app import make_gate
from gate.config import Settings
from gate.core.change import Artifact, Change, Result, Run
from gate.core.decision.record import Record
from gate.core.decision.record import read as read_record
from gate.flow.answers.written import written
from gate.flow.caller import Caller, Machine, Role
from gate.flow.changes import admit, close, submit
from gate.flow.changes.join import Submitted
from gate.flow.clock import Clock
from gate.flow.commands import AdmissionCommand, ClosureCommand, IdempotencyKey, TokenCommand
from gate.flow.gate import Gate
from gate.flow.identity.access import Access
from gate.flow.identity.people import Invitation
from gate.flow.identity.tokens import make_token
from gate.flow.pauses import Pauses
from gate.flow.policies import policies as policies_module
from gate.flow.ports import Hosts
from gate.flow.queries import look
from gate.flow.signing import make_key
from gate.ledger.format import Entry, read_entry
from gate.metrics import Metrics
from gate.storage.changes import decisions
from gate.storage.database.pages import PAGE_ROWS_MAX, Part
from gate.storage.database.tx import Tx
from gate.storage.identity.tokens import Created, Maker
from gate.storage.store import Store
from gate.storage.tables import (
    schema,
    schema_incidents,
    schema_learning,
    schema_policies,
    schema_work,
)
from gate.worker import Worker
from tests.builders import Wire, make_change, make_person, person_id

BASE_URL = "https://gate.example.com"
CATALOGUE = """
environments:
  production: {tier: production, names: [prod, live]}
  staging: {tier: staging, names: [stage]}
services:
  checkout: {owners: [team-payments], tier: 1, depends_on: [ledger], repositories: [{provider: github, id: 1001, name: acme/checkout}]}
  ledger: {owners: [team-payments], tier: 1}
  web: {owners: [team-web], tier: 2}
groups:
  release-managers: {people: [ada, ben]}
  on-call: {people: [chloe]}
  platform: {people: [ada]}
  team-payments: {people: [farida, ivan]}
  team-web: {people: [kofi, lena]}
people:
  ada: {name: Ada Ekberg, emails: [ada@example.com], github: [ada-ekberg]}
  ben: {name: Ben Okafor, emails: [ben@example.com]}
  chloe: {name: Chloe Martin, emails: [chloe@example.com]}
  farida: {name: Farida Haddad, emails: [farida@example.com]}
  ivan: {name: Ivan Horvat, emails: [ivan@example.com], slack: U0IVAN}
  kofi: {name: Kofi Mensah, emails: [kofi@example.com]}
  lena: {name: Lena Vogel, emails: [lena@example.com]}
"""
SIZE = (
    "{id: size, title: Larger changes fail more often, points_by: diff.lines_added, steps: "
    "{10: 8, 200: 30}}"
)
EVERYDAY = (
    "{id: everyday, title: Everyday, owner: platform, authorised_by: [release-managers],"
    " when: [diff.lines_added < 100], up_to: low, earn: none}"
)
ROLLBACK = (
    "{id: rollback, title: Back to what ran here, owner: platform, authorised_by: "
    "[release-managers], when: [change.direction == rollback], up_to: critical, earn: none, "
    "during_freeze: true}"
)
PARTS: Mapping[str, str] = {
    "mode": "enforce",
    "trust_claims": "[diff, author, change, checks]",
    "bands": "{moderate: 30, high: 60, critical: 90}",
    "rules": f"[{SIZE}]",
    "requirements": "[]",
    "standard_changes": f"[{EVERYDAY}, {ROLLBACK}]",
    "review": "[{from_band: low, approvals: 1, by: [release-managers, owners]}]",
    "expires_after": "24h",
    "valid_for": "4h",
    "close_within": "6h",
    "parallel": "refuse",
    "unverified_authors": "claims",
    "emergency": "{by: [on-call], approvals: 1, valid_for: 1h, review_within: 72h}",
}

PIPELINE = Machine("pipeline", Role.PIPELINE)
OTHER_PIPELINE = Machine("other", Role.PIPELINE)
HOST = Maker("command line")
ADMIN, OTHER_ADMIN = Machine("admin", Role.ADMIN), Machine("second", Role.ADMIN)
AUDITOR = Machine("auditor", Role.AUDITOR)
ADA = make_person("ada", "release-managers", "platform")


def policy_text(name: str = "production", tier: str = "production", **parts: str) -> str:
    """A policy for one tier, with other parts than usual; an empty text leaves a part out."""
    given = {**PARTS, **parts}
    lines = [
        f"policy: {name}",
        f"applies_to: [environment.tier == {tier}]",
        *(f"{key}: {text}" for key, text in given.items() if text),
    ]
    return "\n".join(lines) + "\n"


def make_files(calendar: str = "", staging: str = "", **parts: str) -> dict[str, str]:
    """The files of the organisation; `parts` are those of the policy for production."""
    files = {
        "catalog.yaml": CATALOGUE,
        "production.yaml": policy_text(**parts),
        "staging.yaml": staging or policy_text("staging", "staging", parallel="allow"),
    }
    return files | ({"calendar.yaml": calendar} if calendar else {})


def with_runbook(address: str) -> str:
    """The catalogue in which `checkout` has a runbook."""
    service = "checkout: {owners: [team-payments]"
    return CATALOGUE.replace(service, f"{service}, links: {{runbook: {address}}}")


class Ids:
    """Ids that a reader of a test can tell apart:

    `per_ada`, and `per_ada_2` for the next one whom the file calls so. `given` are the keys whose
    first id somebody has already.
    """

    def __init__(self, given: Iterable[str] = ()) -> None:
        self._given = Counter(given)

    def __call__(self, key: str) -> str:
        """The next one."""
        self._given[key] += 1
        again = self._given[key]
        return person_id(key) if again == 1 else f"{person_id(key)}_{again}"


class Hands(Clock):
    """A clock whose hands a test may move."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = timedelta(0)

    def __call__(self) -> Any:
        """Now, and so much later."""
        return super().__call__() + self.ahead


@dataclass(frozen=True, slots=True)
class Shop:
    """A gate in service, and what a test asks of it."""

    gate: Gate
    hands: Hands
    folder: Path

    def with_hosts(self, hosts: Hosts) -> "Shop":
        """The same, connected to these code hosts."""
        return replace(self, gate=replace(self.gate, hosts=hosts))

    async def submit(
        self,
        change: Change | str = "a",
        by: Caller = PIPELINE,
        key: IdempotencyKey | None = None,
        **different: Any,
    ) -> Wire:
        """Ask for a change, or for the one of that letter; the answer as JSON."""
        asked = make_change(change, **different) if isinstance(change, str) else change
        answer: Wire = orjson.loads((await submit.submit(self.gate, asked, by, key)).body)
        return answer

    async def ask(
        self, change: Change, by: Caller = PIPELINE, key: IdempotencyKey | None = None
    ) -> Submitted:
        """The same, with all of the answer."""
        return await submit.submit(self.gate, change, by, key)

    async def admit(self, change: Wire, by: Caller = PIPELINE, **different: Any) -> Wire:
        """Have it admitted for its own run; `different` are fields of the ask."""
        return as_json(
            await admit.admit(
                self.gate, change["id"], replace(admission_of(change), **different), by
            )
        )

    async def close(
        self,
        change: Wire,
        result: Result = Result.SUCCESSFUL,
        by: Caller = PIPELINE,
        **different: Any,
    ) -> Wire:
        """Report how it ended."""
        return as_json(
            await close.close(self.gate, change["id"], ClosureCommand(result, **different), by)
        )

    async def deploy(
        self,
        change: Change | str = "a",
        result: Result | None = Result.SUCCESSFUL,
        **different: Any,
    ) -> Wire:
        """Ask, have it admitted, and report the result, if there is one."""
        submitted = await self.submit(change, **different)
        await self.admit(submitted)
        return submitted if result is None else await self.close(submitted, result)

    async def read(self, change: Wire | str, by: Caller = ADMIN, wait: int = 0) -> Wire:
        """The change as it is now."""
        change_id = change if isinstance(change, str) else change["id"]
        return as_json(await look.change(self.gate, change_id, by, wait))

    async def token(self, command: TokenCommand, person: str | None = None) -> Created:
        """A new token, as the command line makes one."""
        return await self.gate.store.write(make_token, command, person, HOST)

    async def pipeline(self, *services: str) -> Machine:
        """A pipeline that has a token."""
        made = await self.token(TokenCommand(Role.PIPELINE, frozenset(services) or None))
        return Machine(made.token.id, Role.PIPELINE, made.token.services)

    async def adopt(
        self, files: Mapping[str, str] | None = None, *, changed: bool = True, **parts: str
    ) -> policies_module.Registered:
        """Other policies, as if the folder had changed."""
        return await policies_module.adopt(
            self.gate, make_files(**parts) if files is None else files, changed=changed
        )

    async def round(self) -> None:
        """What the worker does each second, without the pause between two decisions of one
        change.
        """
        forget_pauses(self.gate.pauses)
        worker = self.worker()
        await worker.holds()
        await worker.changes()

    def worker(self, name: str = "first") -> Worker:
        """One that never waits."""
        return Worker(self.gate, Access(self.gate), self.folder, name)

    async def let_pass(self, time: timedelta) -> None:
        """Move everything that happened so far into the past."""
        await self.gate.store.write(let_pass_now, time // timedelta(microseconds=1))

    async def let_pass_hours(self, hours: float) -> None:
        """The same in hours."""
        await self.let_pass(timedelta(hours=hours))

    async def entries(self, kind: str | None = None, change: Wire | None = None) -> list[Entry]:
        """The ledger, oldest first."""
        bodies = await self.gate.store.read(_bodies)
        found = [_entry(bytes(body)) for body in bodies]
        return [
            one
            for one in found
            if kind in {None, one.kind.value} and (change is None or one.change == change["id"])
        ]

    async def records(self, change: Wire) -> list[Record]:
        """Every decision of the change, oldest first."""
        query, part = change["id"], Part(PAGE_ROWS_MAX)
        stored = await self.gate.store.read(decisions.decision_page, query, part)
        return [read_record(one.record) for one in reversed(stored.rows)]

    async def submitted(self) -> int:
        """How many changes there are."""
        return (await self.measures()).get("submitted", 0)

    async def measures(self) -> dict[str, int]:
        """What the rollups count, whatever the day, band and place."""
        found: dict[str, int] = {}
        for measure, n in await self.gate.store.read(_measures):
            found[measure] = found.get(measure, 0) + n
        return found


def as_json(answer: object) -> Wire:
    """The answer as its caller reads it."""
    read: Wire = orjson.loads(written(answer))
    return read


def reason(change: Wire, rule: str) -> Wire:
    """The finding of that rule."""
    found: Wire = next(one for one in change["reasons"] if one["rule"] == rule)
    return found


def secret_of(made: Invitation) -> str:
    """What the one-time link of an invitation ends with."""
    assert made.answer.invitation is not None
    return made.answer.invitation.rpartition("/")[2]


def admission_of(change: Wire) -> AdmissionCommand:
    """What its own pipeline would say just before the deployment."""
    run = change["run"]
    return AdmissionCommand(
        commit=change["commit"],
        artifacts=tuple(Artifact(one["name"], one["digest"]) for one in change["artifacts"]),
        environment=change["environment"],
        run=Run(run["id"], run["attempt"], run["step"]),
    )


def forget_pauses(pauses: Pauses) -> None:
    """As if ten seconds had gone by."""
    pauses._last.clear()  # noqa: SLF001 - the pause is measured by the real clock, and no test waits for it


@asynccontextmanager
async def open_shop(
    url: str,
    folder: Path,
    files: Mapping[str, str] | None = None,
    *,
    in_force: bool = True,
    **settings: Any,
) -> AsyncIterator[Shop]:
    """A gate with these policies in force, or none, and a signing key unless the settings name
    another one.
    """
    given = {
        "database_url": url,
        "policies": folder,
        "base_url": BASE_URL,
        "signing_key_file": folder / "gate.key",
        **settings,
    }
    if "signing_key_file" not in settings and not (folder / "gate.key").exists():
        make_key(folder / "gate.key", BASE_URL)
    store = await asyncio.to_thread(Store.open, url)
    try:
        hands = Hands()
        gate = await make_gate(Settings.read({}, **given), store, Metrics())
        shop = Shop(replace(gate, clock=hands, person_id=Ids()), hands, folder)
        if in_force:
            await shop.adopt(files, changed=False)
        yield shop
    finally:
        await asyncio.to_thread(store.close)


@asynccontextmanager
async def open_usual_shop(url: str, folder: Path) -> AsyncIterator[Shop]:
    """A gate for a copy of a database in which the usual policies are in force (`shop_url`).

    It is as if `open_shop` had put them in force, because nothing in them is of one database alone;
    to do it anew is a third of what such a test costs.
    """
    async with open_shop(url, folder, in_force=False) as shop:
        rulebook = await shop.gate.rulebooks.refresh()
        ids = Ids(person.key for person in rulebook.catalogue.people.values())
        yield replace(shop, gate=replace(shop.gate, person_id=ids))


async def put_in_force(url: str) -> None:
    """Make this database one for `open_usual_shop`."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_shop(url, Path(folder)):
            pass


_INSTANTS = {
    schema.changes: (
        *(
            "submitted_at",
            "decided_at",
            "expires_at",
            "redecide_at",
            "valid_until",
            "planned_start",
            "planned_end",
        ),
        *("admitted_at", "close_by", "ended_at", "closed_at", "failed_at"),
    ),
    schema.standard_matches: ("admitted_at",),
    schema_learning.similar_outcomes: ("last_at",),
    schema_learning.waits: ("ended_at",),
    schema_learning.improvements: ("created_at", "due_at", "after_at"),
    schema_learning.improvement_issues: ("asked_at", "seen_at", "look_at"),
    schema_policies.freezes: ("begins", "ends", "created_at"),
    schema_work.idempotency: ("expires_at",),
    schema_work.leases: ("until",),
    schema_work.outbox: ("next_at", "lease_until"),
    schema.post_reviews: ("due_at",),
    schema_incidents.incidents: ("began_at", "resolved_at", "reported_at"),
    schema_incidents.incident_links: ("at", "counts_at", "judged_at"),
}


def let_pass_now(tx: Tx, microseconds: int) -> None:
    """Everything that happened so far was so much earlier."""
    for table, names in _INSTANTS.items():
        earlier = {name: table.c[name] - microseconds for name in names}
        tx.conn.execute(table.update().values(earlier))


@lru_cache(maxsize=4096)
def _entry(body: bytes) -> Entry:
    """As `read_entry`: some tests read the whole ledger after every step, and the same bytes are
    the same entry.
    """
    return read_entry(body)


def _bodies(conn: Any) -> list[bytes]:
    return list(
        conn.execute(
            select(schema.ledger_entries.c.body).order_by(schema.ledger_entries.c.id)
        ).scalars()
    )


def _measures(conn: Any) -> list[tuple[str, int]]:
    return [(row.measure, row.n) for row in conn.execute(select(schema_work.rollups))]
