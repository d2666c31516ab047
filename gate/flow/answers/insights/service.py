"""The answer about one service: its owners, its policies, what runs, what waits, and
what failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gate.core.catalogue.links import LinkName
from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.incident import IncidentAnswer
from gate.flow.answers.insights.over_time import PlaceFigures
from gate.flow.answers.place import PlaceAnswer
from gate.flow.answers.policy import StandardChangeAnswer
from gate.flow.answers.story import DueAnswer


@dataclass(frozen=True)
class OwnerAnswer:
    """A group that owns the service, and the people whom the catalogue puts into the group.

    If `signs_on` is true, the identity provider may add others.
    """

    group: str
    people: Sequence[str]
    signs_on: bool


@dataclass(frozen=True)
class ServiceLinkAnswer:
    """A link that the catalogue may have for the service. A null `address`: it has none."""

    name: LinkName
    address: str | None


@dataclass(frozen=True)
class ServicePlace:
    """The service in one environment. If `policy` is None, none applies, and `because` says why."""

    place: PlaceAnswer
    tier: str
    policy: str | None
    because: str
    figures: PlaceFigures


@dataclass(frozen=True)
class ServiceAnswer:
    """Everything about one service.

    Long lists are cut; `more_…` says how many entries are left out, or that there are some.
    """

    service: str
    unknown: Sequence[str]
    tier: int | None
    owners: Sequence[OwnerAnswer]
    links: Sequence[ServiceLinkAnswer]
    depends_on: Sequence[str]
    repositories: Sequence[str]
    revision: str
    places: Sequence[ServicePlace]
    waiting: Sequence[ChangeAnswer]
    more_waiting: int
    standard_changes: Sequence[StandardChangeAnswer]
    failures: Sequence[ChangeAnswer]
    more_failures: bool
    incidents: Sequence[IncidentAnswer]
    reviews: Sequence[DueAnswer]
    at: datetime
