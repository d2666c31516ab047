"""Runs git: in few processes, each with a time limit, and so that a repository cannot influence the
answers. Output is parsed as bytes.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from gate.client.git.isolation import (
    INNER_SETTINGS,
    OUTER_SETTINGS,
    copy_shallow,
    find_git,
    inner_environment,
    make_folder,
    outer_environment,
)

COMMAND_SECONDS_MAX = 30.0
FETCH_SECONDS_MAX = 30.0
ERROR_LENGTH_MAX = 300

FULL_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_HASH = re.compile(r"[0-9a-f]{4,64}")
_TIME = re.compile(r"[0-9]{1,12}")
_BARE = (
    "this folder is inside a bare repository, which may be a part of the code that is judged; "
    "if it is yours, name it by GIT_DIR"
)


class GitFailed(Exception):
    """git is missing, there is no repository, or a command failed; the message is for people."""


class GitTooSlow(GitFailed):
    """One command, or all of them together, took too long."""


class Budget:
    """A number of seconds that several commands share."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def remaining(self) -> float:
        """Return how many seconds are left, never less than 0."""
        return max(0.0, self._end - self._monotonic())


class Head(NamedTuple):
    """The commit that is to be deployed."""

    commit: str
    # The committer's clock, unix seconds.
    time: int
    subject: str


class _Found(NamedTuple):
    """A repository, as git finds it from a folder."""

    shallow: bool
    # The folder is a part of the git folder itself, as in a bare repository.
    inside: bool
    git_folder: str
    object_format: str
    objects: str
    shallow_file: str


