"""The differences between base and commit: those facts of the group `diff` that follow from the two
trees alone.
"""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from gate.client.git.run import GitFailed, Repository

PATHS_MAX = 3_000
PATH_BYTES_MAX = 500
LIST_BYTES_MAX = 768 * 1024
"""The limit of the list of paths as JSON, because a whole request has at most 1 MiB."""

RENAMES_MAX = 1_000
"""With more candidates than these git does not search for renames by content."""

BYTES_BEFORE_MAX = 64 * 1024 * 1024
"""Over this size the lines of the old files are not counted, and `lines_before` is unknown."""

CONTENTS_FETCHED_MAX = 2_000
"""The most files that are fetched into a partial clone, because their names must fit on a command
line."""

_GITLINK = b"160000"


class File(NamedTuple):
    """One changed file. A rename is one file, and both its paths are listed.

    Every file is text here, whatever it holds and whatever attributes say, because the author of a
    change decides both. A submodule's lines are in another repository, so they are not `counted`.
    """

    path: bytes
    old_path: bytes
    # None: it was not there, or is a submodule.
    old_blob: bytes | None
    added: int
    deleted: int
    counted: bool = True

    @property
    def lines(self) -> int:
        """The number of changed lines."""
        return self.added + self.deleted


def bring_contents(repository: Repository, base: str, commit: str) -> bool:
    """Fetch the contents that changed into a partial clone, once. Return whether all are here."""
    wanted = _contents(repository, ["diff-tree", "-r", base, commit])
    wanted |= _contents(repository, ["log", "--format=", commit, f"^{base}"])
    missing = _missing(repository, wanted)
    if not missing:
        return True
    if len(missing) > CONTENTS_FETCHED_MAX or not repository.fetch(
        [one.decode() for one in missing]
    ):
        return False
    return not _missing(repository, wanted)


def _contents(repository: Repository, command: list[str]) -> set[bytes]:
    """Return the ids of the contents before and after each change that a git command lists.

    The command reads only trees, so the contents themselves need not be in the clone.
    """
    raw = repository.run(
        [
            *command[:1],
            "-z",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            "--ignore-submodules=all",
            *command[1:],
        ]
    )
    tokens = iter(raw.split(b"\0"))
    found: set[bytes] = set()
    for token in tokens:
        # The list of each commit begins on a new line.
        change = token.lstrip(b"\n")
        if change.startswith(b":"):
            _, _, old, new, _ = change[1:].split()
            found |= {old, new}
            # Skip the path, which may look like anything, even like a change.
            next(tokens)
    return {one for one in found if one.strip(b"0")}


def _missing(repository: Repository, wanted: set[bytes]) -> list[bytes]:
    given = b"".join(one + b"\n" for one in sorted(wanted))
    lines = repository.run(["cat-file", "--batch-check"], given=given).splitlines()
    return [line.split()[0] for line in lines if line.endswith(b" missing")]


def empty_tree(repository: Repository) -> str:
    """Return the id of the tree without files, in the hash format of the repository.

    git knows that tree even if it is not stored.
    """
    return repository.run(["hash-object", "-t", "tree", "--stdin"]).decode().strip()


def changed_files(repository: Repository, base: str, commit: str) -> list[File]:
    """Return every changed file, sorted by path, with one git process."""
    raw = repository.run(
        [
            "diff-tree",
            "-r",
            "-z",
            "--raw",
            "--numstat",
            "--no-abbrev",
            "--text",
            "--ignore-submodules=none",
            "-M",
            f"-l{RENAMES_MAX}",
            "--no-ext-diff",
            "--no-textconv",
            base,
            commit,
        ]
    )
    return sorted(_parse(raw), key=lambda file: file.path)


def diff_facts(files: list[File]) -> dict[str, Any]:
    """Return counts, entropy and paths. Over a limit the paths are unknown, but not their number.

    A submodule leaves the lines unknown, because the one line that git shows of it may stand for
    any number.
    """
    folders = {file.path.rpartition(b"/")[0] for file in files}
    counted = all(file.counted for file in files)
    return {
        "files": _paths(files),
        "files_changed": len(files),
        "lines_added": sum(file.added for file in files) if counted else None,
        "lines_deleted": sum(file.deleted for file in files) if counted else None,
        "directories": len(folders),
        "subsystems": len(subsystems(files)),
        "entropy": entropy([file.lines for file in files]) if counted else None,
    }


