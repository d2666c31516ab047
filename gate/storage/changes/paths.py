"""How often changes of a place touched a path, and how often such a change failed.

A place is one service in one environment. Counted are files, the two-level folders they lie in, and
the place as a whole, whose path is empty: so that a decision reads three kinds of counts from one
table, and none of them by adding up.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gate.storage.database.hot import Either, Hot, items_of
from gate.storage.database.tx import Tx

PLACE = ""
"""The path of the place as a whole."""

ROOT = "/"
"""The folder of files that lie in none."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Distinct keys of `path_outcomes`, sorted."""

    files: tuple[str, ...]
    folders: tuple[str, ...]


def touched(files: Iterable[str]) -> Touched:
    """Return the files and their two-level folders.

    A path that is empty or ends with a slash names no file, and is not counted.
    """
    names = {name for name in files if name and not name.endswith("/")}
    return Touched(tuple(sorted(names)), tuple(sorted({_folder(name) for name in names})))


def count_change(tx: Tx, service: str, environment: str, files: Iterable[str]) -> None:
    """Count one more change of the place that touched these files.

    If they are unknown, it is counted for the place alone.
    """
    _count(tx, service, environment, files, changes=1, failures=0)


def count_failure(tx: Tx, service: str, environment: str, files: Iterable[str]) -> None:
    """Count a failure of a change that was counted before. To be called once for each change."""
    _count(tx, service, environment, files, changes=0, failures=1)


def take_back_failure(tx: Tx, service: str, environment: str, files: Iterable[str]) -> None:
    """Take back a failure that was counted. To be called once for each failure."""
    _count(tx, service, environment, files, changes=0, failures=-1)


def _count(
    tx: Tx, service: str, environment: str, files: Iterable[str], *, changes: int, failures: int
) -> None:
    """Add to the counts of the place, the files and their folders.

    The paths are sorted, so that two writers lock rows in the same order and never wait for each
    other. A row that is new begins with one change, also for a failure: that change touched it.
    """
    paths = touched(files)
    keys = items_of(sorted({PLACE, *paths.files, *paths.folders}))
    _COUNT.run(tx, service, environment, failures, keys, changes, failures)


_COUNT = Hot(
    """
INSERT INTO path_outcomes (service, environment, path, changes, failures)
SELECT {text}, {text}, {touched.value}, 1, {number} FROM {touched} WHERE true
ORDER BY {touched.value}
ON CONFLICT (service, environment, path) DO UPDATE
SET changes = path_outcomes.changes + {number}, failures = path_outcomes.failures + {number}
""",  # `WHERE true`: without it SQLite takes ON for the beginning of a join
    "touched",
    text=Either("?", "?::text"),
    number=Either("?", "?::integer"),
)


def _folder(name: str) -> str:
    first = name.find("/") + 1
    return name[: name.find("/", first) + 1] or name[:first] or ROOT
