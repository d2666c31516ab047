"""Runs of `gate check` in a repository of two commits."""

import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gate.client.check import check
from gate.client.connection.http import Http
from gate.client.options import CheckOptions
from gate.client.show.outcome import Outcome
from gate.client.world import World
from tests.client.fake_gate import TOKEN, FakeGate
from tests.client.repositories import Repo
from tests.client.worlds import a_world


@functools.cache
def _template() -> tempfile.TemporaryDirectory[str]:
    """One repository for all; each test has a copy, and the last of them takes it away."""
    folder = tempfile.TemporaryDirectory(prefix="gate-template-")
    repo = Repo(Path(folder.name))
    repo.commit({"a": "1\n"})
    repo.commit({"a": "1\n2\n"}, message="add a line", author="ben")
    repo.git("config", "user.email", "ada@example.com")
    return folder


def a_repo(folder: Path) -> Repo:
    if not (folder / "repo").exists():
        shutil.copytree(_template().name, folder / "repo")
    return Repo(folder / "repo")


def checked(
    gate: FakeGate, folder: Path, world: World | None = None, *, seconds: float = 5, **options: Any
) -> Outcome:
    world = world or world_of(folder)
    asked = CheckOptions(
        service="checkout", environment="staging", url=gate.url, token=TOKEN
    )._replace(**options)
    return check(asked, world, Http(gate.url, world, seconds=seconds), lambda _: None)


def world_of(folder: Path, **more: Any) -> World:
    return a_world(a_repo(folder).folder, **more)


def ending(outcome: Outcome) -> tuple[int, str, bool]:
    return outcome.code, outcome.decision, outcome.admitted
