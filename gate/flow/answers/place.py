"""Answers about places: what runs there, who may act there, and what people said about changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gate.core.change import State
from gate.core.history import Running
from gate.flow.answers.parts import HoldAnswer, Unknown


@dataclass(frozen=True)
class InFlightAnswer:
    """Another change of the same service and environment."""

    change: str
    state: State


@dataclass(frozen=True)
class PlaceAnswer:
    """What runs in one environment of a service, and what prevents deployments there."""

    service: str
    environment: str
    unknown: Unknown
    running: Running | None
    gate: Literal["enforce", "observe"]
    # True until something is admitted here.
    first_deployment: bool
    in_flight: tuple[InFlightAnswer, ...]
    hold: HoldAnswer | None
    next_opening: datetime | None


@dataclass(frozen=True)
class SaidAnswer:
    """The approval or rejection of one person for one decision of a change.

    A null `comment` means that there is none, or that it was erased.
    """

    person: str
    decision: int
    said: Literal["approved", "rejected"]
    comment: str | None
    at: datetime
    lapsed_at: datetime | None


@dataclass(frozen=True)
class HoldersAnswer:
    """The people who may do something: `count` of them are needed from the groups in `by`.

    `people` are those whom the catalogue lists; with `single_sign_on` the identity provider may add
    others. `missing` is by how many the listed people are too few.
    """

    count: int
    by: tuple[str, ...]
    people: tuple[str, ...]
    single_sign_on: bool
    missing: int


@dataclass(frozen=True)
class CellAnswer:
    """One act on one kind of thing, and who may do it. All entries must be met together."""

    act: Literal["approve", "override", "reinstate"]
    of: str
    entries: tuple[HoldersAnswer, ...]


@dataclass(frozen=True)
class AuthorityAnswer:
    """Who may act in one place. A null `policy` means that none applies, so people decide
    everything.
    """

    service: str
    environment: str
    policy: str | None
    owners: tuple[str, ...]
    cells: tuple[CellAnswer, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True)
class AuthorityMapAnswer:
    """The places of the catalogue, sorted by service, under the policies of this revision."""

    policies: str
    unknown: Unknown
    places: tuple[AuthorityAnswer, ...]
    more: bool
