"""Asking git: few processes, each with a time limit, output parsed as bytes, and nothing that a configuration can bend."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

COMMAND_SECONDS_MAX = 30.0
FETCH_SECONDS_MAX = 30.0
ERROR_LENGTH_MAX = 300

FULL_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

# whatever the user's or the repository's configuration says, the numbers must be the same
_SETTINGS = (
    "core.quotePath=false",
    "diff.algorithm=default",
    "diff.ignoreSubmodules=none",
    "diff.relative=false",
    "gc.auto=0",
    "log.diffMerges=off",
    "log.follow=false",
    "log.mailmap=true",
    "log.showRoot=true",
    "log.showSignature=false",
    "maintenance.auto=false",
)
_ENVIRONMENT = {"GIT_LITERAL_PATHSPECS": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


class GitFailed(Exception):
    """git is missing, there is no repository, or a command failed; the message is for people."""


class GitTooSlow(GitFailed):
    """A command or all of them together took longer than they may."""


class Budget:
    """Seconds that several commands share."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def remaining(self) -> float:
        """What is left; never negative."""
        return max(0.0, self._end - self._monotonic())


class Head(NamedTuple):
    """The commit that is to be deployed."""

    commit: str
    time: int  # the committer's clock, unix seconds
    subject: str


class Repository:
    """One git repository, read only; the one exception is `fetch`."""

    def __init__(self, folder: str, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._env = {**env, **_ENVIRONMENT}
        answer = self.run(["rev-parse", "--is-shallow-repository", "--absolute-git-dir"]).decode(errors="replace").splitlines()
        self.shallow = answer[0] == "true"
        self.git_folder = answer[1]

    def run(
        self, arguments: Sequence[str], *, given: bytes = b"", budget: Budget | None = None, seconds: float = COMMAND_SECONDS_MAX
    ) -> bytes:
        """What git writes. `GitFailed` with git's own words where it fails, `GitTooSlow` at the time limit."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        limit = min(seconds, budget.remaining()) if budget else seconds
        try:
            return _run(["git", *settings, *arguments], given, limit, self._folder, self._env)
        except FileNotFoundError as error:
            raise GitFailed("git was not found: install git, or give --commit with the full hash") from error
        except OSError as error:
            raise GitFailed(f"git could not be started: {error}") from error

    def resolve(self, revision: str) -> str | None:
        """The full hash of a commit; None where there is no such commit here."""
        if not revision or revision.startswith("-") or not revision.isprintable():
            return None
        try:
            found = self.run(["rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"])
        except GitTooSlow:
            raise
        except GitFailed:
            return None
        return found.decode().strip()

    def has(self, commit: str) -> bool:
        """Whether the commit itself is here; a short or symbolic name never is."""
        return FULL_HASH.fullmatch(commit) is not None and self.resolve(commit) == commit

    def fetch(self, commits: Sequence[str]) -> bool:
        """Ask the remote for these commits, once. A shallow clone stays shallow, a whole one stays whole."""
        remotes = self.run(["remote"]).decode(errors="replace").split()
        if not remotes:
            return False
        remote = "origin" if "origin" in remotes else remotes[0]
        depth = ["--depth=1"] if self.shallow else []
        try:
            self.run(
                ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", *depth, remote, *commits],
                seconds=FETCH_SECONDS_MAX,
            )
        except GitFailed:
            return False
        return True

    def head(self, commit: str) -> Head:
        """Time and subject of a commit that is here."""
        time_text, _, subject = self.run(["log", "-1", "--format=%ct%x00%s", commit]).decode(errors="backslashreplace").partition("\0")
        return Head(commit, int(time_text), subject.strip())

    def ref(self) -> str | None:
        """The branch that is checked out, as refs/heads/…; None when there is none."""
        return self._optional(["symbolic-ref", "--quiet", "HEAD"])

    def email(self) -> str | None:
        """The git user's address."""
        return self._optional(["config", "--get", "user.email"])

    def _optional(self, arguments: Sequence[str]) -> str | None:
        try:
            return self.run(arguments).decode(errors="backslashreplace").strip() or None
        except GitFailed:
            return None


def _run(command: Sequence[str], given: bytes, seconds: float, folder: str, env: Mapping[str, str]) -> bytes:
    if seconds <= 0:
        raise GitTooSlow("the time for reading the history is used up")
    process = subprocess.Popen(  # noqa: S603 - a list, no shell; revisions are checked or full hashes
        command,
        cwd=folder,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # so that ssh, which fetch starts, ends with it
    )
    try:
        out, err = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise GitTooSlow(f"git {_verb(command)} took longer than {seconds:.0f} s") from None
    finally:
        _end(process)
    if process.returncode != 0:
        words = " ".join(err.decode(errors="replace").split())[:ERROR_LENGTH_MAX]
        raise GitFailed(f"git {_verb(command)} failed: {words or f'exit status {process.returncode}'}")
    return out


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing running, whatever interrupted us."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _verb(command: Sequence[str]) -> str:
    return command[1 + 2 * len(_SETTINGS)]
