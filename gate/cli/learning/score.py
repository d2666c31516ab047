"""`gate policy score`: what a policy gives to every change of a table."""

import csv
from collections.abc import Sequence
from pathlib import Path

from gate.cli.learning.files import lines_of, map_in, policy_in, shipped_policy, writing
from gate.core.decision.evaluate import plan_of, score_of
from gate.core.learning.table import read_rows
from gate.errors import Invalid

SCORE = "score"


def score(
    table: Path, column_map: Path, keep: Sequence[str], out: Path, policy: Path | None
) -> None:
    """Write the kept columns and the score of every row. Raises `Invalid` and leaves no file."""
    judged, _ = policy_in(policy or shipped_policy())
    plan = plan_of(judged)
    if SCORE in keep:
        raise Invalid(f"--keep {SCORE}: the column with the scores has this name; rename yours")
    rows = read_rows(
        lines_of(table),
        str(table),
        map_in(column_map),
        facts=frozenset((*plan.trusted, *plan.doubted)),
        keep=keep,
    )
    with writing(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*keep, SCORE))
        writer.writerows((*row.kept, score_of(judged, row.values)) for row in rows)
