"""Measures the facts of a change from what a code host says, just as the client does from git.

Both must get the same numbers, or every claim would contradict the host.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gate.core.facts import LIST_LENGTH_MAX, PATH_BYTES_MAX, Value, decimal

GITHUB_ADDRESS = "noreply@github.com"
"""The address under which GitHub commits, as when somebody merges in the browser. Anybody can write
it into a commit."""

_FIX = re.compile(r"^(fix|bug|hotfix)\b|\b(fix(es|ed)?|bug|defect|regression)\b", re.IGNORECASE)
_REVERT_SUBJECT = re.compile(r'^Revert "')
_REVERT_BODY = re.compile(r"^This reverts commit [0-9a-f]{7,64}", re.MULTILINE)
_CO_AUTHOR = re.compile(
    r"^[ \t]*co-authored-by:[ \t]*(?:[^<>\n]*<)?([^<>\n]+)>?[ \t]*$", re.IGNORECASE | re.MULTILINE
)


class Lines(NamedTuple):
    """The numbers of changed lines of a file."""

    added: int
    deleted: int

    @property
    def both(self) -> int:
        """The sum of added and deleted lines."""
        return self.added + self.deleted


class File(NamedTuple):
    """One changed file; `before` is its path before, if it was moved.

    `lines` is None if the host does not say how many changed. It does not for files that it takes
    for binary, which attributes in the repository or a single NUL can cause, and not for a
    submodule, whose lines are in another repository.
    """

    path: str
    lines: Lines | None
    before: str | None = None


class Message(NamedTuple):
    """The message of a commit."""

    text: str
    is_merge: bool = False

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.text.partition("\n")[0]

    @property
    def repairs(self) -> bool:
        """Whether the subject line speaks of a fix."""
        return _FIX.search(self.subject) is not None

    @property
    def reverts(self) -> bool:
        """Whether the commit reverts another one."""
        return (
            _REVERT_SUBJECT.match(self.subject) is not None
            or _REVERT_BODY.search(self.text) is not None
        )

    @property
    def co_authors(self) -> tuple[str, ...]:
        """The addresses in `Co-authored-by` lines."""
        return tuple(one.strip() for one in _CO_AUTHOR.findall(self.text))


def diff_facts(files: Sequence[File]) -> dict[str, Value]:
    """Return counts, entropy and paths.

    Paths over a limit make the list of paths unknown; their count is kept.
    """
    facts: dict[str, Value] = {
        "diff.files_changed": len(files),
        "diff.directories": len({file.path.rpartition("/")[0] for file in files}),
        "diff.subsystems": len({_top_folder(file.path) for file in files}),
    }
    counted = counts(files)
    if counted is not None:
        facts["diff.lines_added"] = sum(lines.added for lines in counted)
        facts["diff.lines_deleted"] = sum(lines.deleted for lines in counted)
        facts["diff.entropy"] = _entropy([lines.both for lines in counted])
    # The old path of a moved file counts too, because a rule for the folder that it left must see
    # that.
    paths = sorted(
        {path for file in files for path in (file.path, file.before) if path is not None}
    )
    if len(paths) <= LIST_LENGTH_MAX and all(
        len(path.encode(errors="surrogatepass")) <= PATH_BYTES_MAX for path in paths
    ):
        facts["diff.files"] = tuple(paths)
    return facts


def counts(files: Sequence[File]) -> list[Lines] | None:
    """Return the lines of every file, or None if those of one file are unknown."""
    known = [file.lines for file in files if file.lines is not None]
    return known if len(known) == len(files) else None


def fixes_defect(messages: Iterable[Message], files: Sequence[File] | None) -> bool | None:
    """Return whether more than half of the lines come from commits that are fixes.

    The host does not say how many lines each commit brings, so it is None if only some commits are
    fixes. A merge brings no lines of its own. `files` is None if the lines are unknown.
    """
    counted = None if files is None else counts(files)
    lines = None if counted is None else sum(one.both for one in counted)
    said = {one.repairs for one in messages if not one.is_merge}
    if said <= {False} or lines == 0:
        return False
    return True if said == {True} and lines is not None else None


def _top_folder(path: str) -> str:
    folder, slash, _ = path.partition("/")
    return folder if slash else ""


def _entropy(lines: Sequence[int]) -> int:
    total = sum(lines)
    parts = [count / total for count in lines if count] if total else []
    return decimal(round(max(0.0, -math.fsum(part * math.log2(part) for part in parts)), 4))
