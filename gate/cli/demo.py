"""A small demo: a token, and a few changes that are really submitted.

It never deploys `checkout` to `staging`, because its reader is told to ask for that first.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from gate.app import make_gate, open_store
from gate.config import Settings
from gate.core.catalogue.catalogue import OWNERS_OF_LAST_RESORT
from gate.core.change import Artifact, Change, Emergency, Result, Run
from gate.core.facts import Value
from gate.errors import GateError, Invalid, NotFound
from gate.flow.caller import BySession, Machine, Person, Role
from gate.flow.changes import admit, close, review, submit
from gate.flow.changes.join import CREATED
from gate.flow.commands import (
    AdmissionCommand,
    ClosureCommand,
    FreezeCommand,
    ReviewCommand,
    TokenCommand,
)
from gate.flow.folder import read_folder
from gate.flow.gate import Gate
from gate.flow.identity.people import link_of, make_demo_link
from gate.flow.identity.tokens import make_token
from gate.flow.policies import freezes, policies
from gate.flow.queries import look
from gate.metrics import Metrics
from gate.storage.identity.tokens import Maker
from gate.storage.store import Store

DEMO = Machine("demo", Role.PIPELINE)
FROZEN = "The search index moves to new machines"
FROZEN_FOR = timedelta(days=3)


def facts(lines: int, *files: str, commits: int = 1, **more: Value) -> dict[str, Value]:
    """Return what a pipeline claims of a change with so many new lines, in code that changes often.

    In the name of a fact in `more`, two underscores stand for the dot.
    """
    claimed: dict[str, Value] = {
        "lines_added": lines,
        "lines_deleted": lines // 3,
        "files": files,
        "files_changed": len(files),
        "commits": commits,
        "directories": len(files),
        "subsystems": 1,
        "file_authors": 4,
        "prior_changes": 9,
        "days_since_touched": 20,
    }
    return {
        "change.fixes_defect": False,
        "author.count": 1,
        "author.known": True,
        "author.changes": 140,
        "author.recent_changes": 90,
        "author.subsystem_changes": 31,
        **{f"diff.{name}": value for name, value in claimed.items()},
        **{name.replace("__", "."): value for name, value in more.items()},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One change of the demo, who approves it, and how it ended."""

    service: str
    environment: str
    title: str
    by: str = "demo"
    claims: Mapping[str, Value] = field(default_factory=lambda: facts(12, "src/cart.py"))
    result: Result | None = None
    approved_by: tuple[str, ...] = ()
    notes: str = ""
    description: str = ""
    rollback_plan: str = ""
    emergency: Emergency | None = None


STORY = (
    Episode(
        service="web",
        environment="staging",
        title="New start page",
        by="kofi",
        result=Result.SUCCESSFUL,
    ),
    Episode(
        service="web",
        environment="staging",
        title="Faster images",
        by="lena",
        result=Result.UNSUCCESSFUL,
        notes="It ran out of memory at the first large picture.",
    ),
    Episode(
        service="web",
        environment="staging",
        title="Faster images, without the crash",
        by="lena",
        result=Result.SUCCESSFUL,
    ),
    Episode(
        service="ledger",
        environment="production",
        title="Round half to even",
        by="jin",
        description="The tax office rounds so, and our invoices did not.",
    ),
    Episode(
        service="web",
        environment="production",
        title="New start page",
        by="kofi",
        claims=facts(64, "src/start.html", "src/start.css", commits=4, author__changes=41),
        approved_by=("ada", "ben"),
        result=Result.SUCCESSFUL,
    ),
    Episode(
        service="web",
        environment="production",
        title="A search box on every page",
        by="lena",
        claims=facts(
            240, "src/header.html", "src/search.js", "Dockerfile", commits=7, author__changes=4
        ),
        description="People looked for it at the top.",
        rollback_plan="Deploy the image before it: nothing is kept.",
    ),
    Episode(
        service="ledger",
        environment="production",
        title="Faster month-end closing",
        by="ivan",
        claims=facts(
            1_240, "src/closing.py", "db/migrations/0042_index.sql", commits=19, author__changes=63
        ),
        approved_by=("farida",),
        description="The closing of October took nine hours. With the index it takes twenty "
        "minutes.",
    ),
    Episode(
        service="search",
        environment="staging",
        title="Product names in lower case",
        by="hana",
        result=Result.SUCCESSFUL,
    ),
    Episode(
        service="search",
        environment="production",
        title="Product names in lower case",
        by="hana",
        claims=facts(8, "src/names.py", author__changes=90),
    ),
    Episode(
        service="status-page",
        environment="production",
        title="Say sorry in fewer words",
        by="goran",
        claims=facts(6, "docs/sorry.md", author__changes=120),
    ),
    Episode(
        service="checkout",
        environment="production",
        title="Accept cards of the new issuer",
        by="jin",
        claims=facts(3, "src/cards.py", author__changes=77),
        emergency=Emergency("Every tenth payment is declined.", "INC-1042"),
    ),
)
"""The changes of the demo in their order; the digits of a commit are the number of its change."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways into the demo: a new pipeline token, and addresses that sign people in.

    There are two people if the catalogue has them, because some changes need two approvals.
    """

    token: str
    # The name of each person, and the address.
    links: tuple[tuple[str, str], ...]


