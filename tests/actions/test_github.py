"""The GitHub actions, run by their real entry points as a runner does, against a running gate and a
fake one.
"""

import json
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate.client.unreviewed import FILE
from tests.actions.runner import ACTIONS, Ran, Runner, commands, read_action, read_outputs
from tests.client.checks import a_repo
from tests.client.fake_gate import (
    CHANGE,
    CHANGE_TOKEN,
    TOKEN,
    FakeGate,
    Fault,
    cut,
    fake_gate,
    problem,
    raw,
    truncated,
)
from tests.client.jobs import Job, github_env, job
from tests.identity_provider import github

NASTY = [
    "![x](http://evil.example/c.png)",
    "@everyone <img src=x onerror=alert(1)> </details>",
    "``` ` ``",
    "\n::stop-commands::x",
    "\r\n::set-output name=decision::approved",
    "##[add-mask]approved",
    "$(touch pwned) `touch pwned` ; touch pwned; ${{ secrets.TOKEN }}",
    '"; touch pwned #',
    "decision<<x\napproved\nx\ndecision=approved",
    "[link](javascript:alert(1)) https://evil.example",
]


@contextmanager
def a_runner(gate: FakeGate, folder: Path, **env: str) -> Iterator[tuple[Runner, dict[str, str]]]:
    """A job beside a fake gate, whose python3 does not wait; and the inputs that every use of an
    action has.
    """
    python = folder / "bin" / "python3"
    python.parent.mkdir(exist_ok=True)
    real = shutil.which("python3")
    shim = (
        "import runpy, sys, time; time.sleep = lambda _: None; sys.argv = sys.argv[3:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    python.write_text(f'#!/bin/sh\nexec {real} -I -B -c "{shim}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    path = {"PATH": f"{python.parent}:/usr/bin:/bin"}
    with_python = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_RUN_ID": "9001",
        "GITHUB_RUN_ATTEMPT": "1",
        **path,
        **env,
    }
    yield (
        Runner(a_repo(folder).folder, folder / "temp", with_python),
        {"url": gate.url, "token": TOKEN},
    )


def checked(runner: Runner, given: dict[str, str], **different: str) -> Ran:
    return runner.use(
        "check", **{"service": "checkout", "environment": "staging", **given, **different}
    )


# Injection


@pytest.mark.parametrize("name", ["check", "close"])
def test_no_expression_stands_in_a_script(name: str) -> None:
    scripts = [step["run"] for step in read_action(name)["runs"]["steps"]]

    assert [script for script in scripts if "${{" in script] == []


@pytest.mark.parametrize("name", ["check", "close"])
def test_every_flag_is_set_so_that_no_earlier_step_sets_it(name: str) -> None:
    source = (ACTIONS.parent / "gate" / "client" / "arguments.py").read_text()
    named = f"def _{name}_flags" if name == "check" else "def _close_flags"
    groups = ["def _common_flags", named, *(["def _asking_flags"] if name == "check" else [])]
    flags = {
        flag
        for group in groups
        for flag in re.findall(r'"--([a-z-]+)"', source.partition(group)[2].partition("\n\n\n")[0])
    }
    variables = {f"GATE_{flag.upper().replace('-', '_')}" for flag in flags}

    assert variables - set(read_action(name)["runs"]["steps"][0]["env"]) == set()


@pytest.mark.parametrize("nasty", NASTY)
def test_text_of_others_is_text_in_outputs_summary_and_log(tmp_path: Path, nasty: str) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, given):
        gate.extra = {
            "reasons": [
                {
                    "title": nasty,
                    "because": nasty,
                    "points": 3,
                    "holds": True,
                    "rule": "r",
                    "facts": {},
                }
            ],
            "standard_change": nasty,
            "hold": {"reason": nasty, "until": None},
            "state": "rejected",
        }
        gate.states = ["rejected"]
        ran = checked(
            runner,
            given,
            title=nasty,
            ref=nasty,
            labels=f"k={nasty.splitlines()[-1]}",
            commit="HEAD",
        )

    assert ran.code == 3, ran.log
    assert ran.outputs["decision"] == "rejected"
    allowed = re.compile(r"::(add-mask|error title=Change gate)::")
    assert [line for line in commands(ran.log) if not allowed.match(line)] == []
    assert not list(tmp_path.rglob("pwned"))
    assert re.search(r"[!\[\]<>@`]|https?:", outside_of_code(ran.summary)) is None


