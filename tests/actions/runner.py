"""A small runner for composite actions: reads action.yml, sets variables and files, runs each step
with bash as GitHub's does.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.client.repositories import ENV

ROOT = Path(__file__).parents[2]
ACTIONS = ROOT / "actions"

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
JOB_TOKEN = "ghs_of.the-job"  # noqa: S105 - of nobody
"""What a runner puts in the place of `github.token`."""

_PLACE = re.compile(r"inputs\.([a-z-]+)|steps\.([a-z]+)\.outputs\.([a-z]+)")


class Unsafe(Exception):
    """An action that a branch name could give commands to, or that this runner does not
    understand.
    """


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of an action: its exit code, what it said, and what it left in the runner's
    files.
    """

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


@dataclass(slots=True)
class Runner:
    """One job: a checkout, a folder of its own, and the variables that every step sees."""

    workspace: Path
    temp: Path
    env: Mapping[str, str]
    steps: int = 0

    def use(self, name: str, **given: str) -> Ran:
        """`uses: …/actions/NAME` with these inputs; an underscore stands for a hyphen."""
        action = read_action(name)
        inputs = _inputs(action, {key.replace("_", "-"): value for key, value in given.items()})
        outputs: dict[str, dict[str, str]] = {}
        log, summary, code = "", "", 0
        for step in action["runs"]["steps"]:
            done = self._step(name, step, inputs, outputs)
            log, summary, code = log + done.log, summary + done.summary, done.code
            outputs[step["id"]] = done.outputs
            if code != 0:
                break
        said = {
            key: _filled(one["value"], inputs, outputs)
            for key, one in action.get("outputs", {}).items()
        }
        return Ran(code, log, said, summary)

    def _step(
        self,
        name: str,
        step: dict[str, Any],
        inputs: dict[str, str],
        outputs: dict[str, dict[str, str]],
    ) -> Ran:
        if _EXPRESSION.search(step["run"]):
            raise Unsafe(f"{name}: an expression inside a script")
        if step["shell"] != "bash":
            raise Unsafe(f"{name}: {step['shell']} is no shell of this runner")
        self.steps += 1
        self.temp.mkdir(exist_ok=True)
        files = {
            variable: self.temp / f"{variable.lower()}_{self.steps}"
            for variable in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
        }
        for file in files.values():
            file.touch()
        script = self.temp / f"step_{self.steps}.sh"
        script.write_text(step["run"])
        done = subprocess.run(  # noqa: S603 - the action's own script
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],  # noqa: S607 - the bash of the machine
            cwd=self.workspace,
            env={
                **ENV,
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_ACTION_PATH": str(ACTIONS / name),
                **self.env,
                **{variable: str(file) for variable, file in files.items()},
                **{
                    variable: _filled(str(value), inputs, outputs)
                    for variable, value in step.get("env", {}).items()
                },
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Ran(
            done.returncode,
            done.stdout,
            read_outputs(files["GITHUB_OUTPUT"].read_text()),
            files["GITHUB_STEP_SUMMARY"].read_text(),
        )


def read_action(name: str) -> dict[str, Any]:
    """Its `action.yml`."""
    action: dict[str, Any] = yaml.safe_load((ACTIONS / name / "action.yml").read_text())
    return action


def read_outputs(text: str) -> dict[str, str]:
    """As the runner reads the file: `NAME=VALUE`, or `NAME<<END`, lines, `END`."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, mark, end = line.partition("<<")
        if not mark or "=" in name:
            name, _, found[name] = line.partition("=")
            continue
        value: list[str] = []
        for one in lines:
            if one == end:
                break
            value.append(one)
        found[name] = "\n".join(value)
    return found


def commands(log: str) -> list[str]:
    """What a runner takes for commands: lines that begin with `::`, and the older form anywhere in
    a line.
    """
    return [line for line in log.splitlines() if line.lstrip().startswith("::") or "##[" in line]


def _inputs(action: dict[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    unknown = set(given) - set(action["inputs"])
    if unknown:
        raise Unsafe(f"no such input: {sorted(unknown)}")
    # `required` is a word for readers: the real runner starts an action without it
    usual = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
    return {
        name: given.get(name, text.replace("${{ github.token }}", JOB_TOKEN))
        for name, text in usual.items()
    }


def _filled(text: str, inputs: Mapping[str, str], outputs: Mapping[str, Mapping[str, str]]) -> str:
    def value(found: "re.Match[str]") -> str:
        place = _PLACE.fullmatch(found[1].strip())
        if place is None:
            raise Unsafe(f"{found[0]} is more than this runner reads")
        return inputs[place[1]] if place[1] else outputs.get(place[2], {}).get(place[3], "")

    return _EXPRESSION.sub(value, text)
