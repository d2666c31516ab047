"""What is asked about a change: submit or evaluate it, admit it, close it, cancel it."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gate.api.models.claims import ClaimedFacts, Labels, claims_of
from gate.api.models.fields import (
    ARTIFACTS_MAX,
    AUTHORS_MAX,
    Asked,
    ChangeId,
    Commit,
    Digest,
    Instant,
    Line,
    Link,
    LongText,
    Name,
    Number,
    Reason,
)
from gate.core.change import Artifact, Change, EmergencyAsk, Planned, Repository, Result, Run
from gate.core.workload import Workload
from gate.flow.asks import AdmissionAsk, ClosureAsk
from gate.flow.caller import Caller


class RepositoryAsk(Asked):
    """A repository is its issuer and numeric id; the name is only for eyes."""

    issuer: Link
    id: Number
    name: Line = ""

    def value(self) -> Repository:
        """The same as the core knows it."""
        return Repository(self.issuer, self.id, self.name)


class ArtifactAsk(Asked):
    """What is deployed. The digest counts; the name is for eyes."""

    name: Name
    digest: Digest

    def value(self) -> Artifact:
        """The same as the core knows it."""
        return Artifact(self.name, self.digest)


class RunAsk(Asked):
    """The pipeline run that asks: GitHub's `run_id` and `run_attempt`, GitLab's `pipeline_id` and `job_id`."""

    id: Name
    attempt: Number = 1
    step: Line = ""
    url: Link | Literal[""] = ""

    def value(self, by: Caller) -> Run:
        """The same as the core knows it. An attempt that is not given is that of the caller's token, where it has one."""
        attempt = by.run.attempt if isinstance(by, Workload) and "attempt" not in self.model_fields_set else self.attempt
        return Run(self.id, attempt, self.step, self.url)


class EmergencyRequest(Asked):
    """Why it cannot wait, and the incident it answers."""

    reason: Reason
    incident: Name


class PlannedRequest(Asked):
    """When the deployment is meant to happen; either end may be open."""

    start: Instant | None = None
    end: Instant | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_order("start", self.start, "end", self.end)
        return self


class ChangeRequest(Asked):
    """One intended deployment of one commit of one service to one environment."""

    service: Name
    environment: Name
    commit: Commit
    base: Commit | None = None
    ref: Name | None = None
    repository: RepositoryAsk | None = None
    artifacts: Annotated[tuple[ArtifactAsk, ...], Field(max_length=ARTIFACTS_MAX)] = ()
    run: RunAsk | None = None
    requested_by: Name | None = None
    authors: Annotated[tuple[Name, ...], Field(max_length=AUTHORS_MAX)] = ()
    title: Line = ""
    description: LongText = ""
    impact: LongText = ""
    rollback_plan: LongText = ""
    test_plan: LongText = ""
    emergency: EmergencyRequest | None = None
    planned: PlannedRequest | None = None
    remediates: ChangeId | None = None
    facts: ClaimedFacts = Field(default_factory=dict)
    labels: Labels = Field(default_factory=dict)

    def change(self, by: Caller) -> Change:
        """The change that is asked for. Raises `Invalid` for claims that nobody may make."""
        return Change(
            service=self.service,
            environment=self.environment,
            commit=self.commit,
            base=self.base,
            ref=self.ref,
            repository=self.repository.value() if self.repository else None,
            artifacts=tuple(map(ArtifactAsk.value, self.artifacts)),
            run=self.run.value(by) if self.run else None,
            requested_by=self.requested_by,
            authors=self.authors,
            title=self.title,
            description=self.description,
            impact=self.impact,
            rollback_plan=self.rollback_plan,
            test_plan=self.test_plan,
            emergency=EmergencyAsk(self.emergency.reason, self.emergency.incident) if self.emergency else None,
            planned=Planned(self.planned.start, self.planned.end) if self.planned else Planned(),
            remediates=self.remediates,
            claims=claims_of(self.facts, self.labels),
        )


class AdmissionRequest(Asked):
    """What is about to be deployed: it must equal, field by field, what was approved."""

    commit: Commit
    artifacts: Annotated[tuple[ArtifactAsk, ...], Field(max_length=ARTIFACTS_MAX)] = ()
    environment: Name
    run: RunAsk

    def ask(self, by: Caller) -> AdmissionAsk:
        """The same as the flow knows it."""
        return AdmissionAsk(self.commit, tuple(map(ArtifactAsk.value, self.artifacts)), self.environment, self.run.value(by))


class ClosureRequest(Asked):
    """How the deployment ended."""

    result: Result
    notes: LongText = ""
    started_at: Instant | None = None
    finished_at: Instant | None = None
    run: RunAsk | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_order("started_at", self.started_at, "finished_at", self.finished_at, together=True)
        return self

    def ask(self, by: Caller) -> ClosureAsk:
        """The same as the flow knows it."""
        return ClosureAsk(self.result, self.notes, self.started_at, self.finished_at, self.run.value(by) if self.run else None)


class CancellationRequest(Asked):
    """Why the change is withdrawn."""

    comment: LongText = ""


def _check_order(first: str, begins: datetime | None, second: str, ends: datetime | None, *, together: bool = False) -> None:
    if begins is not None and ends is not None and (begins > ends or (begins == ends and not together)):
        raise ValueError(f"{second} {ends.isoformat()} is not after {first} {begins.isoformat()}")
