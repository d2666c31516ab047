"""The answer about one change, made from its record and its current state."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NamedTuple, cast

from pydantic import Field

from gate.core.change import Artifact, Repository, Result, Run, State
from gate.core.decision.record import Record
from gate.core.decision.values import ChangeType, Hold, Outcome, Route
from gate.core.incident import Method
from gate.core.policy.policy import Policy
from gate.flow.answers.parts import (
    Address,
    HoldAnswer,
    ObservedAnswer,
    PolicyAnswer,
    RequiredAnswer,
    RiskAnswer,
    RunAnswer,
    Sha256,
    hold_answer,
    observed_answer,
    policy_answer,
    required_answer,
    run_answer,
)
from gate.flow.answers.reasons import KeptReasons, ReasonAnswer, freeze_named, reasons
from gate.flow.answers.written import written
from gate.storage.incidents.links import SHOWN_MAX, TiedIncident


@dataclass(frozen=True)
class JudgedAnswer:
    """The fields that a change, an evaluation and a decision share: what was asked for, and how it
    was judged.
    """

    type: ChangeType
    route: Route
    outcome: Outcome
    service: str
    environment: str
    repository: Repository | None
    commit: str
    base: str | None
    artifacts: tuple[Artifact, ...]
    requested_by: str | None
    authors: tuple[str, ...]
    title: str
    risk: RiskAnswer
    reasons: tuple[ReasonAnswer, ...]
    policy: PolicyAnswer
    standard_change: str | None
    observed: ObservedAnswer | None


@dataclass(frozen=True)
class _Identified:
    """The first fields of a change."""

    id: str
    state: State


@dataclass(frozen=True)
class DecisionNumber:
    """The number and time of the decision in force."""

    number: int
    at: datetime


@dataclass(frozen=True)
class GivenAnswer:
    """An approval that was given.

    `person` is an id that never changes, and `name` is the name that readers see now.
    """

    person: str
    name: str | None
    at: datetime
    comment: str | None
    lapsed: bool


@dataclass(frozen=True)
class ApprovalsAnswer:
    """The approvals that are needed, those that were given, and the people who may not give one."""

    required: tuple[RequiredAnswer, ...]
    given: tuple[GivenAnswer, ...]
    excluded: tuple[str, ...]


@dataclass(frozen=True)
class ClosedAnswer:
    """The result of the deployment."""

    result: Result
    at: datetime
    notes: str


@dataclass(frozen=True)
class ChangeIncidentAnswer:
    """An incident that is tied to this change. A null `title` was erased."""

    id: str
    title: str | None
    method: Method


@dataclass(frozen=True)
class AssessedAnswer(JudgedAnswer):
    """What was asked for and how it was judged, with the texts that regulators want.

    A text that was not given, or was erased, is null.
    """

    reason: str | None
    security_impact: str | None
    expected_outcome: str | None
    customer_impact: str | None
    ticket: str | None


@dataclass(frozen=True)
class ChangeAnswer(AssessedAnswer, _Identified):
    """A change: what was asked for, what was decided and why, and its current state."""

    ref: str | None
    run: RunAnswer | None
    decision: DecisionNumber
    subject_digest: Sha256
    approvals: ApprovalsAnswer
    hold: HoldAnswer | None
    submitted_at: datetime
    decided_at: datetime
    expires_at: datetime | None
    valid_until: datetime | None
    admitted_at: datetime | None
    closed: ClosedAnswer | None
    incidents: Annotated[
        tuple[ChangeIncidentAnswer, ...],
        Field(
            description=f"the last {SHOWN_MAX} that were tied to it; where there are more, "
            "`links.incidents` lists them all"
        ),
    ]
    links: Mapping[str, Address]


@dataclass(frozen=True)
class SubmittedAnswer(ChangeAnswer):
    """A change as the answer to its submission, with the token that is valid for this
    change alone.
    """

    change_token: str


# The values below, and the record of the decision in force, are what an answer is made from.


@dataclass(frozen=True, slots=True)
class Closed:
    """The result of the deployment. `notes` is the id of a text, or empty."""

    result: Result
    at: datetime
    notes: str = ""


class Life(NamedTuple):
    """The current state of a change, beside its decision. `state` takes expiry into account."""

    state: State
    submitted_at: datetime
    decided_at: datetime
    run: Run | None = None
    hold: Hold | None = None
    expires_at: datetime | None = None
    valid_until: datetime | None = None
    admitted_at: datetime | None = None
    closed: Closed | None = None
    incidents: Sequence[TiedIncident] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """One approval of one person.

    `comment` is the id of a text, or empty. `name` is the name that readers see.
    """

    person: str
    name: str | None
    at: datetime
    comment: str
    lapsed: bool


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The approvals so far.

    `missing` is the number of approvals that each entry still needs, or empty if people were not
    asked yet. `excluded` are the people who may not decide as of now, or None if they are those of
    the decision.
    """

    given: tuple[Given, ...] = ()
    missing: tuple[int, ...] = ()
    excluded: tuple[str, ...] | None = None


NOT_REVIEWED = Reviewed()


