"""Asking git: what is missing, too slow, or no revision is said so."""

import os
import select
from pathlib import Path

import pytest

from gate.client.git.run import Budget, GitFailed, GitTooSlow, Repository
from tests.client.repositories import ENV, Repo


def fake_git(folder: Path, script: str) -> dict[str, str]:
    """An environment in which git is this shell script; it answers the first question like git."""
    first = r"false\nfalse\n/tmp\nsha1\n/tmp/objects\n/tmp/shallow\n"
    folder.mkdir()
    place = folder / "git"
    place.write_text(
        f'#!/bin/sh\ncase "$*" in *rev-parse*) printf "{first}"; exit 0;; esac\n{script}\n'
    )
    place.chmod(0o755)
    return {**ENV, "PATH": f"{folder}{os.pathsep}{ENV['PATH']}"}


def test_no_repository_is_said_in_the_words_of_git(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="not a git repository"):
        Repository(str(tmp_path), {**ENV, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})


def test_a_missing_git_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="install git"):
        Repository(str(tmp_path), {**ENV, "PATH": str(tmp_path)})


def test_a_command_that_hangs_is_ended_with_everything_it_started(tmp_path: Path) -> None:
    repository = Repository(
        str(tmp_path),
        fake_git(
            tmp_path / "bin", f"sh -c 'echo $$ > {tmp_path}/pid; exec tail -f /dev/null' & wait"
        ),
    )
    with pytest.raises(GitTooSlow, match="git log took longer"):
        repository.run(["log"], seconds=0.3)

    assert _ends(int((tmp_path / "pid").read_text()))


def _ends(pid: int) -> bool:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with open(process, "rb") as ended:  # noqa: PTH123 - a descriptor, no path
        return bool(select.select([ended], [], [], 5)[0])


def test_a_shared_budget_limits_each_command(tmp_path: Path) -> None:
    now = [0.0]
    budget = Budget(10, lambda: now[0])
    now[0] = 11.0

    assert budget.remaining() == 0
    with pytest.raises(GitTooSlow):
        Repository(str(Repo(tmp_path).folder), ENV).run(["version"], budget=budget)


def test_an_error_is_one_short_line(tmp_path: Path) -> None:
    repository = Repository(
        str(tmp_path), fake_git(tmp_path / "bin", 'printf "fatal: %0900d\\nmore\\n" 1 >&2; exit 3')
    )
    with pytest.raises(GitFailed) as caught:
        repository.run(["log"])

    assert str(caught.value).startswith("git log failed: fatal: 000")
    assert len(str(caught.value)) < 330


@pytest.mark.parametrize("revision", ["", "-h", "--all", "HEAD\n", "nothing", "a" * 40, "HEAD~1"])
def test_what_is_no_commit_here_resolves_to_none(tmp_path: Path, revision: str) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1\n"})

    assert Repository(str(tmp_path), ENV).resolve(revision) is None


def test_branches_tags_and_short_hashes_resolve_to_the_commit(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    commit = repo.commit({"a": "1\n"})
    repo.git("tag", "--annotate", "--message", "x", "v1")
    repository = Repository(str(tmp_path), ENV)

    assert {repository.resolve(name) for name in ("HEAD", "main", "v1", commit[:8], commit)} == {
        commit
    }
    assert (repository.ref(), repository.email()) == ("refs/heads/main", None)
    assert repository.has(commit)
    assert not repository.has("main")
