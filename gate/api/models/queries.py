"""Query parameters: filters and parts of lists."""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from gate.api.models.fields import (
    SHA256,
    ChangeId,
    Commit,
    CommitBegin,
    Digest,
    Instant,
    Name,
    RequestModel,
)
from gate.core.change import State
from gate.core.decision.values import Band, BandWord, ChangeType, Outcome, Route
from gate.core.facts import INTEGER_MAX, TEXT_LENGTH_MAX
from gate.flow.commands import PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, WAIT_SECONDS_MAX, Part
from gate.flow.policies.standard_changes import StandardChangeFilters
from gate.flow.queries.verdict import VerdictQuery
from gate.storage.changes.change_list import ChangeFilters
from gate.storage.changes.log import LogFilters

CURSOR_LENGTH_MAX = 500

Words: TypeAlias = Annotated[
    str,
    StringConstraints(max_length=TEXT_LENGTH_MAX),
    Field(
        description="every word must occur; 7 or more of the first characters stand for a commit"
    ),
]

ActKind: TypeAlias = Literal[
    "decision",
    "act",
    "all",
    "approval",
    "rejection",
    "lapse",
    "override",
    "cancellation",
    "post_review",
    "freeze",
    "registration",
    "activation",
    "standard_change",
    "incident",
    "link",
    "improvement",
    "notice",
    "token",
    "role",
    "erasure",
    "key",
    "epoch",
]
"""The kinds of rows in the log, and the words for several kinds together."""

Sha256Text: TypeAlias = Annotated[str, StringConstraints(pattern=SHA256)]


class PartQuery(RequestModel):
    """The part of a list that is requested."""

    begins: Annotated[
        Instant | None, Field(alias="from", description="not before this instant")
    ] = None
    ends: Annotated[Instant | None, Field(alias="to", description="before this instant")] = None
    cursor: Annotated[
        str | None, Field(max_length=CURSOR_LENGTH_MAX, description="`next` of the part before")
    ] = None
    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX)] = PAGE_ITEMS_DEFAULT

    def part(self) -> Part:
        """Return the parameters as a part of a list."""
        return Part(self.begins, self.ends, self.cursor, self.limit)

    def own(self) -> dict[str, Any]:
        """Return the parameters that this list adds to those of every list.

        They are its filters, named like the fields of the value that they become.
        """
        return {name: value for name, value in self if name not in PartQuery.model_fields}


class VerdictRequest(RequestModel):
    """What a controller is about to deploy. Either commit or digest is needed."""

    commit: Commit | None = None
    digest: Digest | None = None

    def query(self, service: str, environment: str) -> VerdictQuery:
        """Return the parameters as a query of the flow."""
        return VerdictQuery(service, environment, **dict(self))


class ChangesQuery(PartQuery):
    """The filters of changes."""

    state: State | None = None
    service: Name | None = None
    environment: Name | None = None
    type: ChangeType | None = None
    band: BandWord | None = None
    outcome: Outcome | None = None
    words: Annotated[Words, Field(alias="q")] = ""

    def filters(self) -> ChangeFilters:
        """Return the parameters as filters of the list."""
        return ChangeFilters(**{**self.own(), "band": self.band and Band.of(self.band)})


class LogQuery(PartQuery):
    """The filters of the log, and its format. `ndjson` and `csv` are one stream of all rows.

    `kind` can ask for acts of people too.
    """

    kind: Annotated[
        ActKind,
        Field(
            description="decisions alone; `act` is what people did to changes and to the gate, "
            "`all` is both; the others are acts of one kind. A filter that is about changes finds "
            "the acts about those that fit."
        ),
    ] = "decision"
    service: Name | None = None
    environment: Name | None = None
    type: ChangeType | None = None
    route: Route | None = None
    band: BandWord | None = None
    outcome: Outcome | None = None
    policy: Annotated[Name | None, Field(description="name of a policy")] = None
    revision: Annotated[Sha256Text | None, Field(description="of the policies")] = None
    standard_change: Name | None = None
    change: ChangeId | None = None
    commit: Annotated[
        CommitBegin | None, Field(description="7 or more of its first characters")
    ] = None
    run: Annotated[Name | None, Field(description="id of a pipeline run")] = None
    repository: Annotated[
        int | None,
        Field(ge=1, le=INTEGER_MAX, description="numeric id, together with its `issuer`"),
    ] = None
    issuer: Name | None = None
    words: Annotated[Words, Field(alias="q")] = ""
    format: Literal["json", "ndjson", "csv"] = "json"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.repository is None) != (self.issuer is None):
            raise ValueError("a repository is its issuer and its numeric id; give both, or neither")
        return self

    def filters(self) -> LogFilters:
        """Return the parameters as filters of the log."""
        own = {**self.own(), "band": self.band and Band.of(self.band)}
        del own["format"]
        return LogFilters(**own)


class StandardChangesQuery(PartQuery):
    """The filters of standard changes."""

    service: Name | None = None
    environment: Name | None = None

    def filters(self) -> StandardChangeFilters:
        """Return the parameters as filters of the list."""
        return StandardChangeFilters(**self.own())


class WaitQuery(RequestModel):
    """How long to wait for the change to leave `pending`."""

    wait: Annotated[int, Field(ge=0, le=WAIT_SECONDS_MAX, description="seconds")] = 0


class ProofQuery(RequestModel):
    """The entry of a change that is to be proved, and how long to wait until it is signed."""

    kind: Annotated[
        Literal[
            "decision", "approval", "rejection", "admission", "closure", "cancellation", "expiry"
        ],
        Field(description="the newest entry of this kind"),
    ] = "decision"
    wait: Annotated[int, Field(ge=0, le=WAIT_SECONDS_MAX, description="seconds")] = 0


class ReplayQuery(RequestModel):
    """The decision of a change that is to be replayed."""

    decision: Annotated[
        int | None, Field(ge=1, le=INTEGER_MAX, description="its number; the one in force")
    ] = None


class CalendarQuery(RequestModel):
    """The days and the place of the schedule."""

    begins: Annotated[
        Instant | None, Field(alias="from", description="now, if nothing is said")
    ] = None
    ends: Annotated[Instant | None, Field(alias="to")] = None
    service: Name | None = None
    environment: Name | None = None


class SyncWindowsQuery(RequestModel):
    """The applications of Argo CD that the windows cover."""

    applications: Annotated[
        str,
        Field(
            min_length=1,
            max_length=TEXT_LENGTH_MAX,
            pattern=r"^[A-Za-z0-9*?._/-]+(,[A-Za-z0-9*?._/-]+)*$",
            description="globs for the names of applications, with commas between; all without it",
        ),
    ] = "*"

    @property
    def globs(self) -> list[str]:
        """The globs as a list."""
        return self.applications.split(",")
