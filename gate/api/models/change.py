"""Requests about one change: to submit, evaluate, admit, close or cancel it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Self, TypeAlias

from pydantic import Field, model_validator

from gate.api.models.claims import ClaimedFacts, Labels, claims_of
from gate.api.models.fields import (
    ARTIFACTS_MAX,
    AUTHORS_MAX,
    ChangeId,
    Commit,
    Digest,
    Instant,
    Line,
    Link,
    LinkOrNone,
    LongText,
    Name,
    Number,
    Reason,
    RequestModel,
)
from gate.core.change import (
    Artifact,
    Assessment,
    Change,
    Emergency,
    Planned,
    Repository,
    Result,
    Run,
)
from gate.core.workload import Workload
from gate.flow.caller import Caller
from gate.flow.commands import AdmissionCommand, ClosureCommand


class RepositoryRequest(RequestModel):
    """A repository, which is identified by issuer and numeric id. The name is only shown."""

    issuer: Link
    id: Number
    name: Line | None = None

    def value(self) -> Repository:
        """Return the repository as a value of the core."""
        return Repository(self.issuer, self.id, self.name or "")


class ArtifactRequest(RequestModel):
    """An artifact to deploy, which is identified by its digest. The name is only shown."""

    name: Name
    digest: Digest

    def value(self) -> Artifact:
        """Return the artifact as a value of the core."""
        return Artifact(self.name, self.digest)


Artifacts: TypeAlias = Annotated[tuple[ArtifactRequest, ...], Field(max_length=ARTIFACTS_MAX)]


class RunRequest(RequestModel):
    """The pipeline run that sends the request: `run_id` and `run_attempt` of GitHub, `pipeline_id`
    and `job_id` of GitLab.
    """

    id: Name
    attempt: Number | None = None
    step: Line | None = None
    url: LinkOrNone | None = None

    def value(self, by: Caller) -> Run:
        """Return the run as a value of the core.

        Without an attempt it is the attempt of the caller's identity token, or else 1.
        """
        attempt = self.attempt
        if attempt is None:
            attempt = by.run.attempt if isinstance(by, Workload) else 1
        return Run(self.id, attempt, self.step or "", self.url or "")


class EmergencyRequest(RequestModel):
    """The reason why the change cannot wait, and the incident that it answers."""

    reason: Reason
    incident: Name


class PlannedRequest(RequestModel):
    """The time in which the deployment is planned. Either end may be open."""

    start: Instant | None = None
    end: Instant | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_order("start", self.start, "end", self.end)
        return self


class ChangeRequest(RequestModel):
    """One intended deployment of one commit of one service to one environment."""

    service: Name
    environment: Name
    commit: Commit
    base: Commit | None = None
    ref: Name | None = None
    repository: RepositoryRequest | None = None
    artifacts: Artifacts | None = None
    run: RunRequest | None = None
    requested_by: Name | None = None
    authors: Annotated[tuple[Name, ...], Field(max_length=AUTHORS_MAX)] | None = None
    title: Line | None = None
    description: LongText | None = None
    impact: LongText | None = None
    rollback_plan: LongText | None = None
    test_plan: LongText | None = None
    reason: LongText | None = None
    security_impact: LongText | None = None
    expected_outcome: LongText | None = None
    customer_impact: LongText | None = None
    ticket: Line | None = None
    emergency: EmergencyRequest | None = None
    planned: PlannedRequest | None = None
    remediates: ChangeId | None = None
    facts: ClaimedFacts | None = None
    labels: Labels | None = None

    def change(self, by: Caller) -> Change:
        """Return the change that is requested. Raises `Invalid` for claims that no
        caller may make.
        """
        return Change(
            service=self.service,
            environment=self.environment,
            commit=self.commit,
            base=self.base,
            ref=self.ref,
            repository=self.repository.value() if self.repository else None,
            artifacts=_values(self.artifacts),
            run=self.run.value(by) if self.run else None,
            requested_by=self.requested_by,
            authors=self.authors or (),
            title=self.title or "",
            description=self.description or "",
            impact=self.impact or "",
            rollback_plan=self.rollback_plan or "",
            test_plan=self.test_plan or "",
            assessment=Assessment(
                self.reason or "",
                self.security_impact or "",
                self.expected_outcome or "",
                self.customer_impact or "",
                self.ticket or "",
            ),
            emergency=Emergency(self.emergency.reason, self.emergency.incident)
            if self.emergency
            else None,
            planned=Planned(self.planned.start, self.planned.end) if self.planned else Planned(),
            remediates=self.remediates,
            claims=claims_of(self.facts or {}, self.labels or {}),
        )


class AdmissionRequest(RequestModel):
    """What is about to be deployed. It must equal what was approved, field by field."""

    commit: Commit
    artifacts: Artifacts | None = None
    environment: Name
    run: RunRequest

    def command(self, by: Caller) -> AdmissionCommand:
        """Return the request as a command of the flow."""
        return AdmissionCommand(
            self.commit, _values(self.artifacts), self.environment, self.run.value(by)
        )


class ClosureRequest(RequestModel):
    """The result of the deployment."""

    result: Result
    notes: LongText | None = None
    started_at: Instant | None = None
    finished_at: Instant | None = None
    run: RunRequest | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_order("started_at", self.started_at, "finished_at", self.finished_at, together=True)
        return self

    def command(self, by: Caller) -> ClosureCommand:
        """Return the request as a command of the flow."""
        run = self.run.value(by) if self.run else None
        return ClosureCommand(self.result, self.notes or "", self.started_at, self.finished_at, run)


class CancellationRequest(RequestModel):
    """The reason for canceling the change."""

    comment: LongText | None = None


def _values(artifacts: Iterable[ArtifactRequest] | None) -> tuple[Artifact, ...]:
    return tuple(map(ArtifactRequest.value, artifacts or ()))


def _check_order(
    first: str,
    begins: datetime | None,
    second: str,
    ends: datetime | None,
    *,
    together: bool = False,
) -> None:
    if (
        begins is not None
        and ends is not None
        and (begins > ends or (begins == ends and not together))
    ):
        raise ValueError(f"{second} {ends.isoformat()} is not after {first} {begins.isoformat()}")
