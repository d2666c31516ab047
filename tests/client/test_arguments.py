"""The command line: flags and their variables, what is refused before anything is asked, and whole
runs.
"""

import ast
import json
import os
import subprocess
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import pytest

import gate.client
from gate.client import values
from gate.client.arguments import run
from tests.client.fake_gate import CHANGE, CHANGE_TOKEN, TOKEN, fake_gate, problem
from tests.client.repositories import ENV, Repo
from tests.client.test_pipeline import GITHUB, GITLAB
from tests.client.worlds import a_world, noted, said

ROOT = Path(__file__).parents[2]
NEEDED = ["check", "--service=checkout", "--environment=staging", "--url=https://gate.example.com"]


def a_repo(folder: Path) -> Repo:
    repo = Repo(folder / "repo")
    repo.commit({"a": "1\n"})
    return repo


# what is refused


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        pytest.param([], "command", id="nothing"),
        pytest.param(["chek"], "invalid choice", id="another command"),
        pytest.param(["check"], "--service is needed, or GATE_SERVICE", id="no service"),
        pytest.param(["check", "--service=a"], "--environment is needed", id="no environment"),
        pytest.param(
            ["check", "--service=a", "--environment=b"], "--url is needed", id="no address"
        ),
        pytest.param([*NEEDED, "--serv=x"], "unrecognized", id="an abbreviation"),
        pytest.param([*NEEDED, "--url=ftp://x"], "https://gate.example.com", id="another scheme"),
        pytest.param(
            [*NEEDED, "--url=https://ada:pw@x"],
            "without user name",
            id="a user name in the address",
        ),
        pytest.param(
            [*NEEDED, "--url=https://x/?a=b"], "without user name and query", id="a query"
        ),
        pytest.param([*NEEDED, "--wait=soon"], "a duration such as", id="no duration"),
        pytest.param([*NEEDED, "--wait=8d"], "at most 7d", id="too long"),
        pytest.param([*NEEDED, "--artifact=web"], "NAME=DIGEST", id="no digest"),
        pytest.param([*NEEDED, "--artifact=web=latest"], "NAME=DIGEST", id="a tag"),
        pytest.param([*NEEDED, "--fact=passed=1"], "group.name=VALUE", id="a fact without group"),
        pytest.param([*NEEDED, "--label=x"], "KEY=VALUE", id="a label without value"),
        pytest.param([*NEEDED, "--if-down=maybe"], "fail or allow", id="neither fail nor allow"),
        pytest.param(
            [*NEEDED, "--output=xml"], "text or json or github or gitlab", id="another format"
        ),
        pytest.param([*NEEDED, "--emergency=x"], "go together", id="an emergency without incident"),
        pytest.param([*NEEDED, "--incident=x"], "go together", id="an incident without emergency"),
        pytest.param(
            [*NEEDED, "--no-admit", "--statement=x"],
            "there is none",
            id="a statement without admission",
        ),
        pytest.param(
            [*NEEDED, "--statement=no/such/file"],
            "there is no folder",
            id="a folder that is not there",
        ),
        pytest.param([*NEEDED, "--rollback-plan=nothing"], "cannot be read", id="no such plan"),
        pytest.param([*NEEDED, "--rollback-plan=empty"], "has 0 characters", id="an empty plan"),
        pytest.param(
            [*NEEDED, "--rollback-plan=long"], "4001 characters", id="a plan over the limit"
        ),
        pytest.param(["close", "--url=https://x"], "--result is needed", id="no result"),
        pytest.param(
            ["close", "--url=https://x", "--result=fine"],
            "successful or successful_issues",
            id="another result",
        ),
        pytest.param(
            ["close", "--url=https://x", "--result=successful", "a/b"],
            "the id of a change",
            id="no id",
        ),
        pytest.param(
            ["close", "--url=https://x", "--result=successful", "--unreviewed=x", "chg_1"],
            "not both",
            id="both",
        ),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], says: str
) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "long").write_text("x" * 4_001)

    assert run(argv, a_world(tmp_path)) == 2
    assert says in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"GATE_NO_ADMIT": "maybe"}, "GATE_NO_ADMIT"),
        ({"GATE_FACT": "checks.passed=1\nnonsense"}, "GATE_FACT"),
        ({"GATE_WAIT": "soon"}, "a duration such as"),
        ({"GATE_IF_DOWN": "yes"}, "fail or allow"),
        ({"GATE_OUTPUT": "xml"}, "text or json"),
    ],
)
def test_a_wrong_variable_is_a_usage_error_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], env: dict[str, str], says: str
) -> None:
    assert run(NEEDED, a_world(tmp_path, env=env)) == 2
    assert says in capsys.readouterr().err


