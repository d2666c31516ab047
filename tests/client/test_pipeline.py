"""Where a command runs, who asks there, and which token it sends."""

from pathlib import Path
from typing import Any

import pytest

from gate.client.connection.credentials import Credentials, NoCredentials
from gate.client.connection.http import Unreachable
from gate.client.pipeline import pipeline
from gate.client.state import state_file
from gate.client.world import World
from tests.client.fake_gate import cut, fake_gate, problem, raw
from tests.client.worlds import a_world

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_RUN_ID": "4525744960",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_REPOSITORY": "acme/checkout",
    "GITHUB_REPOSITORY_ID": "1001",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_SHA": "c" * 40,
    "GITHUB_ACTOR": "ada-gh",
    "GITHUB_TRIGGERING_ACTOR": "ben-gh",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PIPELINE_ID": "574",
    "CI_JOB_ID": "302",
    "CI_JOB_URL": "https://gitlab.example.com/g/p/-/jobs/302",
    "CI_SERVER_URL": "https://gitlab.example.com",
    "CI_PROJECT_ID": "20",
    "CI_PROJECT_PATH": "my-group/my-project",
    "CI_COMMIT_REF_NAME": "main",
    "CI_COMMIT_SHA": "d" * 40,
    "GITLAB_USER_LOGIN": "sample-user",
}


def world_with(folder: Path, env: dict[str, str]) -> World:
    return a_world(folder, env=env)


def test_a_laptop_has_a_run_of_its_own_and_nothing_else(tmp_path: Path) -> None:
    found = pipeline(world_with(tmp_path, {"GITHUB_ACTIONS": "true", "CI": "true"}))
    assert found == ("local", {"id": "local-id-1", "attempt": 1}, None, None, None, None, ())


def test_a_github_run_is_named_by_its_numbers_and_whoever_ran_it_again_took_part(
    tmp_path: Path,
) -> None:
    found = pipeline(world_with(tmp_path, GITHUB))

    assert found.run == {
        "id": "4525744960",
        "attempt": 2,
        "url": "https://github.com/acme/checkout/actions/runs/4525744960",
    }
    assert found.repository == {
        "issuer": "https://token.actions.githubusercontent.com",
        "id": 1001,
        "name": "acme/checkout",
    }
    assert (found.ref, found.commit, found.requested_by, found.people) == (
        "refs/heads/main",
        "c" * 40,
        "ada-gh",
        ("ben-gh",),
    )


@pytest.mark.parametrize(
    ("server", "issuer"),
    [
        ("https://ghes.example.com", "https://ghes.example.com/_services/token"),
        ("https://octo.ghe.com", "https://token.actions.octo.ghe.com"),
        ("https://github.com.example.com", "https://github.com.example.com/_services/token"),
    ],
)
def test_the_issuer_follows_from_the_server(tmp_path: Path, server: str, issuer: str) -> None:
    repository = pipeline(world_with(tmp_path, {**GITHUB, "GITHUB_SERVER_URL": server})).repository
    assert repository is not None
    assert repository["issuer"] == issuer


def test_a_gitlab_job_is_the_attempt_of_its_pipeline(tmp_path: Path) -> None:
    found = pipeline(world_with(tmp_path, GITLAB))

    assert found.run == {
        "id": "574",
        "attempt": 302,
        "url": "https://gitlab.example.com/g/p/-/jobs/302",
    }
    assert found.repository == {
        "issuer": "https://gitlab.example.com",
        "id": 20,
        "name": "my-group/my-project",
    }
    assert (found.ref, found.commit, found.requested_by, found.people) == (
        "main",
        "d" * 40,
        "sample-user",
        (),
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"GITHUB_REPOSITORY_ID": ""},
        {"GITHUB_REPOSITORY_ID": "x1"},
        {"GITHUB_SERVER_URL": "http://ghes.internal"},
    ],
)
def test_a_repository_without_a_number_or_a_safe_address_is_not_named(
    tmp_path: Path, changed: dict[str, str]
) -> None:
    assert pipeline(world_with(tmp_path, {**GITHUB, **changed})).repository is None