def prepare(settings: Settings) -> Ways:
    """Make what the demo shows, unless it is there from an earlier start."""
    path = Path(settings.database.removeprefix("sqlite:///"))
    if settings.database.startswith("sqlite"):
        path.parent.mkdir(parents=True, exist_ok=True)
    metrics = Metrics()
    store = open_store(settings, metrics, upgrade=True)
    try:
        return asyncio.run(_prepare(settings, store, metrics))
    finally:
        store.close()


async def _prepare(settings: Settings, store: Store, metrics: Metrics) -> Ways:
    gate = await make_gate(settings, store, metrics)
    await policies.adopt(gate, read_folder(settings.policies), changed=False)
    await _freeze(gate)
    for number, episode in enumerate(STORY, start=1):
        # Other policies than the shipped ones may refuse a part of the story.
        with suppress(GateError):
            await _play(gate, number, episode)
    created = await store.write(make_token, TokenCommand(Role.PIPELINE), None, Maker("demo"))
    people = gate.rulebooks.latest.catalogue.people
    links = [
        (people[one].name or one, link_of(gate.base_url, await store.write(make_demo_link, one)))
        for one in _viewers(gate)
    ]
    return Ways(created.text, tuple(links))


async def _freeze(gate: Gate) -> None:
    """Declare a window, unless it is there. No idempotency key protects it from being repeated."""
    known = {one.reason for one in await freezes.not_over(gate)}
    if FROZEN not in known:
        with suppress(GateError):
            command = FreezeCommand(
                FROZEN,
                ends=gate.clock() + FROZEN_FOR,
                services=("search",),
                environments=("production",),
            )
            await freezes.add(gate, command, _person(gate, _viewers(gate)[0]))


async def _play(gate: Gate, number: int, episode: Episode) -> None:
    run = Run(f"demo-{number}", 1, "", "")
    commit = f"{number:x}" * 40
    running = (await look.place(gate, episode.service, episode.environment, DEMO)).running
    artifact = Artifact("image", f"sha256:{f'{number:x}' * 64}")
    change = Change(
        service=episode.service,
        environment=episode.environment,
        commit=commit,
        artifacts=(artifact,),
        run=run,
        base=running.commit if running else None,
        ref="refs/heads/main",
        requested_by=f"{episode.by}@example.com",
        authors=(f"{episode.by}@example.com",),
        title=episode.title,
        description=episode.description,
        rollback_plan=episode.rollback_plan,
        emergency=episode.emergency,
        claims=episode.claims,
    )
    submitted = await submit.submit(gate, change, DEMO)
    if submitted.status != CREATED:
        return
    for person in episode.approved_by:
        shown = await look.change(gate, submitted.change_id, DEMO, 0)
        command = ReviewCommand(shown.subject_digest, "Looked at it together.")
        await review.approve(gate, submitted.change_id, command, _approver(gate, person))
    if episode.result is not None:
        await admit.admit(
            gate,
            submitted.change_id,
            AdmissionCommand(commit, (artifact,), episode.environment, run),
            DEMO,
        )
        await close.close(
            gate, submitted.change_id, ClosureCommand(episode.result, episode.notes, run=run), DEMO
        )


def _viewers(gate: Gate) -> list[str]:
    """Return two people who together may approve everything that the demo submits, or whoever
    exists.

    The first is a release manager who also belongs to the change authority, and the second owns
    `checkout`: a large repository is a critical risk, which needs one of each. Raises `Invalid` if
    the catalogue has nobody.
    """
    catalogue = gate.rulebooks.latest.catalogue
    managers = catalogue.members(OWNERS_OF_LAST_RESORT)
    highest = [one for one in managers if one in catalogue.members("change-authority")]
    owners = [
        one for group in catalogue.owners_of("checkout") or () for one in catalogue.members(group)
    ]
    first = next(iter((*highest, *managers, *catalogue.people)), None)
    others = (*owners, *managers, *catalogue.people)
    second = next((one for one in others if one != first), None)
    found = [one for one in (first, second) if one is not None]
    if not found:
        raise Invalid(
            "the catalogue names nobody, so there is nobody to show the demo to; add a "
            "person to catalog.yaml"
        )
    return found


def _person(gate: Gate, person: str) -> Person:
    """Return the person as if signed in at a browser."""
    return Person(
        person, frozenset(gate.rulebooks.latest.catalogue.groups_of(person)), BySession("demo")
    )


def _approver(gate: Gate, key: str) -> Person:
    """Return the person with this key in the shipped catalogue.

    Raises `NotFound` if another catalogue is in force.
    """
    person = gate.rulebooks.latest.catalogue.person_keyed(key)
    if person is None:
        raise NotFound(f"the catalogue has no {key}")
    return _person(gate, person)
