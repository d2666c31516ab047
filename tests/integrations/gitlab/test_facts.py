"""What GitLab verifies of a change; whatever is cut, missing or not in this edition is silent (A15,
F23).
"""

import json
from typing import Any

import pytest

from gate.core.change import Repository, Run
from gate.core.messages.host import (
    FROM_BASE,
    OF_CHECKS,
    OF_REVIEWS,
    Hand,
    HostFacts,
    HostQuestion,
    Review,
    Reviews,
    Verdict,
)
from gate.integrations.gitlab import read
from gate.integrations.gitlab.facts import HEADERS, GitLab
from gate.integrations.http.rest import Rest
from tests.builders import commit_of
from tests.integrations.fake_github import Canned, reply
from tests.integrations.fake_gitlab import PROJECT, TOKEN, FakeGitLab
from tests.shared_data import shared

pytestmark = pytest.mark.anyio

URL = "https://gitlab.com"
BASE, HEAD = commit_of("a"), commit_of("b")
PARTS = ("approvals", "versions", "reviewers")
DIFF = "@@ -1,3 +1,4 @@ def total()\n-    return a\n+    b = a\n+    return b\n--- no header\n"


def commit(
    author: str = "cy@example.com", message: str = "Round half to even", **different: Any
) -> dict[str, Any]:
    """A commit as a comparison lists it."""
    return {
        "id": HEAD,
        "message": message,
        "author_email": author,
        "committer_email": author,
        "parent_ids": [BASE],
    } | different


def diff(path: str = "src/cart.py", **different: Any) -> dict[str, Any]:
    """A file of a comparison."""
    return {"old_path": path, "new_path": path, "diff": DIFF} | different


def comparison(**different: Any) -> dict[str, Any]:
    """An answer to a comparison."""
    return {"commits": [commit()], "diffs": [diff()], "compare_timeout": False} | different


def fake(answers: Any = None, **knows: Any) -> FakeGitLab:
    """One that knows a small reviewed change."""
    merged = {
        "iid": 7,
        "state": "merged",
        "merge_commit_sha": HEAD,
        "sha": commit_of("c"),
        "author": {"username": "cy"},
    }
    ada = {"user": {"id": 5, "username": "ada.gl"}, "approved_at": "2026-01-05T11:00:00Z"}
    usual = {
        f"/repository/commits/{HEAD}/merge_requests": [merged],
        "/merge_requests/7/approvals": {"approved_by": [ada]},
        "/members/all/5": {"id": 5, "access_level": 30, "state": "active"},
        "/merge_requests/7/versions": [
            {"created_at": "2026-01-05T10:00:00Z"},
            {"created_at": "2026-01-05T09:00:00Z"},
        ],
        f"/repository/commits/{HEAD}": commit(),
        f"/repository/commits/{HEAD}/statuses": [
            {"id": 1, "name": "test", "status": "success", "pipeline_id": 574}
        ],
    }
    compares = {(BASE, HEAD): comparison(), (BASE, commit_of("c")): comparison()}
    compares |= knows.pop("compares", {})
    return FakeGitLab(compares=compares, answers=usual | (answers or {}), **knows)


async def answer(known: FakeGitLab, token: str = TOKEN, **different: Any) -> HostFacts:
    """What is heard."""
    usual: dict[str, Any] = {
        "repository": Repository(URL, PROJECT),
        "commit": HEAD,
        "base": BASE,
        "claimed_base": None,
        "environments": ("production",),
        "ref": None,
        "proves_ref": False,
        "run": None,
    }
    return await gitlab(known, token).facts(HostQuestion(**usual | different))


def gitlab(known: FakeGitLab, token: str = TOKEN) -> GitLab:
    """The gate's side of it."""

    async def no_sleep(_: float) -> None:
        return

    return GitLab(Rest(URL, HEADERS, known.open_client, sleep=no_sleep), token)


