"""What GitHub's answers say: who had a hand in a commit, whose review counts, which checks have
ended.
"""

import json
from typing import Any

import pytest

from gate.core.change import Run
from gate.core.messages.host import Hand, Verdict
from gate.integrations.github import read
from tests.builders import commit_of
from tests.integrations.github_answers import (
    HEAD,
    check,
    commit,
    comparison,
    file,
    merge,
    pull,
    said,
)
from tests.shared_data import shared

# People


@pytest.mark.parametrize(
    ("made", "hand"),
    [
        pytest.param(
            commit(None), Hand(("nobody@example.com",)), id="an address that is nobody's account"
        ),
        pytest.param(
            commit(
                commit={
                    **commit()["commit"],
                    "verification": {"verified": False, "reason": "bad_email"},
                }
            ),
            Hand(("github:cy", "cy@example.com")),
            id="a signature that does not hold",
        ),
        pytest.param(
            merge(), Hand(("github:web-flow",), confirmed=True), id="merged in the browser"
        ),
        pytest.param(
            commit(committer={"login": "web-flow"}),
            Hand(("github:web-flow",), doubtful=True),
            id="c13 as if it were merged there",
        ),
        pytest.param(
            commit(
                committer=None,
                commit={
                    **merge()["commit"],
                    "verification": {"verified": False, "reason": "unsigned"},
                },
            ),
            Hand(("noreply@github.com",), doubtful=True),
            id="c13 an address that anybody can write",
        ),
        pytest.param(
            commit(
                "web-flow",
                commit={
                    **commit()["commit"],
                    "verification": {"verified": False, "reason": "bad_email"},
                },
            ),
            Hand(("github:web-flow",), doubtful=True),
            id="c13 signed by somebody else",
        ),
        pytest.param(
            commit(message="Round\n\nCo-authored-by: Ada <ada@example.com>"),
            Hand(("ada@example.com",), confirmed=True),
            id="a co-author",
        ),
    ],
)
def test_who_had_a_hand_in_a_commit(made: Any, hand: Hand) -> None:
    assert hand in read.hands([made])


# Reviews

C = commit_of("c")


def last_words(*listed: Any, head: str | None = C) -> list[tuple[str, str, bool]]:
    """Who says what in the end, and whether of the commit."""
    return [
        (one.by, one.verdict.value, one.of_commit)
        for one in read.reviews([read.Reviewed(listed, head)])
    ]


@pytest.mark.parametrize(
    ("listed", "last"),
    [
        pytest.param(
            [said("APPROVED"), said("CHANGES_REQUESTED")],
            [Verdict.REQUESTS_CHANGES],
            id="the last word counts",
        ),
        pytest.param(
            [said("APPROVED"), said("COMMENTED")],
            [Verdict.APPROVES],
            id="a comment takes nothing back",
        ),
        pytest.param([said("DISMISSED")], [], id="dismissed"),
        pytest.param([said("APPROVED", kind="Bot")], [], id="a machine"),
        pytest.param(
            [said("APPROVED", kind="Mannequin")], [], id="c13 nobody, made up by an import"
        ),
        pytest.param([said("PENDING")], [], id="not sent yet"),
    ],
)
def test_reviews(listed: list[Any], last: list[Verdict]) -> None:
    assert [verdict for _, verdict, _ in last_words(*listed)] == [one.value for one in last]


def test_c13_an_approval_counts_for_the_commit_that_was_approved_and_no_other() -> None:
    assert last_words(said("APPROVED")) == [("github:ada-gh", "approves", True)]
    assert last_words(said("APPROVED", commit_id=commit_of("0"))) == [
        ("github:ada-gh", "approves", False)
    ]
    assert last_words(said("APPROVED"), head=None) == [("github:ada-gh", "approves", False)]


def test_c13_a_second_pull_request_of_the_same_commit_takes_no_objection_back() -> None:
    first = read.Reviewed([said("CHANGES_REQUESTED", submitted_at="2026-01-05T12:00:00Z")], C)
    second = read.Reviewed(
        [said("APPROVED", submitted_at="2026-01-05T11:00:00Z"), said("APPROVED", "dan")], C
    )

    assert [(one.by, one.verdict) for one in read.reviews([second, first])] == [
        ("github:dan", Verdict.APPROVES),
        ("github:ada-gh", Verdict.REQUESTS_CHANGES),
    ]


@pytest.mark.parametrize(
    ("listed", "numbers"),
    [
        pytest.param([pull(1, merge_commit_sha=None), pull(2)], [2], id="the one that merged it"),
        pytest.param(
            [pull(3, merged_at=None, merge_commit_sha=None, head={"sha": HEAD})],
            [3],
            id="the one whose head it is",
        ),
        pytest.param(
            [pull(4), pull(6, head={"sha": HEAD}, merged_at=None)], [6, 4], id="all of them"
        ),
        pytest.param([pull(5, merged_at=None)], [], id="what GitHub would merge is no merge"),
        pytest.param(
            [pull(4, merge_commit_sha=commit_of("0")), pull(5, merge_commit_sha=None)],
            [],
            id="one of several commits that were merged",
        ),
    ],
)
def test_c13_which_pull_requests_bring_a_commit(listed: list[Any], numbers: list[int]) -> None:
    found = read.pull_requests(listed, HEAD)

    assert [one.number for one in found if one.is_head or one.is_merge] == numbers
    assert len(found) == max(1, len(numbers))


