"""What GitHub verifies of a change, from answers as GitHub gives them; whatever is cut or missing
is silent (A15, F23).
"""

import json
from typing import Any

import pytest

from gate.core.change import Repository
from gate.core.facts import Value
from gate.core.messages.host import (
    FROM_BASE,
    OF_CHECKS,
    OF_REVIEWS,
    Hand,
    HostFacts,
    Review,
    Reviews,
    Verdict,
)
from gate.errors import Invalid, SourceUnavailable
from gate.integrations.github.app import PERMISSIONS, App
from gate.integrations.github.facts import HEADERS, PUBLIC_API, issuer_of
from gate.integrations.http.rest import Rest
from tests.builders import ISSUER, commit_of
from tests.integrations.fake_github import APP_ID, Canned, FakeGitHub, reply
from tests.integrations.github_answers import (
    BASE,
    HEAD,
    REPOSITORY,
    SPAN,
    answer,
    ask,
    check,
    comparison,
    fake,
    file,
    github,
)

pytestmark = pytest.mark.anyio


# A whole answer


async def test_a_small_reviewed_change() -> None:
    heard = await answer(fake())

    assert heard == HostFacts(
        base=BASE,
        values={
            "diff.files": ("src/cart.py",),
            "diff.files_changed": 1,
            "diff.lines_added": 5,
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
        hands=(
            Hand(("github:cy", "cy@example.com"), confirmed=True),
            Hand(("github:cy",), confirmed=True),
        ),
        all_hands=True,
        commits=(HEAD,),
        reviews=Reviews(
            (Review("github:ada-gh", Verdict.APPROVES, of_commit=True, may_write=True),), 7
        ),
    )


async def test_the_gate_asks_for_no_more_than_it_needs_and_says_who_it_is() -> None:
    known = fake()
    await answer(known)

    made = next(one for one in known.requests if one.url.path.endswith("/access_tokens"))
    assert json.loads(made.content) == {"repository_ids": [1001], "permissions": dict(PERMISSIONS)}
    assert {one.headers["user-agent"] for one in known.requests} == {"change-gate"}
    assert {one.url.host for one in known.requests} == {"api.github.com"}


# What is cut or missing


@pytest.mark.parametrize(
    ("compared", "silent", "known"),
    [
        pytest.param(
            comparison(files=[file(f"f{n}.py") for n in range(300)]),
            {
                "diff.files",
                "diff.files_changed",
                "diff.lines_added",
                "diff.lines_deleted",
                "diff.directories",
                "diff.subsystems",
                "diff.entropy",
            },
            {"diff.commits", "author.count", "diff.reverts", "change.fixes_defect"},
            id="300 files may be more",
        ),
        pytest.param(
            comparison(total=251),
            {"author.count", "diff.reverts", "change.fixes_defect"},
            {"diff.commits", "diff.files", "diff.lines_added"},
            id="more commits than are listed",
        ),
        pytest.param(
            comparison("diverged"),
            {"diff.files", "diff.lines_added", "diff.entropy"},
            {"diff.commits", "author.count"},
            id="what changed since the two parted is not what changes here",
        ),
    ],
)
async def test_what_was_cut_is_silent(compared: Any, silent: set[str], known: set[str]) -> None:
    heard = await answer(fake(compares={SPAN: compared}))

    assert silent <= heard.silent
    assert known <= heard.values.keys()
    assert heard.trouble


async def test_whoever_is_not_listed_may_be_missing() -> None:
    assert not (await answer(fake(compares={SPAN: comparison(total=251)}))).all_hands


async def test_an_unknown_base_makes_everything_that_is_measured_from_it_silent() -> None:
    heard = await answer(fake(), base=commit_of("9"))

    assert (heard.base, heard.silent, heard.all_hands) == (None, FROM_BASE, False)
    assert heard.trouble == (
        f"acme/checkout does not know both {commit_of('9')[:12]} and {HEAD[:12]}",
    )


@pytest.mark.parametrize(
    ("part", "silent"),
    [
        pytest.param("/check-runs", OF_CHECKS, id="checks"),
        pytest.param("/status", OF_CHECKS, id="statuses"),
        pytest.param("/pulls", OF_REVIEWS, id="pull requests"),
        pytest.param("/reviews", OF_REVIEWS, id="reviews"),
    ],
)
async def test_a_part_that_fails_leaves_the_others_their_answer(
    part: str, silent: frozenset[str]
) -> None:
    heard = await answer(fake(failing={part: reply(500)}))

    assert heard.silent == silent
    assert heard.values["diff.lines_added"] == 5


async def test_more_pages_than_are_read_are_no_list() -> None:
    heard = await answer(
        fake(check_runs={HEAD: [check(f"test {n}") for n in range(12)]}, page_size=2)
    )

    assert heard.silent == OF_CHECKS


async def test_all_pages_are_read() -> None:
    heard = await answer(
        fake(check_runs={HEAD: [check(f"test {n}") for n in range(9)]}, page_size=2)
    )

    assert heard.values["checks.passed"] == 9


# The base


async def test_going_back_is_measured_the_other_way_round() -> None:
    back = {
        SPAN: comparison("behind", commits=[], files=[]),
        f"{HEAD}...{BASE}": comparison(files=[file(additions=40, deletions=3)]),
    }
    heard = await answer(fake(compares=back))

    assert (
        heard.values["diff.lines_added"],
        heard.values["diff.lines_deleted"],
        heard.values["diff.commits"],
    ) == (3, 40, 0)


async def test_where_the_gate_knows_no_base_the_last_successful_deployment_is_it() -> None:
    ended = {
        1: [{"state": "failure"}],
        2: [{"state": "inactive"}, {"state": "success"}, {"state": "in_progress"}],
    }
    known = fake(
        deployments={"prod": [{"id": 1, "sha": commit_of("9")}, {"id": 2, "sha": BASE}]},
        deployment_statuses=ended,
    )
    heard = await answer(known, base=None)

    assert heard.values["diff.lines_added"] == 5
    assert heard.base is None  # any job may say so, and leave out who wrote before


async def test_a_claimed_base_says_who_wrote_and_verifies_nothing() -> None:
    heard = await answer(fake(), base=None, claimed_base=BASE)

    assert heard.base is None
    assert heard.all_hands
    assert FROM_BASE.isdisjoint(heard.values)
    assert FROM_BASE.isdisjoint(heard.silent)


async def test_without_a_pull_request_there_are_no_reviews() -> None:
    assert (await answer(fake(pulls={}))).reviews == Reviews()


# Files that only moved


@pytest.mark.parametrize(
    ("before", "lines"),
    [
        pytest.param({("old/logo.png", BASE): {"sha": "f" * 40}}, 5, id="the same"),
        pytest.param({("old/logo.png", BASE): {"sha": "0" * 40}}, None, id="something else"),
        pytest.param({}, None, id="nobody knows"),
    ],
)
async def test_c14_a_file_that_moved_has_no_lines_if_it_is_the_same(
    before: Any, lines: int | None
) -> None:
    moved = {
        **file("new/logo.png", 0, 0),
        "status": "renamed",
        "previous_filename": "old/logo.png",
        "sha": "f" * 40,
    }
    heard = await answer(fake(compares={SPAN: comparison(files=[file(), moved])}, contents=before))

    assert heard.values.get("diff.lines_added") == lines
    assert heard.values["diff.files_changed"] == 2
    assert heard.values["diff.files"] == ("new/logo.png", "old/logo.png", "src/cart.py")
    assert ("diff.lines_added" in heard.silent) is (lines is None)


async def test_c14_a_path_cannot_lead_out_of_the_repository() -> None:
    moved = {**file("new", 0, 0), "previous_filename": "../../../../user", "sha": "f" * 40}
    known = fake(compares={SPAN: comparison(files=[moved])})

    assert "diff.lines_added" in (await answer(known)).silent
    assert not [one for one in known.requests if "user" in one.url.path]


# Runs


@pytest.mark.parametrize(
    ("run", "knows", "ref", "workflow"),
    [
        pytest.param(
            {},
            {},
            "refs/heads/main",
            "acme/checkout/.github/workflows/deploy.yml@refs/heads/main",
            id="a branch",
        ),
        pytest.param(
            {"path": ".github/workflows/deploy.yml@main"},
            {},
            "refs/heads/main",
            "acme/checkout/.github/workflows/deploy.yml@refs/heads/main",
            id="a branch that the path names too",
        ),
        pytest.param(
            {"path": ".github/workflows/a@b.yml@refs/heads/main"},
            {},
            "refs/heads/main",
            "acme/checkout/.github/workflows/a@b.yml@refs/heads/main",
            id="a file with an at sign",
        ),
        pytest.param(
            {"head_branch": "v1"},
            {"commits": {"tags/v1": {"sha": HEAD}}},
            "refs/tags/v1",
            "acme/checkout/.github/workflows/deploy.yml@refs/tags/v1",
            id="a tag",
        ),
        pytest.param(
            {"head_branch": "v1"},
            {"commits": {"tags/v1": {"sha": BASE}}},
            "v1",
            None,
            id="a tag that was moved",
        ),
        pytest.param({"head_branch": "gone"}, {}, "gone", None, id="a branch that is gone"),
        pytest.param({"head_branch": None}, {}, None, None, id="a bare commit"),
        pytest.param(
            {"head_branch": "refs/pull/7/merge"}, {}, "refs/pull/7/merge", None, id="a pull request"
        ),
        pytest.param(
            {},
            {"compares": {f"{HEAD}...{BASE}": comparison("diverged")}},
            "main",
            None,
            id="a tag that is called like a branch",
        ),
        pytest.param(
            {
                "referenced_workflows": [
                    {"path": "acme/automation/.github/workflows/deploy.yml@main", "sha": HEAD}
                ]
            },
            {},
            "refs/heads/main",
            None,
            id="it calls others, and nobody says which of them waits",
        ),
        pytest.param(
            {"path": ".github/workflows/" + "x" * 200},
            {},
            "refs/heads/main",
            None,
            id="a name that is too long",
        ),
    ],
)
async def test_c16_a_workflow_is_called_as_its_own_token_calls_it(
    run: Any, knows: Any, ref: str | None, workflow: str | None
) -> None:
    branches = {
        "main": {
            "name": "main",
            "protected": True,
            "commit": {"sha": BASE if "compares" in knows else HEAD},
        }
    }
    found = {
        "id": 9,
        "run_attempt": 1,
        "head_sha": HEAD,
        "head_branch": "main",
        "event": "push",
        "path": ".github/workflows/deploy.yml",
    }
    known = fake(branches=branches, runs={"9": found | run}, **knows)
    seen = await github(known).run(REPOSITORY, "9")

    assert (seen.ref, seen.workflow) == (ref, workflow)


# Protection


@pytest.mark.parametrize(
    ("tip", "compared", "protected"),
    [
        pytest.param(HEAD, None, True, id="the newest commit"),
        pytest.param(commit_of("d"), "ahead", True, id="an earlier commit"),
        pytest.param(commit_of("d"), "diverged", None, id="a commit that is not on it"),
        pytest.param(None, None, None, id="no branch of that name"),
    ],
)
async def test_a_branch_is_protected_where_the_commit_is_on_it(
    tip: str | None, compared: str | None, protected: Value | None
) -> None:
    branches = (
        {"release%2F1": {"name": "release/1", "protected": True, "commit": {"sha": tip}}}
        if tip
        else {}
    )
    compares = {SPAN: comparison(), f"{HEAD}...{tip}": comparison(compared or "ahead")}
    heard = await answer(fake(branches=branches, compares=compares), ref="refs/heads/release/1")

    assert heard.values.get("change.ref_protected") == protected
    assert heard.values.get("change.ref") == ("refs/heads/release/1" if protected else None)


async def test_a_token_says_it_better() -> None:
    known = fake()
    await answer(known, ref="main", proves_ref=True)

    assert known.asked("/branches/main") == 0


# Tokens


async def test_one_token_serves_many_questions_at_once() -> None:
    known = fake()
    host = github(known)
    await host.facts(ask())
    await host.facts(ask())

    assert (known.asked("/access_tokens"), known.asked("/installation")) == (1, 1)


async def test_a_token_that_was_taken_back_is_asked_for_anew() -> None:
    known = fake()
    host = github(known)
    await host.facts(ask())
    known.tokens.clear()
    assert (await host.facts(ask())).silent >= OF_CHECKS
    assert (await host.facts(ask())).silent == frozenset()


@pytest.mark.parametrize(
    ("known", "words"),
    [
        pytest.param(
            fake(repositories={}),
            "the GitHub App is not installed in acme/checkout",
            id="not installed",
        ),
        pytest.param(
            fake(repositories={"acme/checkout": 2002}),
            "may not read acme/checkout",
            id="another repository took the name",
        ),
        pytest.param(
            fake(permissions=frozenset({"contents"})),
            "it needs actions: read, checks: read",
            id="permissions are missing",
        ),
        pytest.param(
            fake(failing={"/installation": Canned(200, b"<html>")}), "no JSON", id="a proxy's page"
        ),
        pytest.param(
            fake(failing={"/installation": reply(200, {"id": "x"})}),
            "a whole number was promised",
            id="another shape",
        ),
    ],
)
async def test_without_a_token_there_is_no_answer(known: FakeGitHub, words: str) -> None:
    with pytest.raises(SourceUnavailable, match=words):
        await answer(known)


async def test_a_repository_without_a_name_is_not_guessed() -> None:
    with pytest.raises(SourceUnavailable, match="the catalogue gives no name for repository 1001"):
        await answer(fake(), repository=Repository(ISSUER, 1001))


def test_a_key_that_cannot_sign_is_said_at_start() -> None:
    with pytest.raises(Invalid, match="GATE_GITHUB_APP_KEY_FILE has no private key"):
        App(APP_ID, "no key", Rest(PUBLIC_API, HEADERS))


# Other GitHubs


@pytest.mark.parametrize(
    ("url", "issuer"),
    [
        pytest.param("https://api.github.com", ISSUER, id="the public one"),
        pytest.param(
            "https://api.acme.ghe.com",
            "https://token.actions.acme.ghe.com",
            id="with data residency",
        ),
        pytest.param(
            "https://git.acme.example/api/v3",
            "https://git.acme.example/_services/token",
            id="a server",
        ),
        pytest.param(
            "https://git.acme.example:8443/api/v3",
            "https://git.acme.example:8443/_services/token",
            id="on another port",
        ),
    ],
)
def test_the_issuer_of_a_github(url: str, issuer: str) -> None:
    assert issuer_of(url) == issuer


async def test_a_server_of_ones_own_has_a_path_before_everything() -> None:
    known = fake(prefix="/api/v3")
    heard = await github(known, "https://git.acme.example/api/v3/").facts(ask())

    assert heard.values["diff.lines_added"] == 5
    assert all(one.url.path.startswith("/api/v3/") for one in known.requests)
