"""What is answered.

These shapes are the documented contract; the values come ready from the flow.
"""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeAlias, TypeVar

from pydantic import AnyUrl, BaseModel, ConfigDict, Field

from gate.core.change import Result, State
from gate.core.decision.values import ChangeType, Outcome, Route
from gate.core.facts import Origin

BandWord: TypeAlias = Literal["low", "moderate", "high", "critical"]
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Unknown: TypeAlias = Annotated[
    list[str], Field(description="what the catalogue lacks, with the name that may be meant")
]
Item = TypeVar("Item", bound=BaseModel)


class View(BaseModel):
    """An answer has these fields and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageView(View, Generic[Item]):
    """A part of a list, newest first. `next` is the `cursor` of the part after it."""

    items: list[Item]
    next: str | None


class FaultView(View):
    """One thing that is wrong, and where: a JSON pointer, or `file:line:column`."""

    detail: str
    pointer: str


class ProblemView(BaseModel):
    """A problem document (RFC 9457). `type` is `urn:gate:problem:` and a name."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Problem")

    type: Annotated[str, Field(pattern="^urn:gate:problem:[a-z_]+$")]
    title: str
    status: int
    detail: str
    instance: Annotated[
        str,
        Field(
            description="`urn:gate:request:` and the id of the request, as in `X-Request-Id` and "
            "the "
            "log"
        ),
    ]
    errors: list[FaultView] = []


class FactView(View):
    """A fact as it was seen; null is unknown."""

    value: bool | int | float | str | list[str] | None
    origin: Origin | None


class ReasonView(View):
    """One finding: the rule, what it gave, and the sentence that says why."""

    rule: str
    title: str
    points: int
    holds: bool | None
    because: str
    facts: dict[str, FactView]


class RiskView(View):
    """The sum of points, and its band."""

    score: int
    band: BandWord


class RepositoryView(View):
    """The repository that the change comes from."""

    issuer: str
    id: int
    name: str


class ArtifactView(View):
    """What is deployed."""

    name: str
    digest: str


class RunView(View):
    """The pipeline run that asked."""

    id: str
    attempt: int
    step: str
    url: str | None


class PolicyName(View):
    """Which policy decided, of which revision."""

    name: str | None
    revision: str | None


class RequiredView(View):
    """So many people of any of these groups; `missing` of them have not approved yet."""

    by: list[str]
    count: int
    missing: int


class GivenView(View):
    """An approval that was given."""

    person: str
    at: datetime
    comment: str | None
    lapsed: bool


class SaidView(View):
    """What one person said about one decision of a change.

    `comment` null: there is none, or it was erased.
    """

    person: str
    decision: int
    said: Literal["approved", "rejected"]
    comment: str | None
    at: datetime
    lapsed_at: datetime | None


class ApprovalsView(View):
    """Which approvals are needed, which were given, and who may not give one."""

    required: list[RequiredView]
    given: list[GivenView]
    excluded: list[str]


class HoldView(View):
    """Why the change must wait, until when, and whose override lifts it."""

    window: str
    reason: str
    until: datetime | None
    lifted_by: list[str]
    stop: bool


class ClosedView(View):
    """How the deployment ended."""

    result: Result
    at: datetime
    notes: str


class DecisionNumber(View):
    """The decision in force."""

    number: int
    at: datetime


class ShadowView(View):
    """What a policy in `mode: evaluate` would have decided."""

    policy: str | None
    outcome: Outcome
    type: ChangeType
    risk: RiskView


class GroupsView(View):
    """So many people of any of these groups."""

    by: list[str]
    count: int


class ObservedView(View):
    """What an observing gate would have decided, had it enforced."""

    outcome: Outcome
    type: ChangeType
    route: Route
    required: list[GroupsView]
    hold: HoldView | None


class Judged(View):
    """What a change, an evaluation and a decision have in common."""

    type: ChangeType
    route: Route
    outcome: Outcome
    service: str
    environment: str
    repository: RepositoryView | None
    commit: str
    base: str | None
    artifacts: list[ArtifactView]
    requested_by: str | None
    authors: list[str]
    title: str
    risk: RiskView
    reasons: list[ReasonView]
    policy: PolicyName
    standard_change: str | None
    hold: HoldView | None
    observed: ObservedView | None


class ChangeView(Judged):
    """A change: what was asked, what was decided and why, and where it stands."""

    id: str
    state: State
    ref: str | None
    run: RunView | None
    decision: DecisionNumber
    subject_digest: Sha256
    approvals: ApprovalsView
    submitted_at: datetime
    decided_at: datetime
    expires_at: datetime | None
    valid_until: datetime | None
    admitted_at: datetime | None
    closed: ClosedView | None
    links: dict[str, AnyUrl]


class SubmittedView(ChangeView):
    """A change as its submitter gets it, with the token that is good for this change alone."""

    change_token: str


class EvaluationView(Judged):
    """What would be decided now; nothing was recorded."""

    ref: str | None
    approvals: ApprovalsView
    facts: dict[str, FactView]
    shadows: list[ShadowView]


class DecisionView(Judged):
    """One decision of a change, with every fact it was made from."""

    change: str
    decision: int
    at: datetime
    subject_digest: Sha256
    facts: dict[str, FactView]
    shadows: list[ShadowView]
    carries: list[int]
    required: list[RequiredView]


class LogRowView(View):
    """One decision in the log."""

    change: str
    decision: int
    at: datetime
    service: str
    environment: str
    repository: RepositoryView | None
    commit: str
    run: RunView | None
    requested_by: str | None
    type: ChangeType
    route: Route
    outcome: Outcome
    band: BandWord
    score: int
    policy: PolicyName
    reasons: list[ReasonView]


class SignatureView(View):
    """One signature over the envelope's payload."""

    keyid: str
    sig: str


class EnvelopeView(View):
    """A signed in-toto statement (DSSE): the permission to deploy exactly this, for 15 minutes."""

    payload: str
    payloadType: str  # noqa: N815 - the name that DSSE gives it
    signatures: list[SignatureView]


class RunningView(View):
    """What runs: the commit of the last change that was closed successfully."""

    commit: str
    change: str
    since: datetime


class InFlightView(View):
    """Another change of the same service and environment."""

    change: str
    state: State


class PlaceView(View):
    """What runs in one environment of a service, and what stands in the way there."""

    service: str
    environment: str
    unknown: Unknown
    gate: Literal["enforce", "observe"]
    running: RunningView | None
    first_deployment: bool  # nothing was ever admitted here
    in_flight: list[InFlightView]
    hold: HoldView | None
    next_opening: datetime | None
