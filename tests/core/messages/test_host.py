"""What a code host says: who reviewed whose work, and where a claim is contradicted."""

from dataclasses import replace

import pytest

from gate.core.catalogue.catalogue import Catalogue, Person
from gate.core.catalogue.identity import Identities
from gate.core.facts import Value
from gate.core.messages.host import (
    Hand,
    HostFacts,
    Review,
    Reviews,
    Verdict,
    confirmed,
    contradictions,
    differs,
    review_facts,
    silence,
)

APPROVES, REFUSES = Verdict.APPROVES, Verdict.REQUESTS_CHANGES
IDENTITIES = Identities(
    Catalogue(
        people={
            "ada": Person("ada", emails=("ada@example.com",), github=("ada-gh", "ada-second")),
            "ben": Person("ben", emails=("ben@example.com",), github=("ben-gh",)),
            "fay": Person("fay", emails=("fay@example.com",), github=("fay-gh#12",)),
        }
    )
)
CY = Hand(("github:cy", "cy@example.com"), confirmed=True)


def heard(*reviews: Review, hands: tuple[Hand, ...] = (CY,), all_hands: bool = True) -> HostFacts:
    return HostFacts(hands=hands, all_hands=all_hands, reviews=Reviews(reviews, 7))


def approvals(said: HostFacts) -> Value | None:
    return review_facts(said, IDENTITIES, {"ada"}).get("reviews.approvals")


# Reviews


@pytest.mark.parametrize(
    ("reviews", "hands", "count"),
    [
        pytest.param(
            [Review("github:cy", APPROVES, of_commit=True)], (CY,), 0, id="the author himself"
        ),
        pytest.param(
            [Review("github:ada-gh", APPROVES, of_commit=True)],
            (CY, Hand(("ada@example.com",))),
            0,
            id="the committer, by another name",
        ),
        pytest.param(
            [Review("github:fay-new#12", APPROVES, of_commit=True, may_write=True)],
            (CY, Hand(("fay@example.com",))),
            0,
            id="the committer, by a login that she got later",
        ),
        pytest.param(
            [Review("github:fay-gh#13", APPROVES, of_commit=True, may_write=True)],
            (CY, Hand(("github:fay-gh#13",))),
            0,
            id="the committer, who took the login of another",
        ),
        pytest.param(
            [Review("github:ada-gh", APPROVES, of_commit=False)],
            (CY,),
            0,
            id="of an earlier commit",
        ),
        pytest.param(
            [Review("github:helper[bot]", APPROVES, of_commit=True)], (CY,), 0, id="a machine"
        ),
        pytest.param(
            [
                Review("github:ada-gh", APPROVES, of_commit=True),
                Review("github:ada-second", APPROVES, of_commit=True),
            ],
            (CY,),
            1,
            id="one person with two accounts",
        ),
        pytest.param(
            [
                Review("github:ada-gh", APPROVES, of_commit=True),
                Review("github:ada-second", REFUSES, of_commit=True),
            ],
            (CY,),
            0,
            id="one person with two opinions",
        ),
        pytest.param(
            [
                Review("github:ada-gh", APPROVES, of_commit=True),
                Review("github:dan", APPROVES, of_commit=True, may_write=True),
            ],
            (CY,),
            2,
            id="two people, one outside the catalogue who may write",
        ),
        pytest.param(
            [
                Review("github:ada-gh", APPROVES, of_commit=True),
                Review("github:eve", APPROVES, of_commit=True, may_write=False),
            ],
            (CY,),
            1,
            id="two people, one whom nobody lets write",
        ),
        pytest.param(
            [
                Review("github:ada-gh", APPROVES, of_commit=True),
                Review("github:fay-gh#12", APPROVES, of_commit=True),
            ],
            (CY,),
            2,
            id="two people, one with the number of her account",
        ),
        pytest.param(
            [
                Review("github:ada-gh", APPROVES, of_commit=True),
                Review("github:fay-gh#13", APPROVES, of_commit=True, may_write=False),
            ],
            (CY,),
            1,
            id="two people, one who took the login of another",
        ),
        pytest.param(
            [
                Review("github:eve", APPROVES, of_commit=False),
                Review("github:ada-gh", APPROVES, of_commit=True),
            ],
            (CY,),
            1,
            id="somebody of whom nobody knows whether they may write, but of an earlier commit",
        ),
    ],
)
def test_c13_only_reviews_of_the_commit_by_other_people_who_may_write_count(
    reviews: list[Review], hands: tuple[Hand, ...], count: int
) -> None:
    assert approvals(heard(*reviews, hands=hands)) == count


