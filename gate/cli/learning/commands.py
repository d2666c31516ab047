"""The commands below `gate policy` that read tables of changes, and their flags."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from gate.cli.outcome import with_exit_code

PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--policy", envvar="GATE_POLICY", help="A policy file; the shipped production.yaml if none."
    ),
]
HistoryFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="HISTORY", help="CSV with a header, or .csv.gz; without one the gate's own log."
    ),
]
MAP = typer.Option("--map", envvar="GATE_MAP", help="YAML: which column holds which fact.")
MapFile = Annotated[Path | None, MAP]
LabelColumn = Annotated[
    str | None,
    typer.Option(envvar="GATE_LABEL", metavar="COL", help="The column that is 1 where it failed."),
]


class Output(enum.StrEnum):
    """The formats of printed figures."""

    TEXT = "text"
    JSON = "json"


def add_to(app: typer.Typer) -> None:
    """Add the commands to `gate policy`."""
    app.command("score")(score)
    app.command("calibrate")(calibrate)
    app.command("backtest")(backtest)


@with_exit_code
def score(
    table: Annotated[
        Path, typer.Argument(metavar="CHANGES", help="CSV with a header, or .csv.gz.")
    ],
    *,
    column_map: Annotated[Path, MAP],
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


@with_exit_code
def calibrate(
    table: HistoryFile = None,
    *,
    out: Annotated[
        Path, typer.Option(envvar="GATE_OUT", help="Where the policy with other points goes.")
    ],
    column_map: MapFile = None,
    label: LabelColumn = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            envvar="GATE_POLICY",
            help="The policy to start from; production.yaml of GATE_POLICIES, or the shipped one.",
        ),
    ] = None,
) -> None:
    """Fit a policy's points to what happened; exit 3 and no file where that is not better."""
    from gate.cli.learning.calibrate import run  # noqa: PLC0415 - only what runs is imported

    if table is not None and (column_map is None or label is None):
        raise typer.BadParameter("a table needs --map and --label")
    if table is None and (column_map is not None or label is not None):
        raise typer.BadParameter("--map and --label belong to a table; name one")
    run(table, column_map, label, out, policy)


@with_exit_code
def backtest(  # noqa: PLR0913 - one parameter a flag
    table: HistoryFile = None,
    *,
    candidate: Annotated[
        Path,
        typer.Option(envvar="GATE_CANDIDATE", metavar="DIR", help="A folder of policies to try."),
    ],
    since: Annotated[
        str, typer.Option(envvar="GATE_SINCE", help="How far back: 90d, at most 3650d.")
    ] = "90d",
    imported: Annotated[
        bool,
        typer.Option(
            "--imported", envvar="GATE_IMPORTED", help="Try what `gate import` brought in."
        ),
    ] = False,
    column_map: MapFile = None,
    label: LabelColumn = None,
    against: Annotated[
        Path | None,
        typer.Option(
            envvar="GATE_AGAINST",
            metavar="DIR",
            help="The policies to compare with; those in force if none.",
        ),
    ] = None,
    output: Annotated[
        Output, typer.Option(envvar="GATE_OUTPUT", help="How to print it.")
    ] = Output.TEXT,
) -> None:
    """Decide what was deployed again, by other policies, and compare by what failed."""
    from gate.cli.learning import backtest as tries  # noqa: PLC0415 - only what runs is imported

    if table is None:
        if column_map is not None or label is not None or against is not None:
            raise typer.BadParameter("--map, --label and --against belong to a table; name one")
        found = tries.of_records(candidate, since, imported=imported)
    elif column_map is None or label is None:
        raise typer.BadParameter("a table needs --map and --label")
    elif imported:
        raise typer.BadParameter("--imported is a history of its own; leave the table out")
    else:
        found = tries.of_table(candidate, against, table, column_map, label)
    tries.say(found, candidate, as_json=output is Output.JSON)
