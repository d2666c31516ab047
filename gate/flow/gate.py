"""The object that every function of `flow` gets: frozen, made by `app.py`, and never a global."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

from gate.core.workload import Workload
from gate.flow.answers.reasons import KeptReasons
from gate.flow.attempts import Attempts, Callbacks
from gate.flow.clock import Clock
from gate.flow.ids import new_person_id
from gate.flow.ledger.watch import Watch
from gate.flow.passwords import Passwords
from gate.flow.pauses import Pauses
from gate.flow.ports import Chat, Hosts, Lenders, SingleSignOn, Trackers
from gate.flow.queries.turns import Turns
from gate.flow.refusals import Refusals
from gate.flow.rulebooks import Rulebooks
from gate.flow.signing import Signing
from gate.flow.troubles import Troubles
from gate.flow.waiters import Waiters
from gate.metrics import Metrics
from gate.storage.store import Store

Identify: TypeAlias = Callable[[str, datetime], Awaitable[Workload | None]]
"""Returns whose identity token this is at that time, or None for one that is not valid. Raises
`SourceUnavailable` if the keys of its issuer cannot be read."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Random bytes that live in the database, so that every replica has the same."""

    change_tokens: bytes
    cursors: bytes
    sessions: bytes


@dataclass(frozen=True, slots=True)
class Gate:
    """All parts of the gate. `hosts` may be empty."""

    store: Store
    rulebooks: Rulebooks
    clock: Clock
    waiters: Waiters
    # Which changes were decided again a moment ago.
    pauses: Pauses
    secrets: Secrets
    metrics: Metrics
    troubles: Troubles
    signing: Signing
    identify: Identify
    passwords: Passwords
    attempts: Attempts
    base_url: str
    rate_limit: int
    activate_at_once: bool
    callbacks: Callbacks = field(default_factory=Callbacks)
    # The turns of questions that take seconds, and those of policies that are only checked.
    turns: Turns = field(default_factory=Turns)
    checks: Turns = field(default_factory=partial(Turns, "checks of policies"))
    # Whether a personal token may decide as its person.
    token_approvals: bool = False
    # The proxies that are trusted to say where a request comes from.
    trusted_proxies: Sequence[IPv4Network | IPv6Network] = ()
    # Makes the id of a person who is new in the catalogue.
    person_id: Callable[[str], str] = new_person_id
    hosts: Hosts = field(default_factory=dict)
    lenders: Lenders = field(default_factory=dict)
    trackers: Trackers = field(default_factory=dict)
    single_sign_on: SingleSignOn | None = None
    chat: Chat | None = None
    refusals: Refusals = field(default_factory=Refusals)
    # Which changes the worker failed with a moment ago.
    setbacks: Pauses = field(default_factory=Pauses)
    ledger: Watch = field(default_factory=Watch)
    reasons: KeptReasons = field(default_factory=KeptReasons)
    # The secrets that prove the signatures of webhooks, by source.
    hook_secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