async def test_a_small_reviewed_change() -> None:
    assert await answer(fake()) == HostFacts(
        base=BASE,
        values={
            "diff.files": ("src/cart.py",),
            "diff.files_changed": 1,
            "diff.lines_added": 2,
            "diff.lines_deleted": 2,
            "diff.commits": 1,
            "diff.directories": 1,
            "diff.subsystems": 1,
            "diff.entropy": 0,
            "diff.reverts": False,
            "author.count": 1,
            "change.fixes_defect": False,
            "checks.total": 1,
            "checks.passed": 1,
            "checks.failed": 0,
            "checks.pending": 0,
            "checks.skipped": 0,
            "checks.failed_names": (),
        },
        hands=(Hand(("cy@example.com",)), Hand(("gitlab:cy",), confirmed=True)),
        all_hands=True,
        commits=(HEAD,),
        reviews=Reviews(
            (Review("gitlab:ada.gl#5", Verdict.APPROVES, of_commit=True, may_write=True),), 7
        ),
    )


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"compare_timeout": True}, id="it took too long"),
        pytest.param(
            {"diffs": [diff(f"f{n}") for n in range(1_000)]}, id="as many as may be listed"
        ),
    ],
)
async def test_a_size_that_nobody_says_is_silent(different: Any) -> None:
    heard = await answer(fake(compares={(BASE, HEAD): comparison(**different)}))

    assert {"diff.files", "diff.files_changed", "diff.lines_added", "diff.entropy"} <= heard.silent
    assert heard.values["diff.commits"] == 1


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"diff": ""}, id="without its diff"),
        pytest.param({"too_large": True}, id="too large"),
        pytest.param({"collapsed": True}, id="folded away"),
        pytest.param({"diff": None}, id="says nothing"),
        pytest.param(
            {"diff": "Binary files a/x and b/x differ\n"}, id="c14 binary, by content or attribute"
        ),
        pytest.param({"a_mode": "160000", "b_mode": "160000"}, id="c14 a submodule"),
    ],
)
async def test_lines_that_nobody_tells_are_silent_and_the_list_of_files_is_kept(
    different: Any,
) -> None:
    heard = await answer(
        fake(compares={(BASE, HEAD): comparison(diffs=[diff(), diff("big.sql", **different)])})
    )

    assert {"diff.lines_added", "diff.lines_deleted", "diff.entropy"} <= heard.silent
    assert heard.values["diff.files"] == ("big.sql", "src/cart.py")
    assert heard.trouble


async def test_c14_both_paths_of_a_moved_file_are_named() -> None:
    moved = diff("new/cart.py", old_path="src/cart.py", renamed_file=True)
    heard = await answer(fake(compares={(BASE, HEAD): comparison(diffs=[moved])}))

    assert (heard.values["diff.files"], heard.values["diff.files_changed"]) == (
        ("new/cart.py", "src/cart.py"),
        1,
    )


async def test_an_unknown_base_makes_everything_that_is_measured_from_it_silent() -> None:
    heard = await answer(fake(), base=commit_of("9"))

    assert (heard.base, heard.silent, heard.all_hands) == (None, FROM_BASE, False)


@pytest.mark.parametrize(
    ("part", "silent"),
    [
        pytest.param("/statuses", OF_CHECKS, id="jobs"),
        pytest.param("/approvals", OF_REVIEWS, id="approvals"),
        pytest.param("/versions", OF_REVIEWS, id="versions"),
    ],
)
async def test_a_part_that_fails_leaves_the_others_their_answer(
    part: str, silent: frozenset[str]
) -> None:
    heard = await answer(fake(failing={part: reply(503)}))

    assert heard.silent == silent
    assert heard.values["diff.lines_added"] == 2


async def test_a_wrong_token_is_silence() -> None:
    heard = await answer(fake(), token="other")  # noqa: S106 - of a fake

    assert heard.silent >= FROM_BASE | OF_CHECKS | OF_REVIEWS
    assert "401" in heard.trouble[0]


async def test_where_the_gate_knows_no_base_the_last_successful_deployment_is_it() -> None:
    known = [{"id": 3, "status": "success", "sha": BASE, "environment": {"name": "production"}}]

    heard = await answer(fake(deployments=known), base=None)

    assert heard.values["diff.lines_added"] == 2
    assert heard.base is None  # any job may say so, and leave out who wrote before


