"""The commands below `gate policy` that read tables of changes, and their flags."""

from pathlib import Path
from typing import Annotated

import typer

from gate.cli.outcome import told

PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--policy", envvar="GATE_POLICY", help="A policy file; the shipped production.yaml if none."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Hang the commands below `gate policy`."""
    app.command("score")(score)


@told
def score(
    table: Annotated[
        Path, typer.Argument(metavar="CHANGES", help="CSV with a header, or .csv.gz.")
    ],
    *,
    column_map: Annotated[
        Path,
        typer.Option("--map", envvar="GATE_MAP", help="YAML: which column holds which fact."),
    ],
    out: Annotated[
        Path, typer.Option(envvar="GATE_OUT", help="Where the scores go: CSV, or .csv.gz.")
    ],
    keep: Annotated[
        str,
        typer.Option(
            envvar="GATE_KEEP", metavar="COL,…", help="Columns that are copied beside the score."
        ),
    ] = "",
    policy: PolicyFile = None,
) -> None:
    """Write what a policy gives to every change of a table: the plain sum of points."""
    from gate.cli.learning import score as scores  # noqa: PLC0415 - only what runs is imported

    kept = [column.strip() for column in keep.split(",") if column.strip()]
    scores.score(table, column_map, kept, out, policy)