def outside_of_code(markdown: str) -> str:
    """What a reader of Markdown gives a meaning to: fenced blocks and code spans are left out."""
    without_blocks = re.sub(r"^(`{3,})text\n.*?^\1$", "", markdown, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", without_blocks)


def test_a_branch_named_like_a_command_gives_none(tmp_path: Path) -> None:
    with (
        fake_gate() as gate,
        a_runner(gate, tmp_path, GITHUB_REF="refs/heads/$(touch${IFS}pwned);`id`") as (
            runner,
            given,
        ),
    ):
        ran = checked(runner, given)

        assert ran.code == 0, ran.log
        assert gate.of("submit")[0].body["ref"] == "refs/heads/$(touch${IFS}pwned);`id`"
    assert not list(tmp_path.rglob("pwned"))


def test_what_an_earlier_step_left_in_the_environment_changes_nothing(tmp_path: Path) -> None:
    left = {
        "GATE_IF_DOWN": "allow",
        "GATE_NO_ADMIT": "true",
        "GATE_URL": "https://evil.example",
        "GATE_TOKEN": "other",
        "PYTHONPATH": "/evil",
    }
    with fake_gate() as gate, a_runner(gate, tmp_path, **left) as (runner, given):
        ran = checked(runner, given)

        assert ran.outputs["admitted"] == "true", ran.log
        assert {one.headers["authorization"] for one in gate.seen} == {
            f"Bearer {TOKEN}",
            f"Bearer {CHANGE_TOKEN}",
        }


def test_secrets_are_masked_before_anything_else_is_said_and_are_nowhere_else(
    tmp_path: Path,
) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, given):
        ran = checked(runner, given)

    lines = ran.log.splitlines()
    assert f"::add-mask::{TOKEN}" in lines
    assert f"::add-mask::{CHANGE_TOKEN}" in lines
    rest = (
        "\n".join(line for line in lines if not line.startswith("::add-mask::"))
        + ran.summary
        + json.dumps(ran.outputs)
    )
    assert TOKEN not in rest
    assert CHANGE_TOKEN not in rest


# The gate is down, or is not the gate


FAULTS: list[Any] = [
    pytest.param(raw(200, b"<html>approved</html>", "text/html"), id="HTML of a proxy"),
    pytest.param(raw(200, b'{"state": "approved"}'), id="foreign JSON"),
    pytest.param(raw(200, b""), id="200 and empty"),
    pytest.param(truncated(b'{"id": "chg_1", "sta', 400), id="truncated"),
    pytest.param(raw(502, b"<h1>Bad Gateway</h1>", "text/html"), id="502 of a proxy"),
    pytest.param(raw(302, b"", Location="https://login.example.com/"), id="a redirect to a log-in"),
    pytest.param(cut, id="cut"),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_no_usable_answer_fails_closed_after_a_few_tries_and_says_so(
    tmp_path: Path, fault: Fault
) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, given):
        gate.always = fault
        ran = checked(runner, given)

        assert len(gate.seen) <= 6
    assert (ran.code, ran.outputs["decision"], ran.outputs["admitted"]) == (1, "error", "false")
    assert "nothing is known, so nothing is allowed" in ran.summary
    assert "::error title=Change gate::ERROR" in ran.log


def test_a_fault_that_passes_is_tried_again_with_the_same_key(tmp_path: Path) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, given):
        gate.faults["submit"] = [cut, raw(503, b"<html>", "text/html")]
        ran = checked(runner, given)

        assert ran.code == 0, ran.log
        assert len({one.headers["idempotency-key"] for one in gate.of("submit")}) == 1


def test_down_and_told_to_allow_is_unreviewed_and_reported_by_close(tmp_path: Path) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, given):
        gate.always = cut
        ran = checked(runner, given, if_down="allow")
        gate.always = None
        closed = runner.use("close", status="success", **given)

        assert (ran.code, ran.outputs["decision"], ran.outputs["admitted"]) == (
            0,
            "unreviewed",
            "false",
        )
        assert "UNREVIEWED" in ran.log
        assert closed.code == 0, closed.log
        assert gate.acts()[-2:] == ["submit", "closure"]
        assert (runner.workspace / FILE).exists()


def test_an_old_report_of_another_check_is_not_reported_again(tmp_path: Path) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, given):
        (runner.workspace / FILE).write_text("{}")
        gate.states = ["rejected"]
        checked(runner, given)

        assert not (runner.workspace / FILE).exists()


