"""`python -m benchmarks.risk.calibrated`: each project on its own, as a team that has its history.

`gate policy calibrate` fits the points to the older four fifths of a project. Both policies then
score the newest fifth, which neither has seen. A project whose calibration is refused keeps the
shipped points.
"""

import csv
import gzip
import math
import sys
from collections import defaultdict
from pathlib import Path

from benchmarks.risk.__main__ import DATA, MAP, gate, scored
from benchmarks.surroundings import say, scratch
from gate.cli.learning.calibrate import REFUSED
from gate.core.learning.figures import curve

AUC_MIN = 0.81
WORSE_MAX = 0.005


def split(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Two tables for each project: the older four fifths, and the newest.

    The older table says what was known when the newest fifth began: a failure that a later fix made
    known had not happened yet.
    """
    with gzip.open(DATA, "rt", newline="") as file:
        header, *rows = csv.reader(file)
    at, order = header.index("project"), header.index("seq")
    label, known, made = map(header.index, ("buggy", "known_at", "author_date"))
    projects = defaultdict(list)
    for row in rows:
        projects[row[at]].append(row)
    found = {}
    for project, changes in sorted(projects.items()):
        changes.sort(key=lambda row: int(row[order]))
        cut = len(changes) * 4 // 5
        for row in changes[:cut]:
            if row[label] == "1" and float(row[known] or math.inf) > float(changes[cut][made]):
                row[label] = "0"
        paths = folder / f"{project}.older.csv", folder / f"{project}.newest.csv"
        for path, part in zip(paths, (changes[:cut], changes[cut:]), strict=True):
            with path.open("w", newline="") as table:
                csv.writer(table).writerows([header, *part])
        found[project] = paths
    return found


def area(folder: Path, table: Path, *more: str | Path) -> float:
    """The area under the curve of one project's table."""
    (changes,) = scored(folder, table, *more).values()
    return curve((score, failed) for _, _, score, failed in changes).auc() or 0


def main() -> int:
    """Print both areas of every project; ends with 1 when a floor is missed."""
    if not DATA.is_file():
        say(f"{DATA} is not there; the points can be measured only beside the shared data")
        return 2
    shipped, fitted = [], []
    with scratch() as folder:
        for project, (older, newest) in split(folder).items():
            out = folder / f"{project}.yaml"
            flags = ("--map", MAP, "--label", "buggy", "--out", out)
            ended = gate("calibrate", older, *flags, quiet=True)
            if ended not in {0, REFUSED}:
                return ended
            refused = ended == REFUSED
            shipped.append(area(folder, newest))
            fitted.append(shipped[-1] if refused else area(folder, newest, "--policy", out))
            said = "refused" if refused else f"{fitted[-1]:.4f} ({fitted[-1] - shipped[-1]:+.4f})"
            say(f"{project:18} {shipped[-1]:.4f} → {said}")
    before, after = (sum(areas) / len(areas) for areas in (shipped, fitted))
    worst = max(one - two for one, two in zip(shipped, fitted, strict=True))
    say(f"averaged {before:.4f} → {after:.4f}, one project {worst:.4f} worse at most")
    return 0 if after >= AUC_MIN and worst <= WORSE_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
