"""The facts of a change as the client measures them from git, here from what a code host says: the
same words, the same numbers.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gate.core.facts import LIST_LENGTH_MAX, PATH_BYTES_MAX, Value, decimal

GITHUB_ADDRESS = "noreply@github.com"
"""Under which GitHub commits in its own name, as when somebody merges in the browser. Anybody can
write it."""

_FIX = re.compile(r"^(fix|bug|hotfix)\b|\b(fix(es|ed)?|bug|defect|regression)\b", re.IGNORECASE)
_REVERT_SUBJECT = re.compile(r'^Revert "')
_REVERT_BODY = re.compile(r"^This reverts commit [0-9a-f]{7,64}", re.MULTILINE)
_CO_AUTHOR = re.compile(
    r"^[ \t]*co-authored-by:[ \t]*(?:[^<>\n]*<)?([^<>\n]+)>?[ \t]*$", re.IGNORECASE | re.MULTILINE
)


class Lines(NamedTuple):
    """How many lines changed."""

    added: int
    deleted: int

    @property
    def both(self) -> int:
        """Added and deleted."""
        return self.added + self.deleted


class File(NamedTuple):
    """One changed file.

    `lines` None: the host does not say how many changed. `before`: where it was, if it was moved.

    That is so for what it takes for binary, and attributes in the repository, or one NUL, decide
    what that is. A submodule's lines are in another repository.
    """

    path: str
    lines: Lines | None
    before: str | None = None


class Message(NamedTuple):
    """What a commit says of itself."""

    text: str
    is_merge: bool = False

    @property
    def subject(self) -> str:
        """The first line."""
        return self.text.partition("\n")[0]

    @property
    def repairs(self) -> bool:
        """Whether the subject line speaks of a fix."""
        return _FIX.search(self.subject) is not None

    @property
    def reverts(self) -> bool:
        """Whether it takes back another commit."""
        return (
            _REVERT_SUBJECT.match(self.subject) is not None
            or _REVERT_BODY.search(self.text) is not None
        )

    @property
    def co_authors(self) -> tuple[str, ...]:
        """The addresses of whoever is named as having helped."""
        return tuple(one.strip() for one in _CO_AUTHOR.findall(self.text))


def diff_facts(files: Sequence[File]) -> dict[str, Value]:
    """Counts, entropy and paths. Paths over a limit make the list unknown; its count is kept."""
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
    # what left a folder touched it: a rule for that folder must see where a moved file was, too
    paths = sorted(
        {path for file in files for path in (file.path, file.before) if path is not None}
    )
    if len(paths) <= LIST_LENGTH_MAX and all(
        len(path.encode(errors="surrogatepass")) <= PATH_BYTES_MAX for path in paths
    ):
        facts["diff.files"] = tuple(paths)
    return facts


def counts(files: Sequence[File]) -> list[Lines] | None:
    """The lines of every file; None where one of them is not told."""
    known = [file.lines for file in files if file.lines is not None]
    return known if len(known) == len(files) else None


def fixes_defect(messages: Iterable[Message], files: Sequence[File] | None) -> bool | None:
    """More than half of the lines come from commits that speak of a fix; None where some do and
    some do not.

    A merge brings no lines of its own. `files` None: nobody knows how many lines there are.
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
