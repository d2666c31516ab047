"""What every chapter is given: one frozen object, made by `app.py`, never a global."""

from dataclasses import dataclass

from gate.flow.clock import Clock
from gate.flow.pauses import Pauses
from gate.flow.rulebooks import Rulebooks
from gate.flow.waiters import Waiters
from gate.ledger.note import SigningKey
from gate.metrics import Metrics
from gate.storage.store import Store


@dataclass(frozen=True, slots=True)
class Secrets:
    """Random bytes that live in the database, so that every replica has the same."""

    change_tokens: bytes
    cursors: bytes


@dataclass(frozen=True, slots=True)
class Gate:
    """The parts, joined. `key` None: nothing can be admitted until there is one, decisions go on."""

    store: Store
    rulebooks: Rulebooks
    clock: Clock
    waiters: Waiters
    pauses: Pauses
    secrets: Secrets
    metrics: Metrics
    key: SigningKey | None
    base_url: str
    rate_limit: int
    activate_at_once: bool
