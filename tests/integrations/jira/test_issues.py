"""Issues of a Jira: Cloud and servers of one's own, and only those of the configured project."""

from datetime import UTC, datetime

import pytest

from gate.core.change import Repository
from gate.core.learning.issues import IssueDraft, IssueState
from gate.errors import SourceUnavailable
from gate.integrations.http.rest import Rest
from gate.integrations.jira.issues import HEADERS, JiraIssues, credential
from tests.integrations.fake_github import reply
from tests.integrations.fake_jira import PROJECT, TOKEN, URL, USER, FakeJira

pytestmark = pytest.mark.anyio

PLACE = Repository(URL, 0, PROJECT)


def jira(known: FakeJira) -> JiraIssues:
    """The fake as the gate asks it."""
    return JiraIssues(Rest(URL, HEADERS, known.open_client), credential(USER, TOKEN), PROJECT)


def draft() -> IssueDraft:
    """One of an item."""
    at = datetime.now(UTC)
    return IssueDraft("Round {once}", ("Round {once}",), "https://gate.example.com", "gate0", at)


@pytest.mark.parametrize(
    "link",
    [
        f"{URL}/browse/OTHER-1",
        f"{URL}/browse/OPS-0",
        f"{URL}/browse/OPS-1/../../x",
        f"{URL}.evil.example/browse/OPS-1",
        f"{URL}/projects/OPS/issues/OPS-1",
        "https://evil.example/browse/OPS-1",
        "javascript:alert(1)/browse/OPS-1",
    ],
)
def test_an_address_elsewhere_is_no_issue(link: str) -> None:
    assert jira(FakeJira()).find(link, ()) is None


def test_an_issue_of_the_project_is_found_by_its_address() -> None:
    assert jira(FakeJira()).find(f"{URL}/browse/OPS-12", ()) == (PLACE, "OPS-12")


@pytest.mark.parametrize("is_cloud", [True, False])
async def test_it_is_opened_once_at_cloud_and_at_a_server(*, is_cloud: bool) -> None:
    known = FakeJira(is_cloud=is_cloud)

    first = await jira(known).open(PLACE, draft())
    second = await jira(known).open(PLACE, draft())

    assert first == second
    assert list(known.issues) == ["OPS-1"]
    assert known.issues["OPS-1"]["fields"]["summary"] == "Round (once)"


@pytest.mark.parametrize(
    ("category", "state"),
    [
        ("new", IssueState.OPEN),
        ("indeterminate", IssueState.OPEN),
        ("undefined", IssueState.OPEN),
        ("done", IssueState.CLOSED),
    ],
)
async def test_a_status_counts_by_its_category(category: str, state: IssueState) -> None:
    known = FakeJira()
    await jira(known).open(PLACE, draft())
    known.set_category("OPS-1", category)

    found = await jira(known).read(PLACE, "OPS-1")

    assert found is not None
    assert found.state is state


async def test_an_answer_of_another_shape_is_no_issue() -> None:
    known = FakeJira(failing={"/issue/": reply(200, {"key": "<b>", "fields": {}})})

    with pytest.raises(SourceUnavailable, match="no key of an issue"):
        await jira(known).read(PLACE, "OPS-1")


def test_a_server_is_asked_with_its_own_token_and_none_is_shown() -> None:
    by = credential("", "secret-token")

    assert by.headers == {"Authorization": "Bearer secret-token"}
    assert "secret-token" not in repr(by)
