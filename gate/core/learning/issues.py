"""An issue at GitHub, GitLab or Jira as values: what is opened there for an item of the register,
and what is read of it again.

The item stays in the register. Its issue is where people work on it, and never closes it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TrackerName(StrEnum):
    """The systems whose issues an item may follow."""

    GITHUB = "github"
    GITLAB = "gitlab"
    JIRA = "jira"


class IssueState(StrEnum):
    """The state of the issue that an item follows."""

    # It is not opened yet; the request to do so waits for its tracker.
    ASKED = "asked"
    # The request was given up.
    NOT_OPENED = "not_opened"
    OPEN = "open"
    CLOSED = "closed"
    # Deleted, moved elsewhere, or no more to be seen with the credential of the gate.
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class IssueDraft:
    """What an issue is opened with.

    `title` and `lines` contain texts of people, which must have no effect at the tracker. The
    `mark` is a word that nobody can guess, and stands in the issue: before the issue is opened
    once more, because an answer was lost, one with the mark is looked for among those that were
    opened since `asked_at`.
    """

    title: str
    lines: tuple[str, ...]
    page: str
    mark: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue as its tracker describes it. `number` is its name in its place."""

    number: str
    url: str
    state: IssueState