def subsystems(files: list[File]) -> set[bytes]:
    """Return the top-level folders; files outside any folder count as one more, the empty name."""
    return {top_folder(path) for path in (file.path for file in files)}


def top_folder(path: bytes) -> bytes:
    """Return the first folder of a path, empty for a file outside any folder."""
    folder, slash, _ = path.partition(b"/")
    return folder if slash else b""


def entropy(lines: list[int]) -> float:
    """Return Shannon's entropy of the changed lines over the files, in bits, with 4 places.

    `fsum` keeps the result the same in whatever order the files come.
    """
    total = sum(lines)
    parts = [count / total for count in lines if count] if total else []
    return round(max(0.0, -math.fsum(part * math.log2(part) for part in parts)), 4)


def lines_before(repository: Repository, files: list[File]) -> int | None:
    """Return the number of lines that the touched files had before the change.

    None if they are too large to read, or not in this clone.
    """
    if not all(file.counted for file in files):
        return None
    blobs = [file.old_blob for file in files if file.old_blob]
    if not blobs:
        return 0
    asked = b"\n".join(blobs) + b"\n"
    try:
        sizes = repository.run(["cat-file", "--batch-check=%(objectsize)"], given=asked).split()
        if sum(int(size) for size in sizes) > BYTES_BEFORE_MAX:
            return None
        content = repository.run(["cat-file", "--batch=%(objectsize)", "--buffer"], given=asked)
    except (GitFailed, ValueError):  # an object that is missing is answered in words
        return None
    return _count_lines(content)


def _count_lines(content: bytes) -> int:
    """Return the number of lines in a stream of `size LF bytes LF`, as `git cat-file` writes it.

    A last line without a line break counts as well.
    """
    lines, place = 0, 0
    while place < len(content):
        end = content.index(b"\n", place)
        size = int(content[place:end])
        begins, ends = end + 1, end + 1 + size
        lines += content.count(b"\n", begins, ends)
        lines += size > 0 and content[ends - 1 : ends] != b"\n"
        place = ends + 1
    return lines


def _paths(files: list[File]) -> list[str] | None:
    """Return all paths of the files as text, or None over a limit.

    A rename has both its paths here: a file that left a folder touched it, and a rule for that
    folder must see that.
    """
    raw = sorted({path for file in files for path in (file.path, file.old_path)})
    if len(raw) > PATHS_MAX or any(len(path) > PATH_BYTES_MAX for path in raw):
        return None
    paths = [readable(path) for path in raw]
    fits = (
        all(len(path.encode()) <= PATH_BYTES_MAX for path in paths)
        and len(json.dumps(paths)) <= LIST_BYTES_MAX
    )
    return paths if fits else None


def readable(raw: bytes) -> str:
    r"""Return a path as text; bytes that are no UTF-8 are shown as \xff."""
    return raw.decode(errors="backslashreplace")


def _parse(raw: bytes) -> list[File]:
    r"""Return the files that `git diff-tree --raw --numstat -z` lists.

    First come all `:modes hashes status NUL path NUL [new path NUL]`, then all `added TAB deleted
    TAB path NUL`.
    """
    tokens = iter(raw.split(b"\0"))
    before: dict[bytes, tuple[bytes, bytes | None, bool]] = {}
    files: list[File] = []
    for token in tokens:
        if token.startswith(b":"):
            old_mode, new_mode, old_blob, _, status = token[1:].split()
            old_path = next(tokens)
            path = next(tokens) if status[:1] in b"RC" else old_path
            submodule = _GITLINK in (old_mode, new_mode)
            there = old_blob.strip(b"0") and old_mode != _GITLINK
            before[path] = (old_path, old_blob if there else None, submodule)
        elif token:
            added, deleted, path = token.split(b"\t", 2)
            # An empty path stands for a rename, whose two paths follow.
            if not path:
                _, path = next(tokens), next(tokens)
            old_path, blob, submodule = before[path]
            if submodule or added == b"-":
                files.append(File(path, old_path, blob, 0, 0, counted=False))
            else:
                files.append(File(path, old_path, blob, int(added), int(deleted)))
    return files
