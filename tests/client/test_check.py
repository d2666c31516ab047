"""`gate check` against a server: what each answer means, what is asked, and how a run that is
stopped ends.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gate.client.connection.http import RETRIES_MAX
from gate.client.show.summary import summary
from tests.client.checks import a_repo, checked, ending, world_of
from tests.client.fake_gate import CHANGE, CHANGE_TOKEN, TOKEN, an_envelope, cut, fake_gate, problem
from tests.client.repositories import ENV
from tests.client.worlds import Clock, a_world, noted

ROOT = Path(__file__).parents[2]

# what the gate may answer


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("rejected", (3, "rejected", False)),
        ("pending", (5, "pending", False)),
        ("expired", (6, "expired", False)),
        ("canceled", (6, "canceled", False)),
        ("closed", (1, "error", False)),
        ("approved", (0, "approved", True)),
        ("deploying", (0, "approved", True)),
    ],
)
def test_each_state_has_its_exit_code(
    tmp_path: Path, state: str, expected: tuple[int, str, bool]
) -> None:
    with fake_gate() as gate:
        gate.states = [state]
        assert ending(checked(gate, tmp_path)) == expected
        assert ("admission" in gate.acts()) is expected[2]


@pytest.mark.parametrize("act", ["place", "submit", "admission"])
@pytest.mark.parametrize(
    ("status", "name", "code"),
    [
        (401, "unauthenticated", 4),
        (403, "not_allowed", 4),
        (422, "invalid", 1),
        (413, "too_large", 1),
    ],
)
def test_a_refusal_has_its_exit_code(
    tmp_path: Path, act: str, status: int, name: str, code: int
) -> None:
    with fake_gate() as gate:
        gate.faults[act] = [problem(status, name, "no such thing")] * 2
        outcome = checked(gate, tmp_path)

    assert ending(outcome) == (code, "error", False)
    assert outcome.message == f"no such thing ({status} {name})"


@pytest.mark.parametrize(
    ("name", "then", "expected"),
    [
        ("frozen", "approved", (5, "pending", False)),
        ("outside_window", "approved", (5, "pending", False)),
        ("conflict", "approved", (5, "pending", False)),
        ("expired", "expired", (6, "expired", False)),
        ("not_approved", "rejected", (3, "rejected", False)),
        ("not_approved", "pending", (5, "pending", False)),
        ("state_conflict", "canceled", (6, "canceled", False)),
        ("state_conflict", "closed", (1, "error", False)),
        ("consumed", "deploying", (1, "error", False)),
        ("subject_mismatch", "approved", (1, "error", False)),
    ],
)
def test_a_refused_admission_has_the_exit_code_of_its_reason(
    tmp_path: Path, name: str, then: str, expected: tuple[int, str, bool]
) -> None:
    with fake_gate() as gate:
        gate.states = ["approved", then]
        gate.faults["admission"] = [problem(409, name)]
        assert ending(checked(gate, tmp_path)) == expected


def test_without_admission_approved_is_enough(tmp_path: Path) -> None:
    with fake_gate() as gate:
        assert ending(checked(gate, tmp_path, admit=False)) == (0, "approved", False)
        assert gate.acts() == ["place", "submit"]


def test_a_service_that_the_caller_does_not_see_has_no_base_and_the_submit_decides(
    tmp_path: Path,
) -> None:
    with fake_gate() as gate:
        gate.faults["place"] = [problem(404, "not_found")]
        assert ending(checked(gate, tmp_path)) == (0, "approved", True)
        assert "base" not in gate.of("submit")[0].body


# waiting


def test_a_change_that_is_approved_while_waiting_is_admitted(tmp_path: Path) -> None:
    clock = Clock()
    with fake_gate() as gate:
        gate.states = ["pending", "pending", "pending", "approved"]
        assert ending(
            checked(gate, tmp_path, world_of(tmp_path, clock=clock), wait_seconds=600)
        ) == (
            0,
            "approved",
            True,
        )
        assert gate.acts() == ["place", "submit", "read", "read", "read", "admission"]
        assert gate.of("read")[0].query == "wait=20"
        assert {one.headers["authorization"] for one in gate.of("read") + gate.of("admission")} == {
            f"Bearer {CHANGE_TOKEN}"
        }
        assert {one.headers["authorization"] for one in gate.of("submit") + gate.of("place")} == {
            f"Bearer {TOKEN}"
        }


def test_e26_the_page_is_named_when_the_waiting_begins_and_when_it_ends(tmp_path: Path) -> None:
    page = "https://gate.example.com/changes/chg_1"
    with fake_gate() as gate:
        gate.states = ["pending"]
        gate.extra = {"links": {"self": "https://gate.example.com/v1/changes/chg_1", "page": page}}
        world = world_of(tmp_path, clock=Clock())
        outcome = checked(gate, tmp_path, world, wait_seconds=30)

    assert [line for line in noted(world).splitlines() if line.startswith("waiting")] == [
        f"waiting up to 30 s for people, see {page}"
    ]
    assert f"see {page}" in summary(outcome).next_steps


def test_d19_a_job_too_many_reads_without_waiting(tmp_path: Path) -> None:
    too_many = problem(429, "rate_limited", "you wait 200 times already", Retry_After="1")
    with fake_gate() as gate:
        gate.states = ["pending", "pending", "approved"]
        gate.faults = {"read": [too_many] * (RETRIES_MAX + 1)}
        outcome = checked(gate, tmp_path, world_of(tmp_path, clock=Clock()), wait_seconds=600)
        reads = [one.query for one in gate.of("read")]

    assert ending(outcome) == (0, "approved", True)
    assert reads[: RETRIES_MAX + 2] == ["wait=20"] * (RETRIES_MAX + 1) + [""]


def test_b11_a_change_token_that_ended_while_waiting_gives_way_to_the_pipelines_own(
    tmp_path: Path,
) -> None:
    with fake_gate() as gate:
        gate.states = ["pending", "approved"]
        gate.faults["read"] = [problem(401, "unauthenticated")]
        outcome = checked(gate, tmp_path, world_of(tmp_path, clock=Clock()), wait_seconds=30)

    assert outcome.code == 0
    assert [one.headers["authorization"] for one in gate.of("read")] == [
        f"Bearer {CHANGE_TOKEN}",
        f"Bearer {TOKEN}",
    ]


def test_the_time_limit_ends_the_waiting_and_every_minute_it_asks_again_with_a_new_key(
    tmp_path: Path,
) -> None:
    clock = Clock()
    with fake_gate() as gate:
        gate.states = ["pending"]
        assert ending(
            checked(gate, tmp_path, world_of(tmp_path, clock=clock), wait_seconds=150)
        ) == (
            5,
            "pending",
            False,
        )
        submits = gate.of("submit")

    assert 150 <= clock.seconds <= 152
    assert len(submits) == 3
    assert len({one.headers["idempotency-key"] for one in submits}) == 3
    assert submits[0].body == submits[1].body == submits[2].body


def test_a_frozen_approval_is_admitted_when_the_freeze_ends_in_time(tmp_path: Path) -> None:
    clock = Clock()
    with fake_gate() as gate:
        gate.faults["admission"] = [problem(409, "frozen"), problem(409, "frozen")]
        assert ending(
            checked(gate, tmp_path, world_of(tmp_path, clock=clock), wait_seconds=60)
        ) == (
            0,
            "approved",
            True,
        )
    assert clock.slept == [10, 10]


def test_a_stale_decision_is_asked_anew_with_facts_against_what_runs_now(tmp_path: Path) -> None:
    repo = a_repo(tmp_path)
    first = repo.git("rev-parse", "HEAD~1")
    with fake_gate() as gate:
        gate.states = ["approved", "pending", "approved"]
        gate.running = [first, repo.head(), repo.head()]
        gate.faults["admission"] = [problem(409, "stale_decision")]
        assert ending(checked(gate, tmp_path)) == (0, "approved", True)
        submits = gate.of("submit")

    assert [one.body["base"] for one in submits] == [first, repo.head(), repo.head()]
    assert [one.body["facts"]["diff"]["lines_added"] for one in submits] == [1, 0, 0]
    assert len({one.headers["idempotency-key"] for one in submits}) == 3


@pytest.mark.parametrize(("said", "lines"), [(True, 2), (False, None), ("yes", None), (None, None)])
def test_where_nothing_was_ever_admitted_everything_is_new(
    tmp_path: Path, said: object, lines: int | None
) -> None:
    with fake_gate() as gate:
        gate.first_deployment = said
        checked(gate, tmp_path)
        body = gate.of("submit")[0].body

    assert "base" not in body
    assert (body["facts"]["diff"]["lines_added"], body["facts"]["author"]["changes"]) == (
        lines,
        None,
    )


@pytest.mark.parametrize(
    ("wait_seconds", "expected"), [(600, (0, "approved", True)), (0, (5, "pending", False))]
)
def test_an_approval_that_no_longer_counts_waits_for_another_one(
    tmp_path: Path, wait_seconds: int, expected: tuple[int, str, bool]
) -> None:
    clock = Clock()
    with fake_gate() as gate:
        gate.states = ["approved", "pending", "approved"]
        gate.faults["admission"] = [problem(409, "not_approved", "1 approval no longer counts")]
        outcome = checked(
            gate, tmp_path, world_of(tmp_path, clock=clock), wait_seconds=wait_seconds
        )

    assert ending(outcome) == expected
    assert outcome.message == (
        "" if wait_seconds else "1 approval no longer counts (409 not_approved)"
    )


def test_a_decision_that_stays_stale_is_given_up(tmp_path: Path) -> None:
    with fake_gate() as gate:
        gate.faults["admission"] = [problem(409, "stale_decision")] * 20
        assert ending(checked(gate, tmp_path)) == (5, "pending", False)
        assert len(gate.of("admission")) == 4


# what is asked


def test_a_laptop_asks_as_the_git_user_with_a_run_of_its_own_and_says_so(tmp_path: Path) -> None:
    repo = a_repo(tmp_path)
    world = world_of(tmp_path)
    with fake_gate() as gate:
        gate.running = [repo.git("rev-parse", "HEAD~1")]
        checked(gate, tmp_path, world, artifacts=({"name": "web", "digest": "sha256:" + "a" * 64},))
        body, admission = gate.of("submit")[0].body, gate.of("admission")[0].body

    assert body["requested_by"] == "ada@example.com"
    assert body["authors"] == ["ben@example.com", "ada@example.com"]
    assert "run" not in body, "outside a run the gate joins what was asked for before"
    assert admission["run"] == {"id": "local-id-1", "attempt": 1}
    assert (body["ref"], body["title"], body["base"]) == (
        "refs/heads/main",
        "add a line",
        repo.git("rev-parse", "HEAD~1"),
    )
    assert body["facts"]["diff"]["files"] == ["a"]
    assert admission == {
        "commit": repo.head(),
        "artifacts": body["artifacts"],
        "environment": "staging",
        "run": {"id": "local-id-1", "attempt": 1},
    }
    assert "this is no pipeline; asking as the git user, ada@example.com" in noted(world)


def test_a_request_has_what_was_given_and_no_more(tmp_path: Path) -> None:
    with fake_gate() as gate:
        checked(
            gate,
            tmp_path,
            facts=(("checks", "passed", 12), ("diff", "lines_added", 3)),
            labels=(("team", "payments"),),
            title="a title\nof two lines " + "x" * 300,
            rollback_plan="go back",
            emergency="it burns",
            incident="INC-1",
            ref="refs/tags/v1",
        )
        body = gate.of("submit")[0].body

    assert body["facts"]["checks"] == {"passed": 12}
    assert body["facts"]["diff"]["lines_added"] == 3
    assert (body["labels"], body["rollback_plan"], body["ref"]) == (
        {"team": "payments"},
        "go back",
        "refs/tags/v1",
    )
    assert body["emergency"] == {"reason": "it burns", "incident": "INC-1"}
    assert len(body["title"]) == 200
    assert body["title"].startswith("a title of two lines x")
    assert set(body) <= {
        *("service", "environment", "commit", "ref", "run", "requested_by", "authors", "title"),
        *("rollback_plan", "emergency", "facts", "labels"),
    }


def test_the_statement_is_the_envelope_as_it_came(tmp_path: Path) -> None:
    with fake_gate() as gate:
        checked(gate, tmp_path, statement="admission.json")
    assert json.loads((tmp_path / "repo" / "admission.json").read_text()) == an_envelope(
        CHANGE, a_repo(tmp_path).head()
    )


def test_what_close_needs_is_left_behind_for_the_owner_alone(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    with fake_gate() as gate:
        checked(gate, tmp_path, world)
    place = tmp_path / "repo" / "state.json"
    state = json.loads(place.read_text())

    assert (state["change"], state["change_token"], state["url"]) == (
        CHANGE,
        CHANGE_TOKEN,
        gate.url,
    )
    assert place.stat().st_mode & 0o777 == 0o600


# without a repository


def test_without_a_repository_and_without_a_commit_there_is_nothing_to_ask(tmp_path: Path) -> None:
    world = a_world(tmp_path, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    with fake_gate() as gate:
        outcome = checked(gate, tmp_path, world)
        assert gate.seen == []
    assert ending(outcome) == (1, "error", False)
    assert "give --commit with the full hash" in outcome.message


def test_without_git_and_without_a_commit_the_error_says_to_install_git(tmp_path: Path) -> None:
    world = a_world(tmp_path, PATH=str(tmp_path))
    with fake_gate() as gate:
        outcome = checked(gate, tmp_path, world)
    assert "install git" in outcome.message
    assert outcome.code == 1


@pytest.mark.parametrize("path", [ENV["PATH"], "/nowhere"])
def test_a_full_hash_needs_no_repository_but_every_fact_is_unknown(
    tmp_path: Path, path: str
) -> None:
    world = a_world(tmp_path, GIT_CEILING_DIRECTORIES=str(tmp_path.parent), PATH=path)
    with fake_gate() as gate:
        outcome = checked(gate, tmp_path, world, commit="c" * 40)
        body = gate.of("submit")[0].body

    assert outcome.code == 0
    assert body["commit"] == "c" * 40
    assert {value for group in body["facts"].values() for value in group.values()} == {None}
    assert "facts of the code are unknown" in noted(world)


def test_a_commit_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with fake_gate() as gate:
        assert "no commit of this repository" in checked(gate, tmp_path, commit="v99").message
        assert gate.seen == []


# being stopped


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_withdraws_its_pending_change(
    tmp_path: Path, number: signal.Signals
) -> None:
    repo = a_repo(tmp_path)
    env = {
        **ENV,
        "PYTHONPATH": str(ROOT),
        "GATE_TOKEN": TOKEN,
        "GATE_STATE": str(tmp_path / "state.json"),
    }
    with fake_gate() as gate:
        gate.states = ["pending"]
        command = [
            sys.executable,
            "-m",
            "gate.client",
            "check",
            "--service=a",
            "--environment=b",
            "--wait=1h",
            f"--url={gate.url}",
        ]
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=repo.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        gate.on_read = lambda: os.kill(process.pid, number)
        out, _ = process.communicate(timeout=30)
        canceled = gate.of("cancellation")

    assert process.returncode == 6
    assert out.startswith(b"CANCELED")
    assert [one.path for one in canceled] == [f"/v1/changes/{CHANGE}/cancellation"]
    assert canceled[0].body == {"comment": f"the run was stopped ({number.name})"}
    assert canceled[0].headers["authorization"] == f"Bearer {CHANGE_TOKEN}"


def test_a_stopped_run_that_cannot_withdraw_its_change_is_an_error_and_asks_only_once(
    tmp_path: Path,
) -> None:
    with fake_gate() as gate:
        gate.states = ["pending"]
        gate.faults["cancellation"] = [cut] * 9
        gate.on_read = lambda: os.kill(os.getpid(), signal.SIGTERM)
        outcome = checked(gate, tmp_path, wait_seconds=60)
        assert len(gate.of("cancellation")) == 1

    assert ending(outcome) == (1, "error", False)
    assert "could not be withdrawn" in outcome.message
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


# the token of the job


def lent(seen: Any) -> str | None:
    """What was lent with a request."""
    found: str | None = seen.headers.get("gate-host-token")
    return found


def test_h3_the_token_of_the_job_is_lent_with_question_and_admission_alone(tmp_path: Path) -> None:
    with fake_gate() as gate:
        env = {"GATE_ID_TOKEN": TOKEN, "GATE_HOST_TOKEN": "ghs_of.the-job"}
        world = world_of(tmp_path, env={**env, "GATE_TOKEN": ""})

        assert ending(checked(gate, tmp_path, world, token=None)) == (0, "approved", True)

        for act in ("submit", "admission"):
            (asked,) = gate.of(act)
            # It counts beside an identity token alone.
            assert (lent(asked), asked.headers["authorization"]) == (
                "ghs_of.the-job",
                f"Bearer {TOKEN}",
            )
        others = [one for one in gate.seen if one.act not in {"submit", "admission"}]
        assert {lent(one) for one in others} == {None}
        assert "ghs_of.the-job" not in (tmp_path / "repo" / "state.json").read_text()


@pytest.mark.parametrize(
    ("env", "token"),
    [
        pytest.param({"GATE_HOST_TOKEN": "ghs_of.the-job"}, TOKEN, id="beside an API token"),
        pytest.param({"GATE_HOST_TOKEN": " "}, None, id="switched off"),
    ],
)
def test_h3_nothing_is_lent(tmp_path: Path, env: dict[str, str], token: str | None) -> None:
    with fake_gate() as gate:
        world = world_of(tmp_path, env={**env, "GATE_ID_TOKEN": TOKEN, "GATE_TOKEN": ""})

        checked(gate, tmp_path, world, token=token)

        assert [lent(one) for one in gate.of("submit")] == [None]
