"""What GitHub remembers of deployments and incidents, page by page, and what it cannot talk us into."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.core.change import Repository, Result
from gate.errors import SourceUnavailable
from gate.integrations.code_host.past import Ended, IncidentQuery
from gate.integrations.code_host.place import PAST_PAGES_MAX
from gate.integrations.github.facts import HEADERS
from gate.integrations.github.lent import GitHubLender
from gate.integrations.github.past import GitHubPast
from gate.integrations.http.rest import Rest
from tests.builders import commit_of
from tests.integrations.fake_github import FakeGitHub, reply

pytestmark = pytest.mark.anyio

HERE = Repository("https://token.actions.githubusercontent.com", 1001, "acme/checkout")
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=90)


def at(hours: float) -> str:
    """So many hours ago, as GitHub writes it."""
    return (NOW - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def deployment(number: int, hours: float, **different: Any) -> dict[str, Any]:
    """As GitHub lists it."""
    usual = {
        "id": number,
        "sha": commit_of("a"),
        "ref": "main",
        "environment": "production",
        "created_at": at(hours),
    }
    return usual | different


def status(state: str, hours: float) -> dict[str, Any]:
    """One of a deployment."""
    return {"state": state, "created_at": at(hours)}


def remembering(**knows: Any) -> FakeGitHub:
    """A GitHub that takes one token."""
    return FakeGitHub(tokens={"ghs_x": 9e9}, **knows)


def past_of(known: FakeGitHub) -> GitHubPast:
    """As an import asks it."""
    rest = Rest("https://api.github.com", HEADERS, known.open_client)
    return GitHubPast(GitHubLender(rest).lent("ghs_x"))


async def ended(known: FakeGitHub, *skipped: str) -> list[Ended]:
    """All that have ended."""
    pages = past_of(known).deployments(HERE, SINCE, skipped)
    return [one.ended async for page in pages for one in page if one.ended is not None]


async def result(*statuses: dict[str, Any]) -> Result | None:
    """How GitHub says that one ended; newest first."""
    known = remembering(
        deployments={"production": [deployment(1, 5)]}, deployment_statuses={1: list(statuses)}
    )
    found = await ended(known)
    return found[0].result if found else None


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        pytest.param(["success", "in_progress"], Result.SUCCESSFUL, id="it went well"),
        pytest.param(["inactive", "success"], Result.SUCCESSFUL, id="and was replaced later"),
        pytest.param(["failure", "in_progress"], Result.UNSUCCESSFUL, id="it failed"),
        pytest.param(["error"], Result.UNSUCCESSFUL, id="it could not be tried"),
        pytest.param(["inactive", "failure"], Result.UNSUCCESSFUL, id="it failed, then replaced"),
        pytest.param(["in_progress", "queued"], None, id="it goes on"),
        pytest.param(["in_progress", "failure"], None, id="it is tried again"),
        pytest.param(["inactive"], None, id="nobody says how it ended"),
        pytest.param([], None, id="nothing is said"),
        pytest.param(["splendid"], None, id="a word that nobody knows"),
    ],
)
async def test_the_last_word_says_how_it_ended(states: list[str], wanted: Result | None) -> None:
    said = [status(state, hours) for hours, state in enumerate(states, 1)]

    assert await result(*said) == wanted


async def test_times_commit_environment_and_ref_are_taken_over() -> None:
    known = remembering(
        deployments={"production": [deployment(1, 5)]},
        deployment_statuses={1: [status("success", 4.5)]},
    )

    assert await ended(known) == [
        Ended(
            "1",
            "production",
            commit_of("a"),
            "main",
            NOW - timedelta(hours=5),
            NOW - timedelta(hours=4.5),
            Result.SUCCESSFUL,
        )
    ]


async def test_pages_are_read_until_they_are_too_old() -> None:
    listed = [deployment(number, (10 - number) * 24 * 20) for number in range(9, 0, -1)]
    known = remembering(
        deployments={"production": listed},
        deployment_statuses={number: [status("success", 1)] for number in range(1, 10)},
        page_size=2,
    )

    assert [one.key for one in await ended(known)] == ["9", "8", "7", "6"]
    assert known.asked("/deployments") == 3


async def test_what_is_known_costs_no_request() -> None:
    known = remembering(
        deployments={"production": [deployment(2, 4), deployment(1, 5)]},
        deployment_statuses={number: [status("success", 1)] for number in (1, 2)},
    )

    assert [one.key for one in await ended(known, "1")] == ["2"]
    assert known.asked("/statuses") == 1


@pytest.mark.parametrize(
    "different",
    [
        {"sha": "main"},
        {"sha": "../../../user"},
        {"sha": "a" * 41},
    ],
)
async def test_what_is_no_commit_is_no_deployment(different: dict[str, Any]) -> None:
    known = remembering(
        deployments={"production": [deployment(1, 5, **different)]},
        deployment_statuses={1: [status("success", 1)]},
    )

    assert await ended(known) == []


@pytest.mark.parametrize(
    "different", [{"id": "1/../../../user"}, {"id": -1}, {"created_at": "9999"}, {"sha": 7}]
)
async def test_a_hostile_answer_is_no_answer(different: dict[str, Any]) -> None:
    known = remembering(deployments={"production": [deployment(1, 5)]})
    listed = [deployment(1, 5) | different]
    known.failing = {"/deployments": reply(200, listed)}

    with pytest.raises(SourceUnavailable):
        await ended(known)


async def test_the_next_page_is_never_asked_for_at_an_address_that_an_answer_names() -> None:
    known = remembering()
    link = '<https://evil.example/repos/acme/checkout/deployments?page=2>; rel="next"'
    known.failing = {"/deployments": reply(200, [], link=link)}

    await ended(known)

    assert {request.url.host for request in known.requests} == {"api.github.com"}
    assert len(known.requests) <= PAST_PAGES_MAX + 1


async def test_a_token_for_another_repository_reads_nothing() -> None:
    known = remembering(repositories={"acme/checkout": 9})

    with pytest.raises(SourceUnavailable, match="is not repository 1001"):
        await ended(known)


async def test_issues_with_the_label_are_incidents_and_pull_requests_are_not() -> None:
    def issue(number: int, hours: float, **different: Any) -> dict[str, Any]:
        usual = {"number": number, "created_at": at(hours), "closed_at": None}
        return usual | {"labels": [{"name": "incident"}]} | different

    known = remembering(
        issues=[
            issue(5, 1, pull_request={}),
            issue(4, 2),
            issue(3, 3, closed_at=at(2)),
            issue(2, 4, labels=[{"name": "bug"}]),
            issue(1, 24 * 91),
        ]
    )

    pages = past_of(known).incidents(HERE, IncidentQuery("github", "checkout", "incident", SINCE))
    found = [one async for page in pages for one in page]

    assert [(one.key, one.resolved_at is not None) for one in found] == [
        ("issue 4", False),
        ("issue 3", True),
    ]
