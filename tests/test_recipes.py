"""The recipes for controllers, judged as each controller judges an answer of the gate."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.documents import ROOT, Document

RECIPES = "docs/how-to/ask-from-controllers.md"
ANSWERS = [
    pytest.param(200, {"phase": "success"}, "success", id="yes"),
    pytest.param(200, {"phase": "pending"}, "pending", id="not yet"),
    pytest.param(200, {"phase": "failure"}, "failure", id="no"),
    pytest.param(503, {"phase": "success"}, "pending", id="trouble of the gate"),
    pytest.param(401, {"type": "urn:gate:problem:unauthenticated"}, "pending", id="no token"),
    pytest.param(200, {}, "pending", id="an empty answer"),
]


def block_with(word: str) -> Any:
    """The recipe that has this word in it."""
    document = Document(RECIPES, (ROOT / RECIPES).read_text())
    return next(yaml.safe_load(block.text) for block in document.blocks if word in block.text)


def holds(expression: str, **values: Any) -> bool:
    """Evaluate an expression of expr-lang: its comparisons, `&&` and `nil` are all that is used.

    A key that a map lacks is nil there, and comparing it is no error.
    """
    python = expression.replace("&&", " and ").replace("nil", "None")
    answer = eval(python, {"__builtins__": {}}, values)  # noqa: S307 - an expression of our own page
    assert isinstance(answer, bool)
    return answer


class _Map(SimpleNamespace):
    """A map as expressions see it."""

    def __getattr__(self, name: str) -> None:
        """Nil, where it lacks the key."""
        return


@pytest.mark.parametrize(("status", "body", "word"), ANSWERS)
def test_h6_gitops_promoter_goes_on_with_a_success_alone(
    status: int, body: Mapping[str, str], word: str
) -> None:
    expression = block_with("WebRequestCommitStatus")["spec"]["success"]["when"]["expression"]
    response = SimpleNamespace(StatusCode=status, Body=_Map(**body))

    assert holds(expression, Response=response) is (word == "success")
    assert holds(expression, Response=None) is False, "a new commit inherits nothing"


@pytest.mark.parametrize(("status", "body", "word"), ANSWERS)
def test_h6_kargo_ends_with_a_yes_or_a_no_and_polls_otherwise(
    status: int, body: Mapping[str, str], word: str
) -> None:
    config = block_with("uses: http")["config"]
    response = SimpleNamespace(status=status, body=_Map(**body))

    failed = holds(config["failureExpression"], response=response)
    succeeded = holds(config["successExpression"], response=response)

    assert (failed, succeeded) == (word == "failure", word == "success")


@pytest.mark.parametrize("phase", ["success", "pending", "failure"])
def test_h6_argo_rollouts_is_inconclusive_while_it_waits(phase: str) -> None:
    (metric,) = block_with("AnalysisTemplate")["spec"]["metrics"]

    failed = holds(metric["failureCondition"], result=phase)
    succeeded = holds(metric["successCondition"], result=phase)

    assert (failed, succeeded) == (phase == "failure", phase == "success")
    assert metric["provider"]["web"]["jsonPath"] == "{$.phase}"
    assert metric["count"] >= metric["inconclusiveLimit"]
    assert metric["count"] >= metric["failureLimit"] + metric["consecutiveSuccessLimit"]


def test_h6_the_job_of_argo_cd_tries_once_and_has_an_end() -> None:
    job = block_with("PreSync")["spec"]

    assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert job["activeDeadlineSeconds"] > 0


# One freeze for all


def freeze_block(word: str) -> Any:
    """The recipe of the page about freezes that has this word in it."""
    path = "docs/how-to/freeze.md"
    document = Document(path, (ROOT / path).read_text())
    return next(yaml.safe_load(block.text) for block in document.blocks if word in block.text)


def run_script(folder: Path, script: str, place: str, status: int = 0) -> tuple[int, str]:
    """Run it by bash, where curl answers with this text, or fails as it does for 401 and 503."""
    fake = folder / "curl"
    fake.write_text(f"#!/bin/sh\ncat <<'END'\n{place}\nEND\nexit {status}\n")
    fake.chmod(0o700)
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    env |= {"GATE_URL": "https://gate.example.com", "GATE_TOKEN": "gate_x"}
    done = subprocess.run(  # noqa: S603 - a script of our own page
        ["bash", "-c", script],  # noqa: S607 - the bash of the machine, as on a runner
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, done.stdout


PLACES = [
    pytest.param('{"hold": null}', 0, False, id="open"),
    pytest.param('{"hold": {"reason": "Year-end closing"}}', 0, True, id="frozen"),
    pytest.param('{"hold": null, "unknown": []}', 0, False, id="open, and known"),
    pytest.param('{"hold": null, "unknown": ["no service chekout"]}', 0, True, id="misspelt"),
    pytest.param("{}", 0, True, id="no answer of the gate"),
    pytest.param("<html>", 0, True, id="no JSON"),
    pytest.param("", 22, True, id="no token, or trouble of the gate"),
]


@pytest.mark.skipif(shutil.which("jq") is None, reason="the recipe needs jq, as runners have it")
@pytest.mark.parametrize(("place", "status", "is_shut"), PLACES)
def test_h6_the_merge_queue_goes_on_only_where_the_gate_says_that_nothing_is_frozen(
    tmp_path: Path, place: str, status: int, *, is_shut: bool
) -> None:
    workflow = freeze_block("merge_group")
    (step,) = workflow["jobs"]["freeze"]["steps"]

    code, said = run_script(tmp_path, step["run"], place, status)

    assert (code != 0) is is_shut
    assert ("Year-end" in said) is ("Year-end" in place)
    # YAML 1.1 reads `on` as true
    assert set(workflow[True]) == {"pull_request", "merge_group"}


@pytest.mark.skipif(shutil.which("jq") is None, reason="the recipe needs jq, as runners have it")
@pytest.mark.parametrize(("place", "status", "is_shut"), PLACES)
def test_h6_the_variable_of_gitlab_is_false_only_where_the_gate_says_that_nothing_is_frozen(
    tmp_path: Path, place: str, status: int, *, is_shut: bool
) -> None:
    pipeline = freeze_block("DEPLOY_FROZEN")
    ask, deploy = "\n".join(pipeline["freeze"]["script"]), pipeline["deploy"]["script"][0]

    run_script(tmp_path, ask, place, status)
    file = tmp_path / "freeze.env"
    given = file.read_text() if file.exists() else ""

    assert run_script(tmp_path, f"{given}\n{deploy}", "")[0] == int(is_shut)


# Flux and Terraform


@pytest.mark.skipif(shutil.which("jq") is None, reason="the recipe needs jq")
@pytest.mark.parametrize(("status", "body", "word"), ANSWERS)
def test_h6_flux_follows_a_commit_that_the_gate_has_approved_and_no_other(
    tmp_path: Path, status: int, body: Mapping[str, str], word: str
) -> None:
    job = block_with("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = job["containers"]
    for name, script in (
        ("git", f"printf '{'a' * 40}\\trefs/heads/main\\n'"),
        ("kubectl", 'echo "$@"'),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o700)

    # with --fail curl ends with 22 for every other status
    code, said = run_script(
        tmp_path,
        f"REPOSITORY=x; {container['args'][0]}",
        json.dumps(body),
        0 if status == 200 else 22,
    )

    assert ("patch gitrepository" in said and "a" * 40 in said) is (word == "success")
    assert (code == 0) is (status == 200)


@pytest.mark.parametrize(("status", "body", "word"), ANSWERS)
def test_h6_terraform_goes_on_with_a_success_alone(
    status: int, body: Mapping[str, str], word: str
) -> None:
    document = Document(RECIPES, (ROOT / RECIPES).read_text())
    text = next(block.text for block in document.blocks if "postcondition" in block.text)
    condition = text.partition("condition     = ")[2].partition("\n")[0]
    tried = 'try(jsondecode(self.response_body).phase, "")'
    assert tried in condition

    python = condition.replace("&&", " and ").replace(tried, "phase")
    values = {"self": SimpleNamespace(status_code=status), "phase": body.get("phase", "")}

    assert eval(python, {"__builtins__": {}}, values) is (word == "success")  # noqa: S307 - a condition of our own page
