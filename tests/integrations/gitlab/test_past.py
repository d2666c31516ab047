"""What GitLab remembers of deployments and incidents, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.core.change import Repository, Result
from gate.errors import SourceUnavailable
from gate.integrations.code_host.past import Ended, IncidentQuery
from gate.integrations.gitlab.facts import HEADERS, GitLab
from gate.integrations.gitlab.past import GitLabPast
from gate.integrations.http.rest import Rest
from tests.builders import commit_of
from tests.integrations.fake_github import reply
from tests.integrations.fake_gitlab import PROJECT, TOKEN, FakeGitLab

pytestmark = pytest.mark.anyio

HERE = Repository("https://gitlab.example.com", PROJECT)
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=90)


def at(hours: float) -> str:
    """So many hours ago, as GitLab writes it."""
    return (NOW - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def deployment(number: int, hours: float, status: str = "success", **more: Any) -> dict[str, Any]:
    """As GitLab lists it."""
    usual = {
        "id": number,
        "sha": commit_of("a"),
        "ref": "main",
        "status": status,
        "environment": {"name": "production"},
        "created_at": at(hours),
        "updated_at": at(hours - 0.5),
        "deployable": {"finished_at": at(hours - 0.1)},
    }
    return usual | more


def past_of(known: FakeGitLab) -> GitLabPast:
    """As an import asks it."""
    return GitLabPast(GitLab(Rest(HERE.issuer, HEADERS, known.open_client), TOKEN))


async def ended(known: FakeGitLab, *skipped: str) -> list[Ended]:
    """All that have ended."""
    pages = past_of(known).deployments(HERE, SINCE, skipped)
    return [one.ended async for page in pages for one in page if one.ended is not None]


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("success", Result.SUCCESSFUL),
        ("failed", Result.UNSUCCESSFUL),
        ("running", None),
        ("canceled", None),
        ("blocked", None),
        ("splendid", None),
    ],
)
async def test_the_status_says_how_it_ended(status: str, result: Result | None) -> None:
    found = await ended(FakeGitLab(deployments=[deployment(1, 5, status)]))

    assert [one.result for one in found] == ([] if result is None else [result])


async def test_times_commit_environment_and_ref_are_taken_over() -> None:
    bare = deployment(2, 3, deployable=None)

    found = await ended(FakeGitLab(deployments=[deployment(1, 5), bare]))

    assert [(one.key, one.environment, one.commit, one.ref) for one in found] == [
        ("1", "production", commit_of("a"), "main"),
        ("2", "production", commit_of("a"), "main"),
    ]
    assert [NOW - one.ended_at for one in found] == [
        timedelta(hours=4.9),
        # one that the interface made has no job; then it is the last change of the deployment
        timedelta(hours=2.5),
    ]


async def test_pages_are_read_oldest_first_and_what_is_older_is_not_asked_for() -> None:
    listed = [deployment(number, (10 - number) * 24 * 20) for number in range(9, 0, -1)]

    assert [one.key for one in await ended(FakeGitLab(deployments=listed, page_size=2))] == [
        "6",
        "7",
        "8",
        "9",
    ]


async def test_what_is_known_is_left_out() -> None:
    known = FakeGitLab(deployments=[deployment(2, 4), deployment(1, 5)])

    assert [one.key for one in await ended(known, "1")] == ["2"]


@pytest.mark.parametrize("different", [{"id": "1/../2"}, {"created_at": 7}, {"environment": None}])
async def test_a_hostile_answer_is_no_answer(different: dict[str, Any]) -> None:
    known = FakeGitLab(failing={"/deployments": reply(200, [deployment(1, 5) | different])})

    with pytest.raises(SourceUnavailable):
        await ended(known)


async def test_issues_with_the_label_are_incidents() -> None:
    issues = [
        {"iid": 4, "created_at": at(2), "closed_at": None},
        {"iid": 3, "created_at": at(3), "closed_at": at(2)},
    ]
    known = FakeGitLab(answers={"/issues": issues})

    pages = past_of(known).incidents(HERE, IncidentQuery("gitlab", "checkout", "incident", SINCE))
    found = [one async for page in pages for one in page]

    assert [(one.key, one.resolved_at is not None) for one in found] == [
        ("issue 4", False),
        ("issue 3", True),
    ]
    assert known.requests[0].url.params["labels"] == "incident"