def change_answer(
    record: Record,
    reasons: Sequence[ReasonAnswer],
    life: Life,
    texts: Mapping[str, str],
    base_url: str,
    reviewed: Reviewed = NOT_REVIEWED,
) -> ChangeAnswer:
    """Return the whole change. `reasons` are those of its decision, and an erased text is null."""
    return ChangeAnswer(
        **vars(assessed(record, reasons, texts)),
        id=record.change,
        state=life.state,
        ref=record.asked.ref,
        run=run_answer(life.run),
        decision=DecisionNumber(record.number, record.at),
        subject_digest=record.subject_digest,
        approvals=approvals_answer(record, reviewed, texts),
        hold=hold_answer(life.hold, texts),
        submitted_at=life.submitted_at,
        decided_at=life.decided_at,
        expires_at=life.expires_at,
        valid_until=life.valid_until,
        admitted_at=life.admitted_at,
        closed=_closed(life.closed, texts),
        incidents=tuple(
            ChangeIncidentAnswer(one.id, texts.get(one.title), one.method)
            for one in life.incidents[:SHOWN_MAX]
        ),
        links=_links(record, life, base_url),
    )


def written_change(
    record: Record,
    policy: Policy | None,
    life: Life,
    texts: Mapping[str, str],
    base_url: str,
    kept: KeptReasons,
) -> bytes:
    """Return a change as JSON. It must be a change without approvals, as it is after its
    submission.
    """
    findings, facts = record.decision.findings, record.case.facts
    fragments = kept.of(findings, facts, policy, record.revisions.policies)
    # orjson writes fragments in place of reasons, and this value is used for nothing else.
    reasons = cast("tuple[ReasonAnswer, ...]", freeze_named(fragments, record, texts))
    return written(change_answer(record, reasons, life, texts, base_url))


def reasons_of(
    record: Record, policy: Policy | None, texts: Mapping[str, str]
) -> tuple[ReasonAnswer, ...]:
    """Return the reasons of a decision. `policy` is the one that made it."""
    found = reasons(record.decision.findings, record.case.facts, policy)
    return freeze_named(found, record, texts)


def judged(
    record: Record, reasons: Sequence[ReasonAnswer], texts: Mapping[str, str]
) -> JudgedAnswer:
    """Return what was asked for, and how it was judged."""
    asked, decision, subject = record.asked, record.decision, record.subject
    return JudgedAnswer(
        type=decision.type,
        route=decision.route,
        outcome=decision.outcome,
        service=subject.service,
        environment=subject.environment,
        repository=asked.repository,
        commit=subject.commit,
        base=asked.base,
        artifacts=asked.artifacts,
        requested_by=texts.get(asked.requested_by),
        authors=_known(asked.authors, texts),
        title=texts.get(asked.title, ""),
        risk=RiskAnswer(decision.score, decision.band.word),
        reasons=tuple(reasons),
        policy=policy_answer(record),
        standard_change=decision.standard_change,
        observed=observed_answer(decision.observed, texts),
    )


def assessed(
    record: Record, reasons: Sequence[ReasonAnswer], texts: Mapping[str, str]
) -> AssessedAnswer:
    """Return what was asked for, its reason and impact, and how it was judged."""
    given = record.asked.assessment
    return AssessedAnswer(
        **vars(judged(record, reasons, texts)),
        reason=texts.get(given.reason),
        security_impact=texts.get(given.security_impact),
        expected_outcome=texts.get(given.expected_outcome),
        customer_impact=texts.get(given.customer_impact),
        ticket=texts.get(given.ticket),
    )


def approvals_answer(
    record: Record, reviewed: Reviewed, texts: Mapping[str, str]
) -> ApprovalsAnswer:
    """Return the approvals that are needed, those that were given, and who may not give one."""
    given = tuple(
        GivenAnswer(one.person, one.name, one.at, texts.get(one.comment), one.lapsed)
        for one in reviewed.given
    )
    excluded = reviewed.excluded
    if excluded is None:
        excluded = record.case.people.excluded
    return ApprovalsAnswer(required_of(record, reviewed.missing), given, excluded)


def required_of(record: Record, missing: Sequence[int] = ()) -> tuple[RequiredAnswer, ...]:
    """Return the approvals that the decision asks for. Without `missing`, all of them
    are missing.
    """
    required = record.decision.required
    left = missing or [entry.count for entry in required]
    pairs = zip(required, left, strict=True)
    return tuple(required_answer(entry, lacking) for entry, lacking in pairs)


def _known(ids: Iterable[str], texts: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(texts[one] for one in ids if one in texts)


def _closed(closed: Closed | None, texts: Mapping[str, str]) -> ClosedAnswer | None:
    if closed is None:
        return None
    return ClosedAnswer(closed.result, closed.at, texts.get(closed.notes, ""))


def _links(record: Record, life: Life, base_url: str) -> dict[str, str]:
    address = f"{base_url}/v1/changes/{record.change}"
    links = {
        "self": address,
        "page": f"{base_url}/changes/{record.change}",
        "decisions": f"{address}/decisions",
    }
    if life.run is not None and life.run.url:
        links["run"] = life.run.url
    if len(life.incidents) > SHOWN_MAX:
        links["incidents"] = f"{base_url}/v1/incidents?change={record.change}"
    return links