def test_a_run_without_a_good_attempt_or_address_leaves_them_out(tmp_path: Path) -> None:
    found = pipeline(
        world_with(
            tmp_path,
            {**GITHUB, "GITHUB_RUN_ATTEMPT": "zero", "GITHUB_SERVER_URL": "http://ghes.internal"},
        )
    )
    assert found.run == {"id": "4525744960", "attempt": 1}


# tokens


def token_of(folder: Path, given: str | None, env: dict[str, Any]) -> tuple[str, list[str]]:
    masked: list[str] = []
    world = a_world(folder, env={"GATE_TOKEN": "", **env})
    return Credentials(world, given, "https://gate.example.com", masked.append).token(), masked


def test_no_token_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(NoCredentials, match="GATE_TOKEN"):
        token_of(tmp_path, None, {})


def test_a_token_that_was_given_comes_before_all_others_and_is_masked(tmp_path: Path) -> None:
    assert token_of(tmp_path, "gate_x", {"GATE_ID_TOKEN": "id"}) == ("gate_x", ["gate_x"])


def test_a_token_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("gate_y\n")
    assert token_of(tmp_path, None, {"GATE_TOKEN_FILE": "token"})[0] == "gate_y"
    with pytest.raises(NoCredentials, match="cannot be read"):
        token_of(tmp_path, None, {"GATE_TOKEN_FILE": "nothing"})


def test_gitlab_gives_its_token_in_a_variable(tmp_path: Path) -> None:
    assert token_of(tmp_path, None, {"GATE_ID_TOKEN": "eyJ"}) == ("eyJ", ["eyJ"])


def test_github_is_asked_for_a_token_for_this_gate(tmp_path: Path) -> None:
    with fake_gate() as runner:
        runner.always = raw(200, b'{"count": 1, "value": "eyJ"}')
        env = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{runner.url}/token?api-version=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner",
        }
        assert token_of(tmp_path, None, env) == ("eyJ", ["eyJ"])
        seen = runner.seen[0]

    assert (seen.path, seen.query) == (
        "/token",
        "api-version=2&audience=https%3A%2F%2Fgate.example.com",
    )
    assert seen.headers["authorization"] == "Bearer runner"


def test_a_runner_that_gives_no_token_is_said_so(tmp_path: Path) -> None:
    with fake_gate() as runner:
        env = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{runner.url}/token?a=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner",
        }
        runner.always = problem(403, "not_allowed")
        with pytest.raises(NoCredentials, match="gave no identity token"):
            token_of(tmp_path, None, env)
        for fault in (cut, raw(200, b'{"value": ""}')):
            runner.always = fault
            with pytest.raises(Unreachable):
                token_of(tmp_path, None, env)


@pytest.mark.parametrize(
    "url",
    [
        "http://runner.example.com/token?a=1",
        "http://localhost.example.com/token?a=1",
        "http://localhost:x@runner.example.com/?a=1",
        "http://127.0.0.1.example.com/?a=1",
        "ftp://localhost/?a=1",
        "https://?a=1",
        "http://[::1/?a=1",
        "nothing",
    ],
)
def test_the_runners_secret_goes_to_no_address_where_others_can_read_it(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(NoCredentials, match="not https"):
        token_of(tmp_path, None, {"ACTIONS_ID_TOKEN_REQUEST_URL": url})


# where the last check is remembered


def test_the_state_lies_where_it_is_told_else_with_the_runner_else_in_git_else_nowhere(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, GATE_STATE="s.json", RUNNER_TEMP="/runner")
    assert state_file(world, "/repo/.git") == tmp_path / "s.json"
    assert state_file(world._replace(env={"RUNNER_TEMP": "/runner"}), "/repo/.git") == Path(
        "/runner/gate-last.json"
    )
    assert state_file(world._replace(env={}), "/repo/.git") == Path("/repo/.git/gate-last.json")
    assert state_file(world._replace(env={}), None) is None
