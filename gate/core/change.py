"""A change as a caller asks for it, and the table of the ways in which its state may move."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from gate.core.facts import Value


class State(StrEnum):
    """The state of a change."""

    PENDING = "pending"
    APPROVED = "approved"
    DEPLOYING = "deploying"
    CLOSED = "closed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELED = "canceled"


class Result(StrEnum):
    """The result of a deployment, best first."""

    SUCCESSFUL = "successful"
    SUCCESSFUL_ISSUES = "successful_issues"
    UNSUCCESSFUL = "unsuccessful"
    ROLLED_BACK = "rolled_back"


FAILED_RESULTS = frozenset({Result.UNSUCCESSFUL, Result.ROLLED_BACK})
MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.PENDING: frozenset({State.APPROVED, State.REJECTED, State.EXPIRED, State.CANCELED}),
        # Back to pending only by a stale admission or an approval that is taken back, and to
        # rejected only by a stale admission.
        State.APPROVED: frozenset(
            {State.DEPLOYING, State.EXPIRED, State.CANCELED, State.PENDING, State.REJECTED}
        ),
        State.DEPLOYING: frozenset({State.CLOSED}),
        State.CLOSED: frozenset(),
        State.REJECTED: frozenset(),
        State.EXPIRED: frozenset(),
        State.CANCELED: frozenset(),
    }
)
FINAL = frozenset(state for state, following in MOVES.items() if not following)
WAITING = (State.PENDING, State.APPROVED)
"""The states of a change that waits: for people, or for its deployment."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository is known by its issuer and numeric id; the name is only for readers."""

    issuer: str
    id: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact to deploy. It is identified by its digest, such as `sha256:<hex>`; the name is
    for readers.
    """

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Run:
    """The pipeline run that asks.

    The first `attempt` is 1. `check` is the code host's name of the job, as its token says.
    """

    id: str
    attempt: int = 1
    step: str = ""
    url: str = ""
    check: str = ""


class Subject(NamedTuple):
    """The subject of an approval, which must be exactly what is deployed."""

    repository: tuple[str, int] | None
    commit: str
    # Sorted.
    digests: tuple[str, ...]
    service: str
    environment: str
    emergency: bool


@dataclass(frozen=True, slots=True)
class Emergency:
    """Why the change cannot wait, and the incident that it answers."""

    reason: str
    incident: str


class Assessment(NamedTuple):
    """The texts that regulators ask for, as the requester wrote them. A text that was not given is
    empty.
    """

    reason: str = ""
    security_impact: str = ""
    expected_outcome: str = ""
    customer_impact: str = ""
    ticket: str = ""


NOT_ASSESSED = Assessment()


PLANNED_DAYS_AHEAD_MAX = 366
"""How many days ahead a deployment may be planned, because nobody can judge a later one today."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The planned window; either end may be open."""

    start: datetime | None = None
    end: datetime | None = None

    def too_far(self, at: datetime) -> datetime | None:
        """Return a planned time that is further ahead of `at` than is allowed, or None."""
        latest = at + timedelta(days=PLANNED_DAYS_AHEAD_MAX)
        return next(
            (one for one in (self.start, self.end) if one is not None and one > latest), None
        )


ANY_TIME = Planned()


class Change(NamedTuple):
    """One intended deployment of one commit of one service to one environment.

    `claims` contains only facts that a request may claim. A fact that was sent as null is left out,
    because it is unknown.
    """

    service: str
    # The catalogue's own name of the environment, if the catalogue knows it.
    environment: str
    commit: str
    base: str | None = None
    ref: str | None = None
    repository: Repository | None = None
    artifacts: tuple[Artifact, ...] = ()
    run: Run | None = None
    requested_by: str | None = None
    authors: tuple[str, ...] = ()
    title: str = ""
    description: str = ""
    impact: str = ""
    rollback_plan: str = ""
    test_plan: str = ""
    assessment: Assessment = NOT_ASSESSED
    emergency: Emergency | None = None
    planned: Planned = ANY_TIME
    remediates: str | None = None
    claims: Mapping[str, Value] = MappingProxyType({})
    # The identities of the person who started the run, as its token proves.
    actor: tuple[str, ...] = ()
    # The facts that the token proves.
    proved: Mapping[str, Value] = MappingProxyType({})

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of all artifacts, sorted."""
        return tuple(sorted([artifact.digest for artifact in self.artifacts]))

    @property
    def subject(self) -> Subject:
        """The subject, which an approval is given for."""
        repository = (self.repository.issuer, self.repository.id) if self.repository else None
        return Subject(
            repository,
            self.commit,
            self.digests,
            self.service,
            self.environment,
            self.emergency is not None,
        )
