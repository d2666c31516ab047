"""Facts about history, over thousands of commits, against a model that never asks git."""

import math
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.client.git.baseline import Place
from gate.client.git.diff import entropy
from gate.client.git.facts import git_facts
from gate.client.git.history import Past, earlier_commits, recent_changes
from gate.client.git.run import Budget, GitTooSlow, Repository
from tests.client.repositories import DAY, ENV, Repo, import_stream

_Commits = list[tuple[str, int, dict[bytes, bytes | None]]]
_YEAR = 365 * DAY


def some_history(commits: int, *, seed: int) -> _Commits:
    generator = random.Random(seed)  # noqa: S311 - the same history every time
    lines: dict[bytes, int] = {}
    made: _Commits = []
    at = 1_500_000_000
    for _ in range(commits):
        at += generator.randint(600, 90_000)
        files: dict[bytes, bytes | None] = {}
        for number in (generator.randrange(300) for _ in range(generator.randint(1, 4))):
            path = (
                b"root%d" % number
                if number % 50 == 0
                else b"top%d/dir%d/f%d" % (number % 9, number % 20, number)
            )
            if path in files:
                continue
            lines[path] = (
                0 if lines.get(path, 0) > 30 else lines.get(path, 0) + generator.randint(1, 5)
            )
            # no line of one file is in another: nothing looks like a rename
            files[path] = b"".join(b"%s %d\n" % (path, line) for line in range(lines[path])) or None
        made.append((f"dev{min(generator.randrange(30), generator.randrange(30))}", at, files))
    known: set[bytes] = set()
    for _, _, files in made:  # what is not there cannot be removed
        for path in [
            path for path, content in files.items() if content is None and path not in known
        ]:
            files[path] = path + b" 0\n"
        known |= files.keys()
        known -= {path for path, content in files.items() if content is None}
    return made


def model_facts(commits: _Commits, base: int) -> dict[str, Any]:
    """The same definitions, computed from the list alone.

    `base` is the index of the base commit.
    """
    before, after = commits[: base + 1], commits[base + 1 :]
    old, new = _tree(before), _tree(commits)
    touched = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    changed = {path: _changed_lines(old.get(path, b""), new.get(path, b"")) for path in touched}
    tops = {path.partition(b"/")[0] if b"/" in path else b"" for path in touched}
    end = commits[-1][1]
    people = {author for author, _, _ in after}
    own = {person: [one for one in before if one[0] == person] for person in people}

    def weight(person: str) -> int:
        return int(
            sum((Fraction(1, (end - at) // _YEAR + 1) for _, at, _ in own[person]), Fraction(0))
        )

    least = min(
        people, key=lambda person: (len(own[person]), weight(person), f"{person}@example.com")
    )
    last = {
        path: max((at for _, at, files in before if path in files), default=None)
        for path in touched
    }
    ages = [end - at for at in last.values() if at is not None]
    earlier = [one for one in before if one[2].keys() & set(touched)]
    counts = [added + deleted for added, deleted in changed.values()]
    return {
        "diff": {
            "files": [path.decode() for path in touched],
            "files_changed": len(touched),
            "lines_added": sum(added for added, _ in changed.values()),
            "lines_deleted": sum(deleted for _, deleted in changed.values()),
            "lines_before": sum(old.get(path, b"").count(b"\n") for path in touched),
            "commits": len(after),
            "directories": len({path.rpartition(b"/")[0] for path in touched}),
            "subsystems": len(tops),
            "entropy": round(
                -sum(n / sum(counts) * math.log2(n / sum(counts)) for n in counts if n), 4
            ),
            "file_authors": len({author for author, _, _ in earlier}),
            "days_since_touched": sum(ages) // len(ages) // DAY,
            "prior_changes": len(earlier),
            "reverts": False,
        },
        "author": {
            "changes": len(own[least]),
            "recent_changes": weight(least),
            "subsystem_changes": sum(
                any((path.partition(b"/")[0] if b"/" in path else b"") in tops for path in files)
                for _, _, files in own[least]
            ),
            "count": len(people),
            "known": all(own.values()),
        },
    }


def _tree(commits: _Commits) -> dict[bytes, bytes]:
    tree: dict[bytes, bytes | None] = {}
    for _, _, files in commits:
        tree.update(files)
    return {path: content for path, content in tree.items() if content is not None}


def _changed_lines(old: bytes, new: bytes) -> tuple[int, int]:
    """Files only grow or shrink at their end, so no diff is needed."""
    difference = new.count(b"\n") - old.count(b"\n")
    return max(0, difference), max(0, -difference)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "back"), [(1, 1), (2, 3), (3, 40), (4, 400)])
def test_thousands_of_commits_give_the_facts_of_the_model(
    tmp_path: Path, seed: int, back: int
) -> None:
    commits = some_history(3_000, seed=seed)
    repo = Repo(tmp_path)
    repo.fast_import(import_stream(commits))
    repository = Repository(str(tmp_path), ENV)
    base = repo.git("rev-parse", f"main~{back}")
    found = git_facts(
        repository,
        repo.git("rev-parse", "main"),
        place=Place(base),
        asked_base=None,
        now=float(commits[-1][1]),
    )
    expected = model_facts(commits, len(commits) - 1 - back)

    assert found.notices == []
    assert found.facts["author"] == expected["author"]
    assert found.facts["diff"] == expected["diff"]
    assert found.facts["change"] == {"fixes_defect": False, "age_hours": 0}


def test_reading_the_history_stops_at_the_time_limit(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1\n"})

    with pytest.raises(GitTooSlow, match="used up"):
        earlier_commits(Repository(str(tmp_path), ENV), repo.head(), Budget(0))


@given(st.lists(st.integers(-_YEAR, 30 * _YEAR), max_size=60))
def test_recent_changes_are_the_exact_sum_rounded_down(ages: list[int]) -> None:
    now = 2_000_000_000
    exact = sum((Fraction(1, max(0, age) // _YEAR + 1) for age in ages), Fraction(0))

    assert recent_changes([Past("", now - age, "") for age in ages], now) == int(exact)


def test_three_commits_of_two_years_ago_are_one_recent_change() -> None:
    assert recent_changes([Past("", 0, "")] * 3, 2 * _YEAR) == 1


@pytest.mark.parametrize(
    ("lines", "bits"),
    [
        ([], 0.0),
        ([0], 0.0),
        ([7], 0.0),
        ([5, 5], 1.0),
        ([1, 1, 2], 1.5),
        ([1, 0, 1], 1.0),
        ([3, 1], 0.8113),
    ],
)
def test_entropy_is_in_bits_with_four_places(lines: list[int], bits: float) -> None:
    assert entropy(lines) == bits
