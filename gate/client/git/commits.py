"""The commits between base and commit: who made them, and whether they fix or revert something."""

from __future__ import annotations

import re
from typing import NamedTuple

from gate.client.git.run import Repository

COMMITS_MAX = 20_000
AUTHORS_MAX = 500
AUTHOR_LENGTH_MAX = 200

_FIX = re.compile(r"^(fix|bug|hotfix)\b|\b(fix(es|ed)?|bug|defect|regression)\b", re.IGNORECASE)
_REVERT_SUBJECT = re.compile(r'^Revert "')
_REVERT_BODY = re.compile(r"^This reverts commit [0-9a-f]{7,64}", re.MULTILINE)
_CO_AUTHOR = re.compile(r"^[ \t]*co-authored-by:[ \t]*(.+)$", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"<([^<>]*)>")
_SHORTSTAT = re.compile(rb"(\d+) (?:insertion|deletion)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

_GITHUB = "noreply@github.com"
"""GitHub's own committer of merges made in the browser. Anybody can write it, so it stands for
nobody else."""

_FORMAT = "%H%x00%P%x00%ae%x00%an%x00%ce%x00%s%x00%B"
_STAT = (
    "--shortstat",
    "--text",
    "-M",
    "--ignore-submodules=none",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
)


class Commit(NamedTuple):
    """One commit of the range.

    Addresses are as they were written. A mailmap is not applied, because the author of the change
    could edit it.
    """

    hash: str
    parents: str
    author: str
    author_name: str
    committer: str
    subject: str
    message: str

    @property
    def person(self) -> str:
        """The address of its author, or else the name, in lower case."""
        return (self.author or self.author_name).lower()

    @property
    def repairs(self) -> bool:
        """Whether the subject line speaks of a fix."""
        return _FIX.search(self.subject) is not None

    @property
    def reverts(self) -> bool:
        """Whether it reverts another commit, by its message."""
        return (
            _REVERT_SUBJECT.match(self.subject) is not None
            or _REVERT_BODY.search(self.message) is not None
        )


class Range(NamedTuple):
    """Commits, newest first.

    An incomplete range was cut by a limit or by a shallow clone, so more commits may belong to it.
    """

    commits: list[Commit]
    complete: bool


def commits_between(repository: Repository, base: str | None, commit: str) -> Range:
    """Return the commits that `commit` has and `base` lacks; without a base the commit alone."""
    if base is None:
        return Range(_read(repository, ["--max-count=1", commit]), complete=False)
    return _all(repository, [commit, f"^{base}"])


def all_commits(repository: Repository, commit: str) -> Range:
    """Return the commit and everything before it."""
    return _all(repository, [commit])


def _all(repository: Repository, revisions: list[str]) -> Range:
    found = _read(repository, [f"--max-count={COMMITS_MAX + 1}", *revisions])
    # A shallow clone ends in commits that seem to have no parents. What lies before them may belong
    # to the range.
    cut = repository.shallow and any(not one.parents for one in found)
    return Range(found[:COMMITS_MAX], complete=not cut and len(found) <= COMMITS_MAX)


def _read(repository: Repository, arguments: list[str]) -> list[Commit]:
    raw = repository.run(["log", "-z", f"--format={_FORMAT}", *arguments])
    fields = raw.decode(errors="backslashreplace").split("\0")
    size = len(Commit._fields)
    return [Commit(*fields[at : at + size]) for at in range(0, len(fields) - size + 1, size)]


def people(commits: list[Commit]) -> list[str]:
    """Return authors, committers and co-authors, because none of them may approve the change."""
    found: dict[str, str] = {}
    co_authors: dict[str, None] = {}
    for one in commits:
        _add(found, one.author or one.author_name)
        if one.committer.lower() != _GITHUB:
            _add(found, one.committer)
        for line in _CO_AUTHOR.findall(one.message):
            co_authors[line] = None
    for line in co_authors:
        address = _ADDRESS.search(line)
        _add(found, address.group(1) if address else line)
    return list(found.values())


def _add(found: dict[str, str], address: str) -> None:
    address = _CONTROL.sub(" ", address).strip()[:AUTHOR_LENGTH_MAX]
    if address:
        found.setdefault(address.lower(), address)


def fixes_defect(repository: Repository, base: str, commit: str, commits: list[Commit]) -> bool:
    """Return whether more than half of the changed lines come from commits that mention a fix."""
    repairs = {one.hash for one in commits if one.repairs}
    if not repairs:
        return False
    raw = repository.run(["log", *_STAT, "--format=%x00%H%x00", commit, f"^{base}"])
    fields = raw.split(b"\0")[1:]
    lines = {
        fields[at].decode(): sum(map(int, _SHORTSTAT.findall(fields[at + 1])))
        for at in range(0, len(fields) - 1, 2)
    }
    return 2 * sum(count for name, count in lines.items() if name in repairs) > sum(lines.values())