async def test_all_pages_are_read_up_to_a_limit() -> None:
    place = f"/repository/commits/{HEAD}/statuses"
    jobs = [
        {"id": n, "name": f"test {n}", "status": "success", "pipeline_id": 1} for n in range(11)
    ]

    assert (await answer(fake({place: jobs[:9]}, page_size=2))).values["checks.passed"] == 9
    assert (await answer(fake({place: jobs}, page_size=2))).silent == OF_CHECKS


# Reviews


@pytest.mark.parametrize(
    ("answers", "on_head"),
    [
        pytest.param({}, True, id="after the last push"),
        pytest.param(
            {"/merge_requests/7/versions": [{"created_at": "2026-01-05T12:00:00Z"}]},
            False,
            id="before the last push",
        ),
        pytest.param(
            {"/merge_requests/7/approvals": {"approved_by": [{"user": {"username": "ada.gl"}}]}},
            False,
            id="nobody knows when",
        ),
        pytest.param(
            {
                "/merge_requests/7/approvals": {"approved_by": [{"user": {"username": "ada.gl"}}]},
                "/approvals": {"reset_approvals_on_push": True},
            },
            True,
            id="a push takes approvals back",
        ),
    ],
)
async def test_an_approval_counts_for_what_was_approved(answers: Any, on_head: bool) -> None:  # noqa: FBT001 - what is expected
    heard = await answer(fake(answers))

    assert heard.reviews is not None
    assert [one.of_commit for one in heard.reviews.reviews] == [on_head]


@pytest.mark.parametrize(
    ("requests", "of_commit"),
    [
        pytest.param(
            [{"iid": 7, "state": "merged", "merge_commit_sha": HEAD, "sha": commit_of("c")}],
            True,
            id="merged as this commit",
        ),
        pytest.param(
            [{"iid": 7, "state": "merged", "squash_commit_sha": HEAD, "sha": commit_of("c")}],
            True,
            id="squashed into it",
        ),
        pytest.param([{"iid": 7, "state": "opened", "sha": HEAD}], True, id="it is the head"),
        pytest.param(
            [{"iid": 7, "state": "opened", "merge_commit_sha": HEAD, "sha": BASE}],
            False,
            id="not merged",
        ),
        pytest.param(
            [{"iid": 7, "state": "merged", "merge_commit_sha": BASE, "sha": BASE}],
            False,
            id="one of its commits",
        ),
    ],
)
async def test_c13_an_approval_counts_for_the_very_commit(requests: Any, of_commit: bool) -> None:  # noqa: FBT001 - what is expected
    heard = await answer(fake({f"/repository/commits/{HEAD}/merge_requests": requests}))

    assert heard.reviews is not None
    assert [one.of_commit for one in heard.reviews.reviews] == [of_commit]


OTHERWISE = comparison(diffs=[diff(diff=DIFF + "+    return 0\n")])
LOWER = comparison(diffs=[diff(diff=DIFF.replace("@@ -1,3 +1,4 @@", "@@ -81,3 +92,4 @@"))])
MORE = comparison(diffs=[diff(), diff("src/other.py")])
UNSEEN = comparison(diffs=[diff(diff="", too_large=True)])


@pytest.mark.parametrize(
    ("reviewed", "merged", "of_commit"),
    [
        pytest.param(LOWER, comparison(), True, id="the same, where others added lines above it"),
        pytest.param(comparison(), OTHERWISE, False, id="a line more, put in by hand"),
        pytest.param(comparison(), MORE, False, id="a file more, put in by hand"),
        pytest.param(MORE, comparison(), False, id="a file less"),
        pytest.param(UNSEEN, UNSEEN, False, id="nobody tells the lines"),
        pytest.param(
            comparison(compare_timeout=True), comparison(), False, id="a list that is cut"
        ),
    ],
)
async def test_c13_an_approval_counts_for_a_merge_that_changes_nothing_else(
    reviewed: Any,
    merged: Any,
    of_commit: bool,  # noqa: FBT001 - what is expected
) -> None:
    compares = {(BASE, commit_of("c")): reviewed, (BASE, HEAD): merged}
    heard = await answer(fake(compares=compares))

    assert heard.reviews is not None
    assert [one.of_commit for one in heard.reviews.reviews] == [of_commit]


