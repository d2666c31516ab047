"""What changed between base and commit: the facts of the group `diff` that two trees alone can tell."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from gate.client.git.run import GitFailed, Repository

PATHS_MAX = 3_000
PATH_BYTES_MAX = 500
LIST_BYTES_MAX = 768 * 1024
"""As JSON: a request has at most 1 MiB."""

RENAMES_MAX = 1_000
"""More candidates than this and git stops looking for renames by content, as it does by itself."""

BYTES_BEFORE_MAX = 64 * 1024 * 1024
"""Up to this size of the old files their lines are counted; beyond, `lines_before` is unknown."""

_GITLINK = b"160000"


class File(NamedTuple):
    """One changed file. A rename is one file with its new path; a binary one has no lines."""

    path: bytes
    old_path: bytes
    old_blob: bytes | None  # None: it was not there, or is no text
    added: int
    deleted: int

    @property
    def lines(self) -> int:
        """How many lines changed."""
        return self.added + self.deleted


def changed_files(repository: Repository, base: str, commit: str) -> list[File]:
    """Every changed file, sorted by path. One git process, whatever the size."""
    raw = repository.run(
        [
            "diff-tree",
            "-r",
            "-z",
            "--raw",
            "--numstat",
            "--no-abbrev",
            "-M",
            f"-l{RENAMES_MAX}",
            "--no-ext-diff",
            "--no-textconv",
            base,
            commit,
        ]
    )
    return sorted(_parse(raw))


def diff_facts(files: list[File]) -> dict[str, Any]:
    """Counts, entropy and paths. Paths over a limit make the list unknown; its count is kept."""
    folders = {file.path.rpartition(b"/")[0] for file in files}
    return {
        "files": _paths(files),
        "files_changed": len(files),
        "lines_added": sum(file.added for file in files),
        "lines_deleted": sum(file.deleted for file in files),
        "directories": len(folders),
        "subsystems": len(subsystems(files)),
        "entropy": entropy([file.lines for file in files]),
    }


def subsystems(files: list[File]) -> set[bytes]:
    """The top-level folders; files at the top are one more, the empty name."""
    return {top_folder(path) for path in (file.path for file in files)}


def top_folder(path: bytes) -> bytes:
    """The first folder of a path, empty at the top."""
    folder, slash, _ = path.partition(b"/")
    return folder if slash else b""


def entropy(lines: list[int]) -> float:
    """Shannon's, in bits, of the changed lines over the files; 4 places."""
    total = sum(lines)
    parts = [count / total for count in lines if count] if total else []
    return round(max(0.0, -math.fsum(part * math.log2(part) for part in parts)), 4)


def lines_before(repository: Repository, files: list[File]) -> int | None:
    """Lines of the touched text files before the change, or None where that is too much to read."""
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
    """Over a stream of `size LF bytes LF`; a last line without its end is a line."""
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
    if len(files) > PATHS_MAX or any(len(file.path) > PATH_BYTES_MAX for file in files):
        return None
    paths = [readable(file.path) for file in files]
    fits = all(len(path.encode()) <= PATH_BYTES_MAX for path in paths) and len(json.dumps(paths)) <= LIST_BYTES_MAX
    return paths if fits else None


def readable(raw: bytes) -> str:
    r"""A path as text; bytes that are no UTF-8 are shown as \xff."""
    return raw.decode(errors="backslashreplace")


def _parse(raw: bytes) -> list[File]:
    r"""First all `:modes hashes status NUL path NUL [new path NUL]`, then all `added TAB deleted TAB path NUL`."""
    tokens = iter(raw.split(b"\0"))
    before: dict[bytes, tuple[bytes, bytes | None]] = {}
    files: list[File] = []
    for token in tokens:
        if token.startswith(b":"):
            old_mode, _, old_blob, _, status = token[1:].split()
            old_path = next(tokens)
            path = next(tokens) if status[:1] in b"RC" else old_path
            there = old_blob.strip(b"0") and old_mode != _GITLINK
            before[path] = (old_path, old_blob if there else None)
        elif token:
            added, deleted, path = token.split(b"\t", 2)
            if not path:  # a rename: both paths follow
                _, path = next(tokens), next(tokens)
            old_path, blob = before[path]
            binary = added == b"-"
            files.append(File(path, old_path, None if binary else blob, *((0, 0) if binary else (int(added), int(deleted)))))
    return files
