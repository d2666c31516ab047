"""What runs in one environment of a service, and what people said about a change there."""

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
    """What runs in one environment of a service, and what stands in the way there."""

    service: str
    environment: str
    unknown: Unknown
    running: Running | None
    gate: Literal["enforce", "observe"]
    # Nothing was ever admitted here.
    first_deployment: bool
    in_flight: tuple[InFlightAnswer, ...]
    hold: HoldAnswer | None
    next_opening: datetime | None


@dataclass(frozen=True)
class SaidAnswer:
    """What one person said about one decision of a change.

    `comment` null: there is none, or it was erased.
    """

    person: str
    decision: int
    said: Literal["approved", "rejected"]
    comment: str | None
    at: datetime
    lapsed_at: datetime | None


@dataclass(frozen=True)
class HoldersAnswer:
    """Whoever may do something: so many people of these groups.

    `people` are those whom the catalogue lists; with `single_sign_on` the identity provider may add
    others. `missing`: of the people whom the catalogue lists so many are too few.
    """

    count: int
    by: tuple[str, ...]
    people: tuple[str, ...]
    single_sign_on: bool
    missing: int


@dataclass(frozen=True)
class CellAnswer:
    """One act on one kind of thing, and who may do it: all of the entries together."""

    act: Literal["approve", "override", "reinstate"]
    of: str
    entries: tuple[HoldersAnswer, ...]


@dataclass(frozen=True)
class AuthorityAnswer:
    """Who answers for one place. `policy` null: none applies, so people decide everything."""

    service: str
    environment: str
    policy: str | None
    owners: tuple[str, ...]
    cells: tuple[CellAnswer, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True)
class AuthorityMapAnswer:
    """The places of the catalogue by service, as the policies of this revision have them."""

    policies: str
    unknown: Unknown
    places: tuple[AuthorityAnswer, ...]
    more: bool
