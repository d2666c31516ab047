"""What every chapter gets: one frozen object, made by `app.py`, never a global."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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
from gate.flow.ports import Chat, Hosts, Lenders, SingleSignOn
from gate.flow.queries.turns import Turns
from gate.flow.refusals import Refusals
from gate.flow.rulebooks import Rulebooks
from gate.flow.signing import Signing
from gate.flow.troubles import Troubles
from gate.flow.waiters import Waiters
from gate.metrics import Metrics
from gate.storage.store import Store

Identify: TypeAlias = Callable[[str, datetime], Awaitable[Workload | None]]
"""Whose identity token this is at that time; None for one that is not good. Raises
`SourceUnavailable` where nobody knows."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Random bytes that live in the database, so that every replica has the same."""

    change_tokens: bytes
    cursors: bytes
    sessions: bytes


@dataclass(frozen=True, slots=True)
class Gate:
    """The parts, joined. `hosts` may be none."""

    store: Store
    rulebooks: Rulebooks
    clock: Clock
    waiters: Waiters
    # Of what was decided again.
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
    # Of questions that take seconds.
    turns: Turns = field(default_factory=Turns)
    # Whether a personal token may decide as its person.
    token_approvals: bool = False
    # Whose word counts for where somebody comes from.
    trusted_proxies: Sequence[IPv4Network | IPv6Network] = ()
    # What somebody who is new in the catalogue is called.
    person_id: Callable[[str], str] = new_person_id
    hosts: Hosts = field(default_factory=dict)
    lenders: Lenders = field(default_factory=dict)
    single_sign_on: SingleSignOn | None = None
    chat: Chat | None = None
    refusals: Refusals = field(default_factory=Refusals)
    # Of what the worker failed to do to a change.
    setbacks: Pauses = field(default_factory=Pauses)
    ledger: Watch = field(default_factory=Watch)
    reasons: KeptReasons = field(default_factory=KeptReasons)
    # By the source whose signature they prove.
    hook_secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
