"""Issues of a GitHub: where its pages are, with which right it is asked, and what is no issue."""

from typing import Any

import pytest

from gate.errors import SourceUnavailable
from gate.integrations.github.app import App
from gate.integrations.github.facts import HEADERS, PUBLIC_API, GitHub
from gate.integrations.github.issues import DENIED, PERMISSIONS, GitHubIssues, web_of
from gate.integrations.github.lent import TokenAccess
from gate.integrations.http.rest import Rest
from tests.integrations.fake_github import (
    APP_ID,
    FakeGitHub,
    app_key_text,
    opened_issue,
    reply,
)
from tests.integrations.github_answers import REPOSITORY

pytestmark = pytest.mark.anyio


def as_app(known: FakeGitHub) -> GitHubIssues:
    """The fake, asked as the App."""
    rest = Rest(PUBLIC_API, HEADERS, known.open_client)
    return GitHubIssues(GitHub(rest, App(APP_ID, app_key_text(), rest, permissions=PERMISSIONS)))


def with_token(known: FakeGitHub, token: str) -> GitHubIssues:
    """The fake, asked with a token of the operator."""
    rest = Rest(PUBLIC_API, HEADERS, known.open_client)
    return GitHubIssues(GitHub(rest, TokenAccess(rest, token, DENIED)))


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("https://github.example.com/api/v3", "https://github.example.com"),
        ("http://127.0.0.1:8081/api/v3", "http://127.0.0.1:8081"),
    ],
)
def test_the_pages_of_a_github_are_beside_its_interface(api: str, web: str) -> None:
    assert web_of(api) == web


async def test_an_app_without_the_right_says_which_one_it_needs() -> None:
    known = FakeGitHub()

    with pytest.raises(SourceUnavailable, match="it needs issues: write"):
        await as_app(known).read(REPOSITORY, "7")


async def test_the_app_asks_for_no_other_right_than_this_one() -> None:
    known = FakeGitHub(permissions=frozenset({"issues"}), issues=[opened_issue(7)])

    assert await as_app(known).read(REPOSITORY, "7") is not None
    assert PERMISSIONS == {"issues": "write"}


async def test_a_token_that_does_not_read_the_repository_is_named_and_not_shown() -> None:
    known = FakeGitHub(issues=[opened_issue(7)])

    with pytest.raises(SourceUnavailable) as denied:
        await with_token(known, "github_pat_wrong").read(REPOSITORY, "7")

    assert "GATE_GITHUB_ISSUES_TOKEN does not read acme/checkout" in denied.value.detail
    assert "github_pat_wrong" not in denied.value.detail


async def test_a_token_of_the_operator_reads_an_issue() -> None:
    known = FakeGitHub(issues=[opened_issue(7)], tokens={"github_pat_good": 1e11})

    found = await with_token(known, "github_pat_good").read(REPOSITORY, "7")

    assert found is not None
    assert found.url == "https://github.com/acme/checkout/issues/7"


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"pull_request": {}}, id="a pull request"),
        pytest.param({"number": 8}, id="another number, after a redirect"),
        pytest.param(
            {"repository_url": "https://api.github.com/repos/acme/other"}, id="another repository"
        ),
    ],
)
async def test_what_is_no_issue_of_this_repository_is_not_there(different: dict[str, Any]) -> None:
    known = FakeGitHub(permissions=frozenset({"issues"}))
    known.failing["/issues/7"] = reply(200, opened_issue(7) | different)

    assert await as_app(known).read(REPOSITORY, "7") is None


async def test_an_issue_that_was_deleted_is_not_there() -> None:
    known = FakeGitHub(permissions=frozenset({"issues"}))
    known.failing["/issues/7"] = reply(410, {"message": "This issue was deleted"})

    assert await as_app(known).read(REPOSITORY, "7") is None