@pytest.mark.parametrize(
    ("member", "may_write"),
    [
        pytest.param({"access_level": 30}, True, id="a developer"),
        pytest.param({"access_level": 50, "state": "active"}, True, id="an owner"),
        pytest.param({"access_level": 20}, False, id="a reporter"),
        pytest.param({"access_level": 40, "state": "blocked"}, False, id="blocked"),
    ],
)
async def test_c13_gitlab_is_asked_whether_a_reviewer_may_write(
    member: Any,
    may_write: bool,  # noqa: FBT001 - what is expected
) -> None:
    heard = await answer(fake({"/members/all/5": member}))

    assert heard.reviews is not None
    assert [one.may_write for one in heard.reviews.reviews] == [may_write]


@pytest.mark.parametrize(
    ("failing", "may_write"),
    [
        pytest.param(reply(404, {"message": "404 Not found"}), False, id="no member"),
        pytest.param(reply(403, {"message": "403 Forbidden"}), None, id="it does not say"),
    ],
)
async def test_c13_who_is_no_member_may_not_and_silence_is_unknown(
    failing: Canned,
    may_write: bool | None,  # noqa: FBT001 - what is expected
) -> None:
    heard = await answer(fake(failing={"/members": failing}))

    assert heard.reviews is not None
    assert [one.may_write for one in heard.reviews.reviews] == [may_write]
    assert bool(heard.trouble) is (may_write is None)


async def test_c13_who_wrote_in_a_merge_request_is_named_although_a_squash_leaves_them_out() -> (
    None
):
    heard = await answer(
        fake({"/merge_requests/7/commits": [commit("bob@example.com"), commit("ada@example.com")]})
    )

    assert {"bob@example.com", "ada@example.com"} <= {
        one for hand in heard.hands for one in hand.identities
    }


async def test_a1_what_was_squashed_is_told_so_that_whoever_pushed_it_is_no_reviewer_of_it() -> (
    None
):
    squashed = [commit(id=commit_of("d")), commit(id=commit_of("c"))]
    heard = await answer(fake({"/merge_requests/7/commits": squashed}))

    assert set(heard.commits) == {HEAD, commit_of("c"), commit_of("d")}


async def test_c13_a_commit_as_if_by_github_names_nobody_for_sure() -> None:
    made = commit(committer_email="NoReply@github.com")
    heard = await answer(fake(compares={(BASE, HEAD): comparison(commits=[made])}))

    assert Hand(("NoReply@github.com",), doubtful=True) in heard.hands


async def test_c13_several_merge_requests_of_a_commit_are_all_read_and_too_many_are_silence() -> (
    None
):
    several = [{"iid": number, "state": "opened", "sha": HEAD} for number in range(1, 7)]
    place = f"/repository/commits/{HEAD}/merge_requests"
    rest = {
        f"/merge_requests/{n}/{part}": {"approved_by": []} if part == "approvals" else []
        for n in range(1, 6)
        for part in PARTS
    }
    objects = {
        "/merge_requests/3/reviewers": [{"user": {"username": "dan"}, "state": "requested_changes"}]
    }
    heard = await answer(fake({place: several[:5]} | rest | objects))

    assert heard.reviews is not None
    assert [one.verdict for one in heard.reviews.reviews] == [Verdict.REQUESTS_CHANGES]
    assert (await answer(fake({place: several}))).silent == OF_REVIEWS


async def test_a_reviewer_who_asks_for_changes_does_not_approve() -> None:
    heard = await answer(
        fake(
            {
                "/merge_requests/7/reviewers": [
                    {"user": {"username": "ada.gl"}, "state": "requested_changes"}
                ]
            }
        )
    )

    assert heard.reviews is not None
    assert [one.verdict for one in heard.reviews.reviews] == [Verdict.REQUESTS_CHANGES]


