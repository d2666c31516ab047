"""A small demo: a token, and a few changes that are really submitted. It never deploys `checkout` to `staging`."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from gate.app import make_gate, open_store
from gate.config import Settings
from gate.core.change import Artifact, Change, Result, Run
from gate.core.facts import Value
from gate.errors import Conflict
from gate.flow import admit, close, policies, submit
from gate.flow.asks import AdmissionAsk, ClosureAsk, TokenAsk
from gate.flow.caller import Caller, Machine, Role
from gate.flow.folder import read_folder
from gate.flow.gate import Gate
from gate.flow.join import CREATED
from gate.flow.tokens import make_token
from gate.metrics import Metrics
from gate.storage.store import Store

DEMO = Machine("demo", Role.PIPELINE)
SMALL: dict[str, Value] = {"diff.lines_added": 12, "diff.lines_deleted": 4, "diff.files": ("src/cart.py",), "diff.files_changed": 1}


@dataclass(frozen=True, slots=True)
class Told:
    """One change of the demo, and how it went."""

    run: str
    service: str
    environment: str
    commit: str
    title: str
    result: Result | None = None


STORY = (
    Told("demo-1", "web", "staging", "1" * 40, "New start page", Result.SUCCESSFUL),
    Told("demo-2", "web", "staging", "2" * 40, "Faster images", Result.UNSUCCESSFUL),
    Told("demo-3", "web", "staging", "3" * 40, "Faster images, without the crash", Result.SUCCESSFUL),
    Told("demo-4", "ledger", "production", "4" * 40, "Round half to even"),
)


def prepare(settings: Settings) -> str:
    """Make what the demo shows, unless it is there from an earlier start; the text of a new pipeline token."""
    path = Path(settings.database.removeprefix("sqlite:///"))
    if settings.database.startswith("sqlite"):
        path.parent.mkdir(parents=True, exist_ok=True)
    metrics = Metrics()
    store = open_store(settings, metrics, upgrade=True)
    try:
        return asyncio.run(_prepare(settings, store, metrics))
    finally:
        store.close()


async def _prepare(settings: Settings, store: Store, metrics: Metrics) -> str:
    gate = await make_gate(settings, store, metrics)
    await policies.adopt(gate, read_folder(settings.policies), changed=False)
    for told in STORY:
        await _tell(gate, told, DEMO)
    created = await store.write(make_token, TokenAsk(Role.PIPELINE), None, "demo")
    return created.text


async def _tell(gate: Gate, told: Told, by: Caller) -> None:
    run = Run(told.run, 1, "", "")
    artifact = Artifact("image", f"sha256:{told.commit[:1] * 64}")
    change = Change(
        service=told.service,
        environment=told.environment,
        commit=told.commit,
        artifacts=(artifact,),
        run=run,
        requested_by="demo@example.com",
        authors=("demo@example.com",),
        title=told.title,
        claims=SMALL,
    )
    submitted = await submit.submit(gate, change, by)
    if submitted.status != CREATED or submitted.pending or told.result is None:
        return
    try:
        await admit.admit(gate, submitted.change_id, AdmissionAsk(told.commit, (artifact,), told.environment, run), by)
    except Conflict:
        return  # the policies of this folder have another idea of the story
    await close.close(gate, submitted.change_id, ClosureAsk(told.result, run=run), by)