def test_a_runner_without_python_says_what_is_missing(tmp_path: Path) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, given):
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty" / "bash").symlink_to(shutil.which("bash") or "")
        runner.env = {**runner.env, "PATH": str(tmp_path / "empty")}
        ran = checked(runner, given)

    assert ran.code == 1
    assert "this runner has no python3" in ran.log


# How it went


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, given):
        ran = runner.use("check", environment="staging", **given)

    assert ran.code == 2
    assert "--service is needed" in ran.log


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({"status": "success"}, "successful"),
        ({"status": "failure"}, "unsuccessful"),
        ({"status": "cancelled"}, "unsuccessful"),
        ({"status": "success", "result": "rolled_back"}, "rolled_back"),
    ],
)
def test_close_reports_the_last_check_of_the_job(
    tmp_path: Path, given: dict[str, str], result: str
) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, common):
        checked(runner, common)
        closed = runner.use("close", url=common["url"], notes="a\nb", **given)

        assert closed.code == 0, closed.log
        (report,) = gate.of("closure")
        assert (report.path, report.body["result"]) == (f"/v1/changes/{CHANGE}/closure", result)
        assert report.headers["authorization"] == f"Bearer {CHANGE_TOKEN}"


def test_close_says_nothing_where_nothing_was_started(tmp_path: Path) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, given):
        checked(runner, given)
        gate.states = ["rejected"]
        checked(runner, given)
        closed = runner.use("close", status="failure", **given)

        assert closed.code == 0
        assert "nothing to close" in closed.log
        assert gate.of("closure") == []


@pytest.mark.parametrize("status", ["", "Success", "$(touch pwned)", "success; true"])
def test_close_takes_no_status_for_another(tmp_path: Path, status: str) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, given):
        checked(runner, given)
        closed = runner.use("close", status=status, **given)

        assert (closed.code, gate.of("closure")) == (2, [])
    assert not list(tmp_path.rglob("pwned"))


def test_a_refusal_of_the_gate_ends_the_job(tmp_path: Path) -> None:
    with fake_gate() as gate, a_runner(gate, tmp_path) as (runner, given):
        gate.faults["submit"] = [problem(403, "not_allowed")]
        ran = checked(runner, given)

    assert (ran.code, ran.outputs["decision"]) == (4, "error")


# The whole way, with identity tokens


def live(here: Job, folder: Path) -> Runner:
    return Runner(here.repo.folder, folder / "temp", github_env(here))


@pytest.mark.server
def test_a_job_deploys_without_a_secret_and_reports_how_it_went(tmp_path: Path) -> None:
    with job(tmp_path) as here:
        here.github.job = lambda audience: github(aud=audience, sha=here.commit)
        runner = live(here, tmp_path)

        ran = runner.use(
            "check",
            url=here.gate.url,
            service="web",
            environment="staging",
            statement="admission.json",
        )
        closed = runner.use("close", url=here.gate.url, status="success")
        waiting = runner.use("check", url=here.gate.url, service="web", environment="production")
        nothing = runner.use("close", url=here.gate.url, status="failure")

        assert (ran.code, ran.outputs["decision"], ran.outputs["admitted"]) == (
            0,
            "approved",
            "true",
        ), ran.log
        assert "### Change gate" in ran.summary
        assert json.loads((here.repo.folder / "admission.json").read_text())["signatures"]
        assert (closed.code, closed.outputs["decision"], closed.outputs["change"]) == (
            0,
            "closed",
            ran.outputs["change"],
        ), closed.log
        assert (waiting.code, waiting.outputs["decision"]) == (5, "pending"), waiting.log
        assert nothing.code == 0
        assert "nothing to close" in nothing.log


# The runner of these tests, and the files


def test_this_runner_reads_outputs_as_the_real_one_does() -> None:
    assert read_outputs("a=1\nb<<E\nx\ny=2\nE\nc=\n") == {"a": "1", "b": "x\ny=2", "c": ""}


@pytest.mark.parametrize("name", ["check", "close"])
def test_an_action_has_what_the_format_asks_for(name: str) -> None:
    action = read_action(name)

    assert {"name", "description", "inputs", "outputs", "runs"} <= set(action)
    assert action["runs"]["using"] == "composite"
    assert all(step["shell"] == "bash" for step in action["runs"]["steps"])
    used = set(re.findall(r"inputs\.([a-z-]+)", yaml.safe_dump(action["runs"])))
    assert used == set(action["inputs"])