def test_a_file_of_the_runner_that_cannot_be_written_fails(tmp_path: Path) -> None:
    repo = a_repo(tmp_path)
    with fake_gate() as gate:
        world = a_world(repo.folder, GATE_URL=gate.url, GITHUB_OUTPUT=str(tmp_path))
        assert run(["check", "--service=a", "--environment=b", "--output=github"], world) == 1


# values


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("checks.passed=12", ("checks", "passed", 12)),
        ("checks.coverage_percent=81.5", ("checks", "coverage_percent", 81.5)),
        ("artifact.signed=true", ("artifact", "signed", True)),
        ("checks.failed=null", ("checks", "failed", None)),
        ("checks.failed_names=lint, unit", ("checks", "failed_names", ["lint", "unit"])),
        ('checks.failed_names=["a,b"]', ("checks", "failed_names", ["a,b"])),
        ("checks.failed_names=7", ("checks", "failed_names", ["7"])),
        ("checks.failed_names=", ("checks", "failed_names", [])),
        ("checks.failed_names=null", ("checks", "failed_names", None)),
        ("labels.version=1.10", ("labels", "version", "1.10")),
        ("labels.a=b=c", ("labels", "a", "b=c")),
        ("checks.passed=NaN", ("checks", "passed", "NaN")),
        ('checks.passed={"a": 1}', ("checks", "passed", '{"a": 1}')),
    ],
)
def test_a_fact_is_read_as_what_it_looks_like(text: str, fact: tuple[str, str, Any]) -> None:
    assert values.read_fact(text) == fact


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("90s", 90), ("30m", 1_800), ("24h", 86_400), ("7d", 604_800)],
)
def test_a_duration_is_whole_seconds(text: str, seconds: int) -> None:
    assert values.read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1.5h", "7d1s", "٣", "1w", "604801"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="duration"):
        values.read_duration(text)


def test_an_artifact_name_may_have_an_equals_sign_and_a_colon() -> None:
    digest = "sha256:" + "0" * 64
    assert values.read_artifact(f"reg.example.com:5000/a=b={digest}") == {
        "name": "reg.example.com:5000/a=b",
        "digest": digest,
    }


@pytest.mark.parametrize(
    "text", ["https://gate.example.com/", " http://127.0.0.1:8080", "https://x.example.com/gate/"]
)
def test_an_address_loses_its_last_slash_and_nothing_else(text: str) -> None:
    assert values.read_url(text) == text.strip().rstrip("/")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "https://",
        "https://x y",
        "https://x:99999",
        "https://x:0",
        "https://x\n.y",
        "https://x#a",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="allowed is an address"):
        values.read_url(text)


# whole runs