@pytest.mark.parametrize(
    ("permission", "kind", "may"),
    [
        ("admin", "User", True),
        ("maintain", "User", True),
        ("write", "User", True),
        ("read", "User", False),
        ("triage", "User", False),
        ("none", "User", False),
        (None, "User", False),
        ("write", "Bot", False),
        ("write", "Organization", False),
    ],
)
def test_c13_who_may_write(permission: str | None, kind: str, may: bool) -> None:  # noqa: FBT001 - what is expected
    assert read.may_write({"permission": permission, "user": {"type": kind}}) is may


# Checks


@pytest.mark.parametrize(
    ("runs", "statuses", "counts"),
    [
        pytest.param(
            [check(conclusion="neutral"), check(conclusion="skipped")],
            [],
            (0, 0, 0),
            id="c13 nothing was shown",
        ),
        pytest.param(
            [check(conclusion=None, status="completed")],
            [],
            (0, 1, 0),
            id="ended, and nobody says how",
        ),
        pytest.param(
            [check(conclusion="cancelled"), check(conclusion="stale")],
            [],
            (0, 2, 0),
            id="as bad as failed",
        ),
        pytest.param([check(conclusion=None)], [], (0, 0, 1), id="not ended"),
        pytest.param(
            [],
            [{"context": "ci", "state": "error"}, {"context": "x", "state": "pending"}],
            (0, 1, 1),
            id="statuses",
        ),
        pytest.param(
            [check("deploy", None, status="waiting")], [], (0, 0, 0), id="held by a protection rule"
        ),
        pytest.param([check("gate", None, id=99)], [], (0, 0, 0), id="the job that asks"),
        pytest.param([check("gate", None, id=98)], [], (0, 0, 1), id="another job of the run"),
        pytest.param(
            [check("gate", None, id=99, app={"slug": "other"})], [], (0, 0, 1), id="another App's"
        ),
        pytest.param(
            [check("gate", "failure", id=99)], [], (0, 1, 0), id="the job that asks, failed"
        ),
    ],
)
def test_checks(runs: list[Any], statuses: list[Any], counts: tuple[int, int, int]) -> None:
    facts = read.check_facts(runs, statuses, Run("5", check="99"))

    assert (facts["checks.passed"], facts["checks.failed"], facts["checks.pending"]) == counts


def test_c13_a_skipped_or_neutral_check_is_a_check_that_has_not_passed() -> None:
    runs = [check("lint", "neutral"), check("test", "skipped"), check("build")]

    assert read.check_facts(runs, [], None) == {
        "checks.total": 3,
        "checks.passed": 1,
        "checks.failed": 0,
        "checks.pending": 0,
        "checks.skipped": 2,
        "checks.failed_names": (),
    }


# Files


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        pytest.param(file(additions=5, deletions=2), (5, 2), id="counted"),
        pytest.param(
            {**file(additions=5, deletions=2), "patch": "@@ -1 +1 @@"},
            (5, 2),
            id="counted and shown",
        ),
        pytest.param(
            file(additions=0, deletions=0),
            None,
            id="nothing is shown: binary, by content or attribute",
        ),
        pytest.param(
            {
                **file(additions=1, deletions=1),
                "patch": "@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2",
            },
            None,
            id="a submodule",
        ),
        pytest.param(
            {
                **file(additions=0, deletions=0),
                "status": "added",
                "sha": "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
            },
            (0, 0),
            id="empty",
        ),
    ],
)
def test_c14_lines_that_github_does_not_show_are_not_no_lines(
    changed: Any, lines: tuple[int, int] | None
) -> None:
    files = read.compared(comparison(files=[changed])).files

    assert files is not None
    assert files[0].lines == lines


# Real answers


def test_real_answers_are_read() -> None:
    folder = shared("payloads/github-rest")
    answers = {one.stem: json.loads(one.read_text()) for one in folder.glob("*.json")}

    compared = read.compared(answers["compare"])
    assert (compared.status, compared.all_commits) == ("behind", True)
    assert [one.path for one in compared.files or ()] == ["file1.txt"]
    assert read.hands(compared.commits) == (
        Hand(("github:octocat#1", "mona@github.com"), confirmed=True),
    )
    assert (
        read.check_facts(answers["check-runs"]["check_runs"], [], None)["checks.skipped"] == 1
    )  # it is neutral
    assert read.deployed(answers["deployment-statuses"])
    assert [one.number for one in read.pull_requests(answers["commit-pulls"], commit_of("0"))] == [
        1347
    ]
    assert [one.by for one in read.reviews([read.Reviewed(answers["pull-reviews"], None)])] == [
        "github:octocat#1"
    ]
