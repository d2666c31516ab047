"""Issues of a GitLab: what is an address of one, and what GitLab says of it."""

import pytest

from gate.core.change import Repository
from gate.core.learning.issues import IssueState
from gate.integrations.gitlab.facts import HEADERS, GitLab
from gate.integrations.gitlab.issues import GitLabIssues
from gate.integrations.http.rest import Rest
from tests.integrations.fake_github import opened_issue
from tests.integrations.fake_gitlab import PROJECT, TOKEN, FakeGitLab

URL = "https://gitlab.com"
PLACE = Repository(URL, PROJECT, "acme/shop/checkout")


def gitlab(known: FakeGitLab) -> GitLabIssues:
    """The fake as the gate asks it."""
    return GitLabIssues(GitLab(Rest(URL, HEADERS, known.open_client), TOKEN))


@pytest.mark.parametrize(
    "link",
    [
        "https://gitlab.com/acme/shop/other/-/issues/7",
        "https://gitlab.com/acme/shop/checkout/-/merge_requests/7",
        "https://gitlab.com/acme/shop/checkout/-/issues/0",
        "https://gitlab.com/acme/shop/checkout/-/issues/7/designs",
        "https://gitlab.com.evil.example/acme/shop/checkout/-/issues/7",
        "https://gitlab.com@evil.example/acme/shop/checkout/-/issues/7",
        "javascript://gitlab.com/acme/shop/checkout/-/issues/7",
    ],
)
def test_an_address_of_anything_else_is_no_issue(link: str) -> None:
    assert gitlab(FakeGitLab()).find(link, (PLACE,)) is None


@pytest.mark.parametrize("part", ["-/issues", "issues", "-/work_items"])
def test_an_issue_is_found_by_each_of_its_addresses(part: str) -> None:
    link = f"{URL}/acme/shop/checkout/{part}/7"

    assert gitlab(FakeGitLab()).find(link, (PLACE,)) == (PLACE, "7")


def test_a_project_without_a_name_or_of_another_gitlab_is_no_place() -> None:
    others = (Repository(URL, PROJECT), Repository("https://gitlab.example.com", 20, "acme/x"))

    assert gitlab(FakeGitLab()).place(others) is None
    assert gitlab(FakeGitLab()).place((*others, PLACE)) == PLACE


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("state", "seen"), [("opened", IssueState.OPEN), ("closed", IssueState.CLOSED)]
)
async def test_an_issue_is_read_as_gitlab_says(state: str, seen: IssueState) -> None:
    known = FakeGitLab(issues=[opened_issue(7) | {"iid": 7, "state": state}])

    found = await gitlab(known).read(PLACE, "7")

    assert found is not None
    assert (found.state, found.url) == (seen, f"{URL}/acme/shop/checkout/-/issues/7")
    assert await gitlab(known).read(PLACE, "8") is None