# Jobs


@pytest.mark.parametrize(
    ("job", "counts"),
    [
        pytest.param({"status": "failed"}, (0, 1, 0), id="failed"),
        pytest.param({"status": "failed", "allow_failure": True}, (0, 0, 0), id="c13 may fail"),
        pytest.param({"status": "canceled"}, (0, 1, 0), id="canceled"),
        pytest.param({"status": "running"}, (0, 0, 1), id="under way"),
        pytest.param({"status": "running", "id": 302}, (0, 0, 0), id="the job that asks"),
        pytest.param(
            {"status": "created", "pipeline_id": 574}, (0, 0, 0), id="comes after the job that asks"
        ),
        pytest.param({"status": "created", "pipeline_id": 9}, (0, 0, 1), id="of another pipeline"),
        pytest.param({"status": "manual"}, (0, 0, 0), id="by hand"),
        pytest.param({"status": "skipped"}, (0, 0, 0), id="c13 skipped"),
    ],
)
def test_jobs(job: dict[str, Any], counts: tuple[int, int, int]) -> None:
    facts = read.check_facts(
        [{"id": 1, "name": "job", "pipeline_id": 574} | job], Run("574", 302, check="302")
    )

    assert (facts["checks.passed"], facts["checks.failed"], facts["checks.pending"]) == counts


def test_c13_what_was_skipped_or_may_fail_is_counted_and_has_not_passed() -> None:
    jobs = [
        {"id": 1, "name": "a", "status": "skipped"},
        {"id": 2, "name": "b", "status": "failed", "allow_failure": True},
    ]
    facts = read.check_facts(jobs, None)

    assert (
        facts["checks.total"],
        facts["checks.skipped"],
        facts["checks.passed"],
        facts["checks.failed"],
    ) == (2, 2, 0, 0)


def test_a_caller_without_identity_token_cannot_name_its_job() -> None:
    running = [{"id": 302, "name": "job", "pipeline_id": 574, "status": "running"}]

    assert read.check_facts(running, Run("574", 302))["checks.pending"] == 1


# Protection


@pytest.mark.parametrize(
    ("answers", "protected"),
    [
        pytest.param(
            {"/repository/branches/release%2F1": {"commit": {"id": HEAD}, "protected": True}},
            True,
            id="the newest commit",
        ),
        pytest.param(
            {
                "/repository/branches/release%2F1": {
                    "commit": {"id": commit_of("d")},
                    "protected": True,
                },
                f"/repository/commits/{HEAD}/refs": [{"type": "branch", "name": "release/1"}],
            },
            True,
            id="an earlier commit",
        ),
        pytest.param(
            {
                "/repository/branches/release%2F1": {
                    "commit": {"id": commit_of("d")},
                    "protected": True,
                },
                f"/repository/commits/{HEAD}/refs": [{"type": "branch", "name": "other"}],
            },
            None,
            id="a commit that is not on it",
        ),
        pytest.param({}, None, id="no branch of that name"),
    ],
)
async def test_a_branch_is_protected_where_the_commit_is_on_it(
    answers: Any,
    protected: bool | None,  # noqa: FBT001 - what is expected
) -> None:
    heard = await answer(fake(answers), ref="release/1")

    assert heard.values.get("change.ref_protected") is protected


def test_real_answers_are_read() -> None:
    folder = shared("payloads/gitlab-rest")
    listed = json.loads((folder / "list_merge_request_diff.json").read_text())
    made = json.loads((folder / "get_commit.json").read_text())

    seen = read.compared({"commits": [made], "diffs": listed, "compare_timeout": False})
    assert seen.files is not None
    # in these examples the lines of a diff are run together, so nobody can count them
    assert [one.lines for one in seen.files] == [None, None]
    assert read.hands(seen.commits) == (Hand(("dmitriy.zaporozhets@gmail.com",)),)
    assert seen.messages[0].subject == "Sanitize for network graph"
    merged = json.loads((folder / "get_merge_request.json").read_text())
    assert [one.number for one in read.merge_requests([merged], commit_of("0"))] == [14656]