class _Git(NamedTuple):
    """git, as it is called in one folder."""

    path: str
    settings: Sequence[str]
    folder: str
    env: Mapping[str, str]

    def run(self, arguments: Sequence[str], given: bytes, seconds: float) -> bytes:
        """Run a git command, and return its output.

        Raises `GitFailed` with git's own words, `GitTooSlow` at the time limit.
        """
        if seconds <= 0:
            raise GitTooSlow("the time for reading the history is used up")
        options = [part for setting in self.settings for part in ("-c", setting)]
        try:
            process = subprocess.Popen(  # noqa: S603 - a list, no shell; revisions are checked or full hashes
                [self.path, *options, *arguments],
                cwd=self.folder,
                env=dict(self.env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # so that ssh, which fetch starts, ends with it
            )
        except OSError as error:
            raise GitFailed(f"git could not be started: {error}") from error
        try:
            out, err = process.communicate(given, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise GitTooSlow(f"git {arguments[0]} took longer than {seconds:.0f} s") from None
        finally:
            _end(process)
        if process.returncode != 0:
            words = " ".join(err.decode(errors="replace").split())[:ERROR_LENGTH_MAX]
            because = words or f"exit status {process.returncode}"
            raise GitFailed(f"git {arguments[0]} failed: {because}")
        return out


class Repository:
    """One git repository, read only; the one exception is `fetch`.

    Commits, trees and differences are asked of an isolated git folder (see `isolation.py`); only
    names, the remote and the git user are asked of the repository itself.
    """

    def __init__(self, folder: str, env: Mapping[str, str]) -> None:
        git = find_git(env)
        if git is None:
            raise GitFailed("git was not found: install git, or give --commit with the full hash")
        outer = outer_environment(env)
        self._outer = _Git(git, OUTER_SETTINGS, folder, outer)
        found = self._look()
        if found.inside and "GIT_DIR" not in outer:
            raise GitFailed(_BARE)
        self.shallow = found.shallow
        self.git_folder = found.git_folder
        self._shallow_file = found.shallow_file
        try:
            own = make_folder(found.object_format)
            weakref.finalize(self, shutil.rmtree, own, ignore_errors=True)
            copy_shallow(self._shallow_file, own)
        except OSError as error:
            raise GitFailed(
                f"no folder could be made for reading the repository: {error}"
            ) from error
        inner = inner_environment(env, own, found.objects)
        self._inner = _Git(git, INNER_SETTINGS, own, inner)

    def run(
        self,
        arguments: Sequence[str],
        *,
        given: bytes = b"",
        budget: Budget | None = None,
        seconds: float = COMMAND_SECONDS_MAX,
    ) -> bytes:
        """Run a command about objects in the isolated folder, and return its output.

        Raises `GitFailed`, and `GitTooSlow` at the time limit.
        """
        limit = min(seconds, budget.remaining()) if budget else seconds
        return self._inner.run(arguments, given, limit)

    def _ask(self, arguments: Sequence[str], *, seconds: float = COMMAND_SECONDS_MAX) -> bytes:
        """Run a command in the repository itself: about names, its remote, the git user."""
        return self._outer.run(arguments, b"", seconds)

    def _look(self) -> _Found:
        """Return what kind of repository this is, and where its parts are."""
        questions = [
            "--is-shallow-repository",
            "--is-inside-git-dir",
            "--absolute-git-dir",
            "--show-object-format",
        ]
        paths = ["--git-path", "objects", "--git-path", "shallow"]
        said = os.fsdecode(self._ask(["rev-parse", *questions, *paths]))
        lines = said.removesuffix("\n").split("\n")
        if len(lines) != len(_Found._fields):
            raise GitFailed(
                "git does not say where its objects are; a folder's name may have a line break"
            )
        shallow, inside, git_folder, object_format, objects, shallow_file = lines
        return _Found(
            shallow == "true",
            inside == "true",
            git_folder,
            object_format,
            os.path.join(self._outer.folder, objects),  # noqa: PTH118 - as git gives it, relative or not
            os.path.join(self._outer.folder, shallow_file),  # noqa: PTH118 - the same
        )

    def resolve(self, revision: str) -> str | None:
        """Return the full hash of a commit, or None where there is no such commit here.

        A text that looks like a hash is taken for one first, because git would prefer a branch or
        tag of that name, which anybody may have made.
        """
        if not revision or revision.startswith("-") or not revision.isprintable():
            return None
        asked = ["rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
        by_hash = _optional(self.run, asked) if _HASH.fullmatch(revision) else None
        return by_hash or _optional(self._ask, asked)

    def has(self, commit: str) -> bool:
        """Return whether the commit itself is here; a short or symbolic name never is."""
        return FULL_HASH.fullmatch(commit) is not None and self.resolve(commit) == commit

    def fetch(self, objects: Sequence[str], *, depth: int | None = None) -> bool:
        """Fetch these commits or contents (whole hashes) from the remote. Return whether it worked.

        A shallow clone stays shallow, and a whole one stays whole.
        """
        remotes = self._ask(["remote"]).decode(errors="replace").split()
        if not remotes:
            return False
        remote = "origin" if "origin" in remotes else remotes[0]
        options = [
            "--quiet",
            "--no-tags",
            "--no-recurse-submodules",
            "--upload-pack=git-upload-pack",
        ]
        if self.shallow and depth is not None:
            options.append(f"--depth={depth}")
        try:
            self._ask(["fetch", *options, "--", remote, *objects], seconds=FETCH_SECONDS_MAX)
            copy_shallow(self._shallow_file, self._inner.folder)
        except (GitFailed, OSError):
            return False
        return True

    @property
    def partial(self) -> bool:
        """Whether the clone leaves out contents, which its remote promises to have."""
        return (
            _optional(self._ask, ["config", "--get-regexp", r"^remote\..*\.promisor$"]) is not None
        )

    def head(self, commit: str) -> Head:
        """Return time and subject of a commit that is here."""
        said = self.run(["log", "-1", "--format=%ct%x00%s", commit])
        time_text, _, subject = said.decode(errors="backslashreplace").partition("\0")
        return Head(commit, unix_time(time_text), subject.strip())

    def ref(self) -> str | None:
        """Return the branch that is checked out, as refs/heads/…, or None if there is none."""
        return _optional(self._ask, ["symbolic-ref", "--quiet", "HEAD"])

    def email(self) -> str | None:
        """Return the git user's address, or None."""
        return _optional(self._ask, ["config", "--get", "user.email"])


def unix_time(text: str) -> int:
    """Return a commit's time.

    A commit that git itself did not write may have none. It counts as the oldest there is.
    """
    return int(text) if _TIME.fullmatch(text) else 0


def _optional(ask: Callable[[Sequence[str]], bytes], arguments: Sequence[str]) -> str | None:
    """Return the output, or None where git fails.

    Raises `GitTooSlow`, because a late command might still have found something.
    """
    try:
        return ask(arguments).decode(errors="backslashreplace").strip() or None
    except GitTooSlow:
        raise
    except GitFailed:
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process with its children, whatever interrupted the wait for it."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
