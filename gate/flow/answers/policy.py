"""Answers about policies: what was registered, and what is in force, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gate.core.decision.values import BandWord


@dataclass(frozen=True)
class PolicySetAnswer:
    """A registered policy set: its id, the revisions of its three parts, and whether it is in
    force.
    """

    id: str
    revision: str
    policies: str
    catalogue: str
    calendar: str
    registered_at: datetime
    registered_by: str
    active: bool


@dataclass(frozen=True)
class PolicyFilesAnswer(PolicySetAnswer):
    """A policy set with its files. The catalogue is without names and addresses of people."""

    files: Mapping[str, str]


@dataclass(frozen=True)
class PolicyCheckAnswer:
    """The result of checking files: they can be registered, and would have this revision."""

    valid: bool
    revision: str | None


@dataclass(frozen=True)
class EntryWords:
    """A rule, requirement or standard change in words: its meaning, its grounds, and its conditions
    as the policy writes them.
    """

    id: str
    title: str
    text: str
    why: str
    conditions: str


@dataclass(frozen=True)
class _OfPolicy:
    """The policy of an entry, and the kind of the entry."""

    policy: str
    kind: str


@dataclass(frozen=True)
class RuleAnswer(EntryWords, _OfPolicy):
    """One entry of a policy on its own."""


@dataclass(frozen=True)
class ReviewWords:
    """The approvals that are needed from this band on."""

    from_band: str
    approvals: int
    by: tuple[str, ...]


@dataclass(frozen=True)
class PolicyWords:
    """One policy in words. Each of `bands` has the name of a `band` and the points `from` which it
    counts.
    """

    name: str
    mode: str
    applies_to: str
    trusts: tuple[str, ...]
    bands: tuple[Mapping[str, str | int], ...]
    rules: tuple[EntryWords, ...]
    requirements: tuple[EntryWords, ...]
    standard_changes: tuple[EntryWords, ...]
    review: tuple[ReviewWords, ...]
    terms: tuple[str, ...]


@dataclass(frozen=True)
class PoliciesAnswer:
    """Every policy in force, in words."""

    revision: str
    items: tuple[PolicyWords, ...]


@dataclass(frozen=True)
class StandardChangeAnswer:
    """A standard change in one place: whether it is earned there, and how often it succeeded.

    `changes` is the number of newest admitted changes that matched it, of which `ended` have a
    result. `because` says why it is suspended.
    """

    id: str
    standard_change: str
    title: str
    policy: str
    service: str
    environment: str
    owner: str
    authorised_by: tuple[str, ...]
    up_to: BandWord
    earned: bool
    successes: int
    of: int
    suspended: bool
    because: str | None
    reinstated_at: datetime | None
    changes: int
    ended: int
    failed: int
    success_rate: float | None
