"""`make bench-risk`: the shipped points beside counting added lines, on changes that they were not
chosen on.

Points were chosen on the oldest four fifths of every project. The newest fifth is scored here by
the command that users have, `gate policy score`. Within a project changes are ranked; figures are
then averaged over projects, so that each counts the same.
"""

import csv
import gzip
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.surroundings import say, scratch
from gate.core.learning.figures import Curve, Scored, curve, mean

DATA = Path(__file__).parents[3] / "shared" / "data" / "risk" / "changes.csv.gz"
MAP = Path(__file__).with_name("map.yaml")
KEEP = ("project", "seq", "la", "buggy")
ALL = "all, averaged"
AUC_MIN = 0.8
WORSE_BY = 0.0005
"""Less than this is no difference in a table of three places."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one project, or the average of all."""

    auc: float
    recall_10: float
    recall_20: float
    fail_auto50: float


def figures(found: Curve) -> Figures:
    """The four figures of one curve; a project without failures has none, which is shown as 0."""
    return Figures(
        auc=found.auc() or 0,
        recall_10=found.recall(0.1) or 0,
        recall_20=found.recall(0.2) or 0,
        fail_auto50=found.failure_rate_below(0.5) or 0,
    )


def averaged(several: Sequence[Figures]) -> Figures:
    """Every project counts the same."""
    return Figures(
        *(
            mean([getattr(one, name) for one in several]) or 0
            for name in ("auc", "recall_10", "recall_20", "fail_auto50")
        )
    )


def gate(*arguments: str | Path, quiet: bool = False) -> int:
    """Run `gate policy` with these arguments. Returns the exit code."""
    program = [sys.executable, "-c", "from gate.cli.main import main; main()", "policy"]
    unheard = subprocess.DEVNULL if quiet else None
    return subprocess.run(  # noqa: S603 - our own command, with paths of our own
        [*program, *map(str, arguments)], check=False, stdout=unheard, stderr=unheard
    ).returncode


def scored(
    folder: Path, table: Path = DATA, *more: str | Path
) -> dict[str, list[tuple[int, int, int, bool]]]:
    """Every change by project, in order of time: its place, lines added, score, and whether it
    failed.
    """
    out = folder / "scores.csv.gz"
    if gate("score", table, "--map", MAP, "--keep", ",".join(KEEP), "--out", out, *more):
        raise SystemExit(1)
    projects = defaultdict(list)
    with gzip.open(out, "rt", newline="") as file:
        for project, seq, lines, failed, score in list(csv.reader(file))[1:]:
            projects[project].append((int(seq), int(lines), int(score), failed == "1"))
    return {project: sorted(changes) for project, changes in projects.items()}


def newest(
    projects: Mapping[str, Sequence[tuple[int, int, int, bool]]],
) -> dict[str, tuple[list[Scored], list[Scored]]]:
    """Of the newest fifth of each project: counted lines, and scores."""
    return {
        project: (
            [(lines, failed) for _, lines, _, failed in changes[len(changes) * 4 // 5 :]],
            [(score, failed) for _, _, score, failed in changes[len(changes) * 4 // 5 :]],
        )
        for project, changes in sorted(projects.items())
    }


def table(rows: Mapping[str, tuple[Figures, Figures]]) -> list[str]:
    """Lines added before the arrow, the points after it."""
    lines = [f"{'':18} {'AUC':>15} {'recall@10':>15} {'recall@20':>15} {'fail@auto50':>15}"]
    for project, (counted, points) in rows.items():
        cells = [
            f"{getattr(counted, name):.3f} → {getattr(points, name):.3f}"
            for name in ("auc", "recall_10", "recall_20", "fail_auto50")
        ]
        lines.append(" ".join((f"{project:18}", *(f"{cell:>15}" for cell in cells))))
    return lines


def worse(rows: Mapping[str, tuple[Figures, Figures]]) -> list[str]:
    """Every figure that counting lines does better, by project."""
    found = []
    for project, (counted, points) in rows.items():
        for name, sign in (("auc", 1), ("recall_10", 1), ("recall_20", 1), ("fail_auto50", -1)):
            less = sign * (getattr(counted, name) - getattr(points, name))
            if less > WORSE_BY:
                found.append(f"{project}: {name} by {less:.3f}")
    return found


def main(flags: Sequence[str] = ()) -> int:
    """Print the table, or with `--policy FILE` that of another policy.

    Returns 1 when the floor is missed, and 2 where the data is not there.
    """
    if not DATA.is_file():
        say(f"{DATA} is not there; the points can be measured only beside the shared data")
        return 2
    with scratch() as folder:
        changes = newest(scored(folder, DATA, *flags))
    rows = {
        project: (figures(curve(lines)), figures(curve(scores)))
        for project, (lines, scores) in changes.items()
    }
    overall = (
        averaged([one for one, _ in rows.values()]),
        averaged([two for _, two in rows.values()]),
    )
    count = sum(len(lines) for lines, _ in changes.values())
    say(f"The newest fifth of {len(rows)} projects, {count} changes: lines added → points")
    say("\n".join(table({ALL: overall, **rows})))
    say("Worse than counting lines: " + ("; ".join(worse({ALL: overall, **rows})) or "nowhere"))
    met = overall[1].auc >= AUC_MIN
    say(f"AUC {overall[1].auc:.4f}, at least {AUC_MIN}: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
