"""Answers about the register of improvements: what the gate proposes, and items of people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gate.core.facts import DECIMAL_UNIT
from gate.core.learning.improvements import Figure, Movement, Priority, Signal, movement
from gate.core.learning.issues import IssueState, TrackerName
from gate.storage.figures.improvements import Improvement
from gate.storage.figures.issues import FollowedIssue


@dataclass(frozen=True)
class CauseAnswer:
    """An incident that belongs to the evidence. A null `title` was erased."""

    id: str
    title: str | None


@dataclass(frozen=True)
class ProposalAnswer:
    """Something that may be worth an experiment, with what it was found by.

    `changes` are the newest that it was found by, and `page` is where all of them are. An item that
    names the `id` takes the proposal.
    """

    id: str
    signal: Signal
    service: str
    environment: str
    evidence: str
    n: int
    figure: Annotated[Figure, Field(description="what an item would be measured by")]
    changes: tuple[str, ...]
    incidents: tuple[CauseAnswer, ...]
    page: str


@dataclass(frozen=True)
class ProposalsAnswer:
    """The proposals of now, without those of which an item is open."""

    proposals: tuple[ProposalAnswer, ...]


@dataclass(frozen=True)
class ReadingAnswer:
    """The figure over the `days` of the item before this instant. A null value: nothing was
    counted.
    """

    value: float | None
    n: int
    at: datetime


@dataclass(frozen=True)
class IssueAnswer:
    """The issue that an item follows at its tracker. Its number is null until it is opened.

    `asked`: it is being opened; `not_opened`: that was given up. `closed` there closes no item.
    `seen_at` is when its state was read last, and `trouble` why it could not be opened or read.
    """

    tracker: TrackerName
    place: Annotated[str, Field(description="the repository or project that it is in")]
    number: str | None
    name: Annotated[str, Field(description="what people call it, such as acme/checkout#12")]
    url: str | None
    state: IssueState
    seen_at: datetime | None
    trouble: str | None


@dataclass(frozen=True)
class ImprovementAnswer:
    """One item: an experiment, who answers for it until when, and its figure before and after.

    `after` is null until the due date. A text that was erased is null.
    """

    id: str
    proposal: str | None
    experiment: str | None
    owner: str
    priority: Priority
    link: str | None
    issue: IssueAnswer | None
    service: str
    environment: str
    figure: Figure
    days: int
    before: ReadingAnswer
    due_at: datetime
    after: ReadingAnswer | None
    movement: Movement | None
    created_at: datetime
    created_by: str
    finding: str | None
    closed_at: datetime | None
    closed_by: str | None


def improvement_answer(
    item: Improvement, said: Mapping[str, str], followed: FollowedIssue | None
) -> ImprovementAnswer:
    """Return the item as it is shown. `said` are the texts by their ids."""
    after = None
    if item.after_at is not None:
        after = ReadingAnswer(_value(item.after_value), item.after_n or 0, item.due_at)
    moved = None
    if item.after_value is not None:
        moved = movement(item.figure, item.before_value, item.after_value)
    return ImprovementAnswer(
        id=item.id,
        proposal=item.proposal,
        experiment=said.get(item.experiment),
        owner=item.owner,
        priority=item.priority,
        link=item.link,
        issue=None if followed is None else _issue(followed),
        service=item.service,
        environment=item.environment,
        figure=item.figure,
        days=item.days,
        before=ReadingAnswer(_value(item.before_value), item.before_n, item.created_at),
        due_at=item.due_at,
        after=after,
        movement=moved,
        created_at=item.created_at,
        created_by=item.created_by,
        finding=said.get(item.finding or ""),
        closed_at=item.closed_at,
        closed_by=item.closed_by,
    )


def _issue(followed: FollowedIssue) -> IssueAnswer:
    name = f"{followed.place}#{followed.number}" if followed.number else followed.place
    if followed.number and followed.tracker is TrackerName.JIRA:
        # The key of an issue begins with its project.
        name = followed.number
    return IssueAnswer(
        tracker=followed.tracker,
        place=followed.place,
        number=followed.number,
        name=name,
        url=followed.url,
        state=followed.state,
        seen_at=followed.seen_at,
        trouble=followed.error,
    )


def _value(kept: int | None) -> float | None:
    return None if kept is None else kept / DECIMAL_UNIT
