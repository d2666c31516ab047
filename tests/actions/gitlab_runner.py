"""A small GitLab for one file: interpolates inputs, resolves `extends`, runs a job's script with
its variables and artifacts.
"""

import fnmatch
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.actions.runner import ACTIONS
from tests.client.repositories import ENV
from tests.live import GATE

TEMPLATE = ACTIONS / "gitlab" / "templates" / "gate.yml"

_INPUT = re.compile(r"\$\[\[ inputs\.([a-z-]+) \]\]")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


class Refused(Exception):
    """A configuration that GitLab would not run."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One job, ended."""

    code: int
    log: str


@dataclass(slots=True)
class Pipeline:
    """One pipeline of one project. Artifacts and dotenv variables of a job live on in `kept`."""

    project: Path
    builds: Path
    predefined: Mapping[str, str]
    kept: dict[str, tuple[Path, dict[str, str]]] = field(default_factory=dict)

    def run(self, name: str, job: Mapping[str, Any], **secrets: str) -> Finished:
        """The job in a checkout of its own. `secrets` are its identity tokens."""
        folder = self.builds / name
        if job["variables"].get("GIT_STRATEGY") == "none":
            folder.mkdir(parents=True)
        else:
            shutil.copytree(self.project, folder)
        given = {**self.predefined, "CI_PROJECT_DIR": str(folder), **secrets}
        for needed in job.get("needs", []):
            artifacts, dotenv = self.kept.get(needed["job"], (None, {}))
            if needed["artifacts"] and artifacts is not None:
                shutil.copytree(artifacts, folder, dirs_exist_ok=True)
                given |= dotenv
        given |= {
            key: _VARIABLE.sub(lambda found: given.get(found[1], ""), value)
            for key, value in job["variables"].items()
        }
        done = subprocess.run(  # noqa: S603 - the job's own script
            ["sh", "-e", "-c", "\n".join(job["script"])],  # noqa: S607 - the sh of the machine
            cwd=folder,
            env={**ENV, "PATH": f"{Path(GATE).parent}:{ENV['PATH']}", "GITLAB_CI": "true", **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode == 0 or job.get("artifacts", {}).get("when") == "always":
            self._keep(name, job, folder)
        return Finished(done.returncode, done.stdout)

    def _keep(self, name: str, job: Mapping[str, Any], folder: Path) -> None:
        wanted = job.get("artifacts", {})
        kept = self.builds / f"{name}.artifacts"
        kept.mkdir()
        for path in folder.iterdir():
            if any(fnmatch.fnmatch(path.name, pattern) for pattern in wanted.get("paths", [])):
                shutil.copy(path, kept)
        dotenv = folder / wanted.get("reports", {}).get("dotenv", "none")
        lines = dotenv.read_text().splitlines() if dotenv.is_file() else []
        self.kept[name] = kept, dict(line.split("=", 1) for line in lines)


def read_template(**given: str) -> dict[str, Any]:
    """The jobs of the file, with these inputs; an underscore stands for a hyphen."""
    specification, content = TEMPLATE.read_text().split("\n---\n")
    wanted = yaml.safe_load(specification)["spec"]["inputs"]
    values = {name.replace("_", "-"): value for name, value in given.items()}
    if set(values) - set(wanted):
        raise Refused(f"no such input: {sorted(set(values) - set(wanted))}")
    for name, one in wanted.items():
        values.setdefault(name, one.get("default"))
        if values[name] is None:
            raise Refused(f"{name} has no default")
        if "options" in one and values[name] not in one["options"]:
            raise Refused(f"{name} is one of {one['options']}")
    parsed = yaml.safe_load(content)
    filled = _filled(parsed, values)
    return {
        name: _extended(job, filled) for name, job in filled.items() if not name.startswith(".")
    }


def _filled(node: Any, values: Mapping[str, str]) -> Any:
    """Values go into texts that were read already, as GitLab does it: an input cannot add a key."""
    if isinstance(node, dict):
        return {_filled(key, values): _filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(one, values) for one in node]
    return _INPUT.sub(lambda found: values[found[1]], node) if isinstance(node, str) else node


def _extended(job: dict[str, Any], jobs: Mapping[str, Any]) -> dict[str, Any]:
    if "extends" not in job:
        return job
    base = jobs[job["extends"]]
    return {**base, **job, "variables": {**base["variables"], **job["variables"]}}
