"""Every real answer of a code host is read by whoever asks for it, or nobody asks for it and this
says why.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.integrations.github import read as github_read
from gate.integrations.gitlab import read as gitlab_read
from gate.integrations.http import shapes
from gate.integrations.http.shapes import Misshapen
from tests.builders import commit_of
from tests.integrations.bent import bent
from tests.shared_data import shared

NOTHING = commit_of("0")
Reader = Callable[[Any], Any]


def listed(reader: Reader) -> Reader:
    """For an answer that is a list, as whoever asks finds out first."""
    return lambda body: reader(shapes.items([body], 0))


def _all_of(read: Any, seen: Any) -> Any:
    """Everything that is taken from a comparison."""
    found = [
        (one.subject, one.repairs, one.reverts, one.co_authors, one.is_merge)
        for one in seen.messages
    ]
    return seen.files, read.hands(seen.commits), read.authors(seen.commits), found


READ: Mapping[str, Reader] = {
    "github-rest/check-runs.json": lambda body: github_read.check_facts(
        shapes.items(body, "check_runs"), [], None
    ),
    "github-rest/commit-pulls.json": listed(lambda body: github_read.pull_requests(body, NOTHING)),
    "github-rest/compare.json": lambda body: _all_of(github_read, github_read.compared(body)),
    "github-rest/deployment-statuses.json": listed(github_read.deployed),
    "github-rest/deployments-list.json": listed(
        lambda body: [(shapes.number(one, "id"), shapes.text(one, "sha")) for one in body]
    ),
    "github-rest/installation-access-token.json": lambda body: (
        shapes.text(body, "token"),
        shapes.instant(body, "expires_at"),
        shapes.text(body, "repositories", 0, "full_name"),
    ),
    "github-rest/pending-deployments.json": listed(
        lambda body: [shapes.text(one, "environment", "name") for one in body]
    ),
    "github-rest/pull-reviews.json": listed(
        lambda body: github_read.reviews([github_read.Reviewed(body, NOTHING)])
    ),
    "gitlab-rest/get_commit.json": lambda body: _all_of(
        gitlab_read, gitlab_read.compared({"commits": [body], "diffs": []})
    ),
    "gitlab-rest/get_merge_request.json": lambda body: gitlab_read.merge_requests([body], NOTHING),
    "gitlab-rest/list_merge_request_diff.json": lambda body: gitlab_read.compared(
        {"commits": [], "diffs": body}
    ),
}
NOT_ASKED_FOR: Mapping[str, str] = {
    "github-rest/environment-protection-rules.json": "an administrator switches the rule on, not "
    "the gate",
    "github-rest/pull-files.json": "what is deployed is compared with what runs, which a pull "
    "request does not know",
    "gitlab-rest/deployment_approval.json": "an approval is sent; its status says all",
    "gitlab-rest/freeze_periods.json": "the gate has a calendar of its own",
    "gitlab-rest/get_compound_metrics.json": "of the server, not of a change",
}


def _files() -> list[str]:
    folder = shared("payloads")
    return sorted(
        path.relative_to(folder).as_posix()
        for name in ("github-rest", "gitlab-rest")
        for path in (folder / name).glob("*.json")
    )


def test_every_answer_has_a_reader_or_a_reason() -> None:
    assert _files() == sorted([*READ, *NOT_ASKED_FOR])


@pytest.mark.parametrize("name", READ)
def test_a_real_answer_is_read(name: str) -> None:
    assert READ[name](json.loads((shared("payloads") / name).read_text())) not in (None, [], ())


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("wrong", [None, 7, "x", [], {}, [7], [None], {"files": 7}], ids=repr)
def test_another_shape_is_no_answer_and_no_fault_of_ours(name: str, wrong: Any) -> None:
    with suppress(Misshapen):
        READ[name](wrong)


@pytest.mark.parametrize("name", READ)
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_bent_answer_is_no_fault_of_ours(name: str, data: st.DataObject) -> None:
    answer = data.draw(bent(json.loads((shared("payloads") / name).read_text())))

    with suppress(Misshapen):
        READ[name](answer)
