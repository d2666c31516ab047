"""The history before base: how well its authors know the code, and how often the files were
changed.
"""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from gate.client.git.commits import Commit
from gate.client.git.diff import File, subsystems, top_folder
from gate.client.git.run import Budget, Repository, unix_time

COMMITS_MAX = 200_000
"""A longer history is not read; its facts are unknown."""

FILES_ASKED_MAX = 16
"""The most paths with which git filters the history itself. With more it is faster to read all of
it and filter it here."""

NO_EARLIER_DAYS = 3_650
"""The `days_since_touched` of files that nobody touched before, as `gate.core.facts` has it."""

_DAY = 24 * 3600
_YEAR = 365 * _DAY
_FOLDER_MODE = b"040000"


class Past(NamedTuple):
    """One earlier commit."""

    hash: str
    time: int
    person: str


def earlier_commits(repository: Repository, base: str, budget: Budget) -> list[Past] | None:
    """Return every commit up to base, or None if there are more than may be read."""
    raw = repository.run(
        ["log", "-z", f"--max-count={COMMITS_MAX + 1}", "--format=%H %ct %ae%x01%an", base],
        budget=budget,
    )
    lines = raw.decode(errors="backslashreplace").split("\0")[:-1]
    if len(lines) > COMMITS_MAX:
        return None
    return [_past(line) for line in lines]


def author_facts(
    repository: Repository,
    commits: list[Commit],
    earlier: list[Past],
    files: list[File],
    at: int,
    budget: Budget,
) -> dict[str, Any]:
    """Return the facts of the group `author`, for the least experienced author of the range.

    Without commits there are no authors, and everything is 0.
    """
    authors = {one.person for one in commits}
    if not authors:
        return {
            "changes": 0,
            "recent_changes": 0,
            "subsystem_changes": 0,
            "count": 0,
            "known": False,
        }
    own: dict[str, list[Past]] = {person: [] for person in authors}
    for past in earlier:
        if past.person in own:
            own[past.person].append(past)
    least = min(
        authors, key=lambda person: (len(own[person]), recent_changes(own[person], at), person)
    )
    return {
        "changes": len(own[least]),
        "recent_changes": recent_changes(own[least], at),
        "subsystem_changes": _changes_in(repository, own[least], subsystems(files), budget),
        "count": len(authors),
        "known": all(own.values()),
    }


def recent_changes(commits: Iterable[Past], at: int) -> int:
    """Return the sum of the commits, each weighted by 1 / (whole years ago + 1), rounded down.

    It is computed with whole numbers, so that every machine gets the same sum.
    """
    by_years = Counter(max(0, at - past.time) // _YEAR + 1 for past in commits)
    if not by_years:
        return 0
    unit = math.lcm(*by_years)
    return sum(count * (unit // years) for years, count in by_years.items()) // unit


def file_facts(
    repository: Repository, base: str, files: list[File], at: int, budget: Budget
) -> dict[str, Any]:
    """Return how many people touched these files before, how often, and how long ago.

    Merges are left out, because they touch nothing by themselves.
    """
    touched = _touches(
        repository, base, {path for file in files for path in (file.path, file.old_path)}, budget
    )
    commits = {past.hash: past.person for seen in touched.values() for past in seen}
    ages = [
        max(0, at - max(past.time for past in seen))
        for file in files
        if (seen := [*touched[file.path], *touched[file.old_path]])
    ]
    return {
        "file_authors": len(set(commits.values())),
        "prior_changes": len(commits),
        "days_since_touched": sum(ages) // (len(ages) * _DAY) if ages else NO_EARLIER_DAYS,
    }


def _touches(
    repository: Repository, base: str, paths: set[bytes], budget: Budget
) -> defaultdict[bytes, list[Past]]:
    touched: defaultdict[bytes, list[Past]] = defaultdict(list)
    if not paths:
        return touched
    # A random mark begins the line of each commit, so that no path can be taken for one.
    mark = os.urandom(8).hex().encode()
    command = [
        "log",
        "-z",
        "--name-only",
        "--no-renames",
        "--no-merges",
        "--full-history",
        f"--max-count={COMMITS_MAX}",
    ]
    raw = repository.run(
        [*command, f"--format={mark.decode()}%H %ct %ae%x01%an", base, "--", *_asked(paths)],
        budget=budget,
    )
    for part in raw.split(mark)[1:]:
        line, _, names = part.partition(b"\0")
        past = _past(line.decode(errors="backslashreplace"))
        for path in names.removeprefix(b"\n").split(b"\0"):
            if path in paths:
                touched[path].append(past)
    return touched


def _asked(paths: set[bytes]) -> list[str]:
    """Return path limits for git: the files if they are few, else their folders, else none."""
    folders = {top_folder(path) for path in paths}
    wanted = paths if len(paths) <= FILES_ASKED_MAX else folders
    if b"" in wanted or len(wanted) > FILES_ASKED_MAX:
        return []
    return [f":(top,literal){os.fsdecode(path)}" for path in sorted(wanted)]


def _changes_in(
    repository: Repository, own: list[Past], folders: set[bytes], budget: Budget
) -> int:
    """Return how many of these commits touched one of the top-level folders."""
    if not own or not folders:
        return 0
    given = "".join(f"{past.hash}\n" for past in own).encode()
    raw = repository.run(
        ["diff-tree", "--stdin", "--root", "-z", "--raw", "--no-renames"],
        given=given,
        budget=budget,
    )
    tokens = iter(raw.split(b"\0"))
    current, found = b"", set()
    for token in tokens:
        if not token.startswith(b":"):
            current = token
            continue
        old_mode, new_mode = token[1:].split(b" ", 2)[:2]
        name = next(tokens)
        if (name if _FOLDER_MODE in (old_mode, new_mode) else b"") in folders:
            found.add(current)
    return len(found)


def _past(line: str) -> Past:
    name, time_text, person = line.split(" ", 2)
    address, _, full_name = person.partition("\x01")
    return Past(name, unix_time(time_text), (address or full_name).lower())