def test_everything_may_come_from_the_environment(tmp_path: Path) -> None:
    repo = a_repo(tmp_path)
    (repo.folder / "plan").write_text("go back\n")
    digest = "sha256:" + "a" * 64
    with fake_gate() as gate:
        env = {
            "GATE_SERVICE": "checkout",
            "GATE_ENVIRONMENT": "production",
            "GATE_URL": gate.url + "/",
            "GATE_ARTIFACT": f"web={digest}\n\napi={digest}\n",
            "GATE_FACT": "checks.passed=1\nchecks.failed=0",
            "GATE_LABEL": "team=a b",
            "GATE_TITLE": "a title",
            "GATE_ROLLBACK_PLAN": "plan",
            "GATE_REASON": "a customer pays twice",
            "GATE_TICKET": "PAY-17",
            "GATE_NO_ADMIT": "true",
            "GATE_EMERGENCY": "",
            "GATE_OUTPUT": "json",
        }
        world = a_world(repo.folder, env=env)
        assert run(["check"], world) == 0
        body = gate.of("submit")[0].body

    assert (body["service"], body["environment"], body["title"]) == (
        "checkout",
        "production",
        "a title",
    )
    assert (body["reason"], body["ticket"]) == ("a customer pays twice", "PAY-17")
    assert "security_impact" not in body
    assert [artifact["name"] for artifact in body["artifacts"]] == ["web", "api"]
    assert (body["facts"]["checks"], body["labels"], body["rollback_plan"]) == (
        {"passed": 1, "failed": 0},
        {"team": "a b"},
        "go back",
    )
    assert (json.loads(said(world))["exit_code"], json.loads(said(world))["admitted"]) == (0, False)


def test_a_flag_stands_above_its_variable(tmp_path: Path) -> None:
    repo = a_repo(tmp_path)
    with fake_gate() as gate:
        world = a_world(
            repo.folder,
            GATE_URL="https://gate.example.com",
            GATE_LABEL="a=b",
            GATE_ENVIRONMENT="production",
        )
        argv = ["check", "--service=a", "--environment=staging", f"--url={gate.url}", "--label=c=d"]
        assert run(argv, world) == 0
        body = gate.of("submit")[0].body

    assert (body["environment"], body["labels"]) == ("staging", {"c": "d"})


def test_check_and_then_close_need_nothing_but_the_result(tmp_path: Path) -> None:
    repo = a_repo(tmp_path)
    with fake_gate() as gate:
        world = a_world(repo.folder, GATE_URL=gate.url, GATE_STATE="")
        assert run(["check", "--service=checkout", "--environment=staging"], world) == 0
        assert (
            run(
                ["close", "--result", "successful"],
                world._replace(env={**world.env, "GATE_TOKEN": ""}),
            )
            == 0
        )
        assert gate.of("closure")[0].path == f"/v1/changes/{CHANGE}/closure"

    assert (repo.folder / ".git" / "gate-last.json").stat().st_mode & 0o777 == 0o600
    assert said(world).startswith("APPROVED and admitted  checkout to staging")
    assert "CLOSED  checkout to staging" in said(world)


def test_close_is_about_what_was_admitted_not_about_what_was_asked_last(tmp_path: Path) -> None:
    repo = a_repo(tmp_path)
    world = a_world(repo.folder)
    with fake_gate() as gate:
        address = f"--url={gate.url}"
        assert run(["check", "--service=a", "--environment=staging", address], world) == 0
        gate.states, gate.extra = ["pending"], {"id": "chg_other"}
        assert run(["check", "--service=a", "--environment=production", address], world) == 5
        gate.extra = {}
        assert run(["close", "--result=successful", address], world) == 0
        assert gate.of("closure")[0].path == f"/v1/changes/{CHANGE}/closure"


def test_no_token_appears_in_anything_that_is_shown(tmp_path: Path) -> None:
    repo = a_repo(tmp_path)
    for output in values.FORMATS:
        with fake_gate() as gate:
            gate.states = ["pending"]
            world = a_world(
                repo.folder,
                GATE_URL=gate.url,
                GITHUB_OUTPUT=str(tmp_path / "out"),
                GITHUB_STEP_SUMMARY=str(tmp_path / "sum"),
            )
            assert (
                run(
                    ["check", "--service=a", "--environment=b", "--wait=1", f"--output={output}"],
                    world,
                )
                == 5
            )
        everything = (
            said(world)
            + noted(world)
            + "".join(p.read_text() for p in (tmp_path / "out", tmp_path / "sum") if p.exists())
        )
        assert TOKEN not in everything
        assert CHANGE_TOKEN not in everything


