"""What GitHub's answers say: who had a hand in a commit, whose review counts, which checks have ended."""

import json
from typing import Any

import pytest

from gate.core.change import Run
from gate.core.messages.host import Hand, Verdict
from gate.integrations.github import read
from tests.builders import commit_of
from tests.integrations.github_answers import HEAD, check, commit, pull, said
from tests.shared_data import shared

# People


@pytest.mark.parametrize(
    ("made", "hand"),
    [
        pytest.param(commit(None), Hand(("nobody@example.com",)), id="an address that is nobody's account"),
        pytest.param(
            commit(commit={**commit()["commit"], "verification": {"verified": False, "reason": "bad_email"}}),
            Hand(("github:cy", "cy@example.com")),
            id="a signature that does not hold",
        ),
        pytest.param(commit(committer={"login": "web-flow"}), Hand(("github:web-flow",), confirmed=True), id="merged in the browser"),
        pytest.param(
            commit(message="Round\n\nCo-authored-by: Ada <ada@example.com>"), Hand(("ada@example.com",), confirmed=True), id="a co-author"
        ),
    ],
)
def test_who_had_a_hand_in_a_commit(made: Any, hand: Hand) -> None:
    assert hand in read.hands([made])


# Reviews


@pytest.mark.parametrize(
    ("listed", "last"),
    [
        pytest.param([said("APPROVED"), said("CHANGES_REQUESTED")], [Verdict.REQUESTS_CHANGES], id="the last word counts"),
        pytest.param([said("APPROVED"), said("COMMENTED")], [Verdict.APPROVES], id="a comment takes nothing back"),
        pytest.param([said("DISMISSED")], [], id="dismissed"),
        pytest.param([said("APPROVED", kind="Bot")], [], id="a machine"),
        pytest.param([said("PENDING")], [], id="not sent yet"),
    ],
)
def test_reviews(listed: list[Any], last: list[Verdict]) -> None:
    assert [one.verdict for one in read.reviews(listed, commit_of("c"))] == last


def test_an_approval_of_an_earlier_commit_is_not_of_the_head() -> None:
    assert [one.on_head for one in read.reviews([said("APPROVED", commit_id=commit_of("0"))], commit_of("c"))] == [False]


@pytest.mark.parametrize(
    ("listed", "number", "is_head"),
    [
        pytest.param([pull(1, merge_commit_sha=None), pull(2)], 2, True, id="the one that merged it"),
        pytest.param([pull(3, merged_at=None, merge_commit_sha=None, head={"sha": HEAD})], 3, True, id="the one whose head it is"),
        pytest.param([pull(4, merge_commit_sha=commit_of("0"))], 4, False, id="one of several commits that were merged"),
    ],
)
def test_which_pull_request(listed: list[Any], number: int, is_head: bool) -> None:  # noqa: FBT001 - what is expected
    found = read.pull_request(listed, HEAD)

    assert found is not None
    assert (found.number, found.is_head) == (number, is_head)


# Checks


@pytest.mark.parametrize(
    ("runs", "statuses", "counts"),
    [
        pytest.param([check(conclusion="neutral"), check(conclusion="skipped")], [], (2, 0, 0), id="as good as passed"),
        pytest.param([check(conclusion="cancelled"), check(conclusion="stale")], [], (0, 2, 0), id="as bad as failed"),
        pytest.param([check(conclusion=None)], [], (0, 0, 1), id="not ended"),
        pytest.param([], [{"context": "ci", "state": "error"}, {"context": "x", "state": "pending"}], (0, 1, 1), id="statuses"),
        pytest.param([check("deploy", None, status="waiting")], [], (0, 0, 0), id="held by a protection rule"),
        pytest.param([check("gate", None, id=99)], [], (0, 0, 0), id="the job that asks"),
        pytest.param([check("gate", None, id=98)], [], (0, 0, 1), id="another job of the run"),
        pytest.param([check("gate", None, id=99, app={"slug": "other"})], [], (0, 0, 1), id="another App's"),
        pytest.param([check("gate", "failure", id=99)], [], (0, 1, 0), id="the job that asks, failed"),
    ],
)
def test_checks(runs: list[Any], statuses: list[Any], counts: tuple[int, int, int]) -> None:
    facts = read.check_facts(runs, statuses, Run("5", check="99"))

    assert (facts["checks.passed"], facts["checks.failed"], facts["checks.pending"]) == counts


# Real answers


def test_real_answers_are_read() -> None:
    folder = shared("payloads/github-rest")
    answers = {one.stem: json.loads(one.read_text()) for one in folder.glob("*.json")}

    compared = read.compared(answers["compare"])
    assert (compared.status, compared.all_commits) == ("behind", True)
    assert [one.path for one in compared.files or ()] == ["file1.txt"]
    assert read.hands(compared.commits) == (Hand(("github:octocat", "mona@github.com"), confirmed=True),)
    assert read.check_facts(answers["check-runs"]["check_runs"], [], None)["checks.passed"] == 1
    assert read.deployed(answers["deployment-statuses"])
    assert read.pull_request(answers["commit-pulls"], commit_of("0")) is not None
    assert [one.by for one in read.reviews(answers["pull-reviews"], commit_of("0"))] == ["github:octocat"]
