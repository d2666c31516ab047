"""Whose review of what counts, from answers as GitHub gives them (C13)."""

from typing import Any

import pytest

from gate.core.messages.host import OF_REVIEWS, Hand, HostFacts, Verdict
from tests.builders import commit_of
from tests.integrations.fake_github import reply
from tests.integrations.github_answers import (
    HEAD,
    REVIEWED,
    SPAN,
    answer,
    commit,
    comparison,
    fake,
    file,
    merge,
    pull,
    said,
)

pytestmark = pytest.mark.anyio


def holding(tree: str) -> dict[str, Any]:
    """A commit that holds this."""
    return commit(commit={**commit()["commit"], "tree": {"sha": commit_of(tree)}})


def shown(*files: Any) -> dict[str, Any]:
    """What the head of the pull request changes since it left the branch."""
    return {SPAN: comparison(), REVIEWED: comparison(files=list(files))}


def approvals(heard: HostFacts) -> list[tuple[bool, bool | None]]:
    """Of each review, whether it is of the commit and its reviewer may write."""
    assert heard.reviews is not None
    return [(one.of_commit, one.may_write) for one in heard.reviews.reviews]


@pytest.mark.parametrize(
    ("knows", "of_commit"),
    [
        pytest.param({}, True, id="it changes what the head changes"),
        pytest.param({"compares": shown(file("other.py"))}, False, id="something else"),
        pytest.param({"compares": shown(file(), file("other.py"))}, False, id="less"),
        pytest.param({"compares": shown()}, False, id="something in its place"),
        pytest.param(
            {"compares": shown(file() | {"sha": commit_of("e")})},
            False,
            id="the same file otherwise",
        ),
        pytest.param(
            {
                "compares": shown(file("other.py")),
                "commits": {HEAD: holding("1"), commit_of("c"): holding("1")},
            },
            True,
            id="it holds what was reviewed",
        ),
        pytest.param({"commits": {}}, False, id="nobody knows the commit"),
    ],
)
async def test_c13_a_review_of_the_head_counts_for_a_merge_that_brings_nothing_else(
    knows: dict[str, Any],
    of_commit: bool,  # noqa: FBT001 - what is expected
) -> None:
    assert approvals(await answer(fake(**knows))) == [(of_commit, True if of_commit else None)]


@pytest.mark.parametrize("made", [pytest.param(merge(), id="signed by GitHub"), commit()])
async def test_c13_who_made_a_merge_proves_nothing_of_what_it_holds(made: Any) -> None:
    """GitHub signs whatever is written in its pages, also on top of what was reviewed."""
    heard = await answer(fake(commits={HEAD: made}, compares=shown(file("other.py"))))

    assert approvals(heard) == [(False, None)]


async def test_c13_a_review_counts_for_the_head_itself() -> None:
    pulls = {HEAD: [pull(merged_at=None, merge_commit_sha=None, head={"sha": HEAD})]}
    of_head = fake(pulls=pulls, commits={}, reviews={7: [said("APPROVED", commit_id=HEAD)]})
    of_an_earlier = fake(pulls=pulls, commits={}, reviews={7: [said("APPROVED")]})

    assert approvals(await answer(of_head)) == [(True, True)]
    assert approvals(await answer(of_an_earlier)) == [(False, None)]


@pytest.mark.parametrize(
    ("writers", "may_write"),
    [
        pytest.param({"ada-gh": "write"}, True, id="may write"),
        pytest.param({"ada-gh": "read"}, False, id="may read"),
        pytest.param({}, False, id="is not known there"),
    ],
)
async def test_c13_github_is_asked_whether_a_reviewer_may_write(
    writers: dict[str, str],
    may_write: bool,  # noqa: FBT001 - what is expected
) -> None:
    member = {
        7: [said("APPROVED", author_association="MEMBER")]
    }  # says nothing about this repository

    assert approvals(await answer(fake(writers=writers, reviews=member))) == [(True, may_write)]


async def test_c13_whether_a_reviewer_may_write_is_unknown_where_github_does_not_say() -> None:
    heard = await answer(
        fake(
            failing={
                "/permission": reply(403, {"message": "Resource not accessible by integration"})
            }
        )
    )

    assert approvals(heard) == [(True, None)]
    assert "Resource not accessible" in heard.trouble[0]


async def test_c13_who_wrote_in_a_pull_request_is_named_although_a_squash_leaves_them_out() -> None:
    wrote = [commit("bob"), commit("ada-gh", "Tidy up"), merge()]
    heard = await answer(fake(pull_commits={7: wrote}))

    assert {"github:bob", "github:ada-gh", "ada-gh@example.com"} <= {
        one for hand in heard.hands for one in hand.identities
    }
    assert Hand(("github:web-flow",), confirmed=True) in heard.hands


async def test_c13_a_pull_request_with_more_commits_than_are_listed_may_hide_who_wrote() -> None:
    assert (await answer(fake(pull_commits={7: [commit("bob")] * 250}))).silent == OF_REVIEWS


async def test_c13_all_pull_requests_of_a_commit_are_read_and_too_many_are_silence() -> None:
    several = [pull(number, head={"sha": HEAD}, merged_at=None) for number in range(1, 7)]
    heard = await answer(
        fake(pulls={HEAD: several[:5]}, reviews={3: [said("CHANGES_REQUESTED", "dan")]})
    )

    assert heard.reviews is not None
    assert [one.verdict for one in heard.reviews.reviews] == [Verdict.REQUESTS_CHANGES]
    assert (await answer(fake(pulls={HEAD: several}))).silent == OF_REVIEWS


async def test_a1_what_was_squashed_is_told_so_that_whoever_pushed_it_is_no_reviewer_of_it() -> (
    None
):
    squashed = [commit("bob", sha=commit_of("d")), commit("bob", sha=commit_of("c"))]
    heard = await answer(fake(pull_commits={7: squashed}))

    assert set(heard.commits) == {HEAD, commit_of("c"), commit_of("d")}