def test_in_github_the_job_is_named_and_the_secrets_are_masked_first(tmp_path: Path) -> None:
    repo = a_repo(tmp_path)
    with fake_gate() as gate:
        env = {
            **GITHUB,
            "GATE_URL": gate.url,
            "GITHUB_OUTPUT": str(tmp_path / "out"),
            "RUNNER_TEMP": str(tmp_path),
        }
        world = a_world(repo.folder, env=env)
        assert run(["check", "--service=a", "--environment=b", "--output=github"], world) == 0
        body = gate.of("submit")[0].body

    assert (body["requested_by"], body["authors"], body["ref"]) == (
        "ada-gh",
        ["ben-gh", "ada@example.com"],
        "refs/heads/main",
    )
    assert (body["run"]["id"], body["repository"]["id"]) == ("4525744960", 1001)
    assert [line for line in noted(world).splitlines() if line.startswith("::")] == [
        f"::add-mask::{TOKEN}",
        f"::add-mask::{CHANGE_TOKEN}",
    ]
    assert "no pipeline" not in noted(world)
    assert "decision<<" in (tmp_path / "out").read_text()


def test_in_a_job_without_a_checkout_the_pipelines_own_commit_is_meant(tmp_path: Path) -> None:
    with fake_gate() as gate:
        env = {**GITLAB, "GATE_URL": gate.url, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
        world = a_world(tmp_path, env=env)
        assert run(["check", "--service=a", "--environment=b", "--output=gitlab"], world) == 0
        assert gate.of("submit")[0].body["commit"] == "d" * 40
    assert "GATE_DECISION=approved\nGATE_ADMITTED=true\n" in (tmp_path / "gate.env").read_text()


def test_turned_away_has_exit_code_4(tmp_path: Path) -> None:
    repo = a_repo(tmp_path)
    with fake_gate() as gate:
        gate.always = problem(401, "unauthenticated", "who are you?")
        world = a_world(repo.folder, GATE_URL=gate.url)
        assert run(["check", "--service=a", "--environment=b"], world) == 4
    assert "who are you?" in said(world)
    assert "check the token" in said(world)


def test_a_terminal_sees_what_is_being_done_and_nothing_of_it_stays(tmp_path: Path) -> None:
    repo = a_repo(tmp_path)
    with fake_gate() as gate:
        gate.states = ["pending", "pending", "approved"]
        world = a_world(repo.folder, terminal=True, GATE_URL=gate.url)
        assert run(["check", "--service=a", "--environment=b", "--wait=1m"], world) == 0
    assert "[####" not in said(world)
    assert "waiting for approval" in noted(world)
    assert noted(world).endswith("\r\x1b[K")


def test_a_token_over_plain_http_is_warned_of(tmp_path: Path) -> None:
    world = a_world(tmp_path, PATH="/nowhere")
    assert run([*NEEDED, "--url=http://gate.example.com"], world) == 1
    assert "can be read on its way" in noted(world)


@pytest.mark.parametrize(
    "how",
    [
        ["-m", "gate.client"],
        [str(ROOT / "gate" / "client")],
        [str(ROOT / "gate" / "client" / "__main__.py")],
    ],
)
def test_a_runner_can_start_it_in_each_way_without_anything_installed(
    tmp_path: Path, how: list[str]
) -> None:
    repo = a_repo(tmp_path)
    env = {
        **ENV,
        **({"PYTHONPATH": str(ROOT)} if "-m" in how else {}),
        "GATE_TOKEN": TOKEN,
        "PYTHONWARNINGS": "error",
    }
    with fake_gate() as gate:
        command = [
            sys.executable,
            "-S",
            *how,
            "check",
            "--service=a",
            "--environment=b",
            f"--url={gate.url}",
        ]
        done = subprocess.run(  # noqa: S603 - our own
            command, cwd=repo.folder, env=env, capture_output=True, check=False, timeout=60
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"APPROVED and admitted")


def test_the_client_imports_nothing_but_itself_and_the_standard_library() -> None:
    folder = Path(os.fspath(gate.client.__path__[0]))
    foreign = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            foreign |= {
                name
                for name in names
                if not name.startswith("gate.client")
                and name.partition(".")[0] not in sys.stdlib_module_names
            }
    assert foreign == set()