def test_a1_whoever_pushed_the_reviewed_commits_first_does_not_review_them() -> None:
    said = heard(
        Review("github:ada-second", APPROVES, of_commit=True),
        Review("github:ben-gh", APPROVES, of_commit=True),
    )

    assert approvals(said) == 2
    assert approvals(replace(said, first_pushers=("github:ada-gh",))) == 1


def test_whoever_may_be_missing_may_have_reviewed_their_own_work() -> None:
    assert (
        review_facts(
            heard(Review("github:ada-gh", APPROVES, of_commit=True), all_hands=False),
            IDENTITIES,
            {"ada"},
        )
        == {}
    )


def test_c13_an_approval_by_somebody_of_whom_nobody_knows_whether_they_may_write_makes_all_unknown() -> (
    None
):
    said = heard(
        Review("github:ada-gh", APPROVES, of_commit=True),
        Review("github:eve", APPROVES, of_commit=True),
    )

    assert review_facts(said, IDENTITIES, {"ada"}) == {}


def test_the_facts_of_reviews() -> None:
    said = heard(
        Review("github:ada-gh", APPROVES, of_commit=True),
        Review("github:ben-gh", REFUSES, of_commit=False),
    )

    assert review_facts(said, IDENTITIES, {"ada"}) == {
        "reviews.approvals": 1,
        "reviews.changes_requested": 1,
        "reviews.by_owner": True,
        "reviews.approved_head": True,
        "reviews.pull_request": 7,
    }


def test_an_approval_of_what_is_not_deployed_approves_no_head() -> None:
    said = review_facts(
        heard(Review("github:ada-gh", APPROVES, of_commit=False)), IDENTITIES, {"ada"}
    )

    assert (said["reviews.approvals"], said["reviews.approved_head"], said["reviews.by_owner"]) == (
        0,
        False,
        False,
    )


# People


@pytest.mark.parametrize(
    ("said", "sure"),
    [
        pytest.param(silence("down"), False, id="no answer"),
        pytest.param(heard(all_hands=False), False, id="somebody may be missing"),
        pytest.param(
            heard(hands=(CY, Hand(("who@else.example",)))),
            False,
            id="an address that nobody confirms",
        ),
        pytest.param(
            heard(hands=(CY, Hand(("Ada@example.com",)))), True, id="an address of the catalogue"
        ),
        pytest.param(
            heard(hands=(CY, Hand(("github:web-flow",), confirmed=True))),
            True,
            id="a merge in the browser",
        ),
        pytest.param(
            heard(hands=(CY, Hand(("github:web-flow",), doubtful=True))),
            False,
            id="c13 a merge that only says so",
        ),
        pytest.param(heard(), True, id="an account"),
    ],
)
def test_authors_are_verified_when_everybody_is_known(said: HostFacts, sure: bool) -> None:  # noqa: FBT001 - what is expected
    assert confirmed(said, IDENTITIES) is sure


# Claims


@pytest.mark.parametrize(
    ("name", "claimed", "verified", "apart"),
    [
        pytest.param("diff.lines_added", 90, 100, False, id="a tenth"),
        pytest.param("diff.lines_added", 89, 100, True, id="more than a tenth and more than 10"),
        pytest.param("diff.lines_added", 0, 10, False, id="all of it, but 10"),
        pytest.param("diff.lines_added", 0, 11, True, id="all of it, 11"),
        pytest.param("diff.lines_added", 1_000, 989, False, id="11 of many"),
        pytest.param("diff.entropy", 0, 100_000, False, id="a decimal by 10"),
        pytest.param("diff.entropy", 0, 100_001, True, id="a decimal by more"),
        pytest.param("author.count", 1, 12, True, id="authors too"),
        pytest.param("checks.failed", 0, 1, True, id="others exactly"),
        pytest.param("diff.files", ("a", "b"), ("b", "a"), False, id="lists as sets"),
        pytest.param("diff.files", ("a",), ("b", "a"), True, id="another set"),
        pytest.param("diff.reverts", False, True, True, id="a truth"),
    ],
)
def test_a_claim_differs(name: str, claimed: Value, verified: Value, apart: bool) -> None:  # noqa: FBT001 - what is expected
    assert differs(name, claimed, verified) is apart


def test_what_was_measured_from_another_base_contradicts_nothing() -> None:
    claims: dict[str, Value] = {"diff.lines_added": 1, "checks.failed": 0}
    seen: dict[str, Value] = {"diff.lines_added": 500, "checks.failed": 2}

    assert [one.fact for one in contradictions(claims, seen, same_base=False)] == ["checks.failed"]
    assert [one.fact for one in contradictions(claims, seen, same_base=True)] == [
        "checks.failed",
        "diff.lines_added",
    ]
