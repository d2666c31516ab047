"""The commands below `gate db` and their flags."""

from pathlib import Path
from typing import Annotated

import typer

from gate.cli.outcome import with_exit_code

app = typer.Typer(help="Make, upgrade, copy and prune the database.", no_args_is_help=True)


@app.command("upgrade")
@with_exit_code
def upgrade() -> None:
    """Make the database, or bring it to the form of this release."""
    from gate.cli import operate  # noqa: PLC0415 - only what runs is imported

    operate.upgrade()


@app.command("backup")
@with_exit_code
def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes; must not exist.")],
) -> None:
    """Copy a consistent state of an SQLite database while the gate runs."""
    from gate.cli import operate  # noqa: PLC0415 - only what runs is imported

    operate.backup(file)


@app.command("prune")
@with_exit_code
def prune(
    *,
    keep_texts: Annotated[
        str | None,
        typer.Option(
            envvar="GATE_KEEP_TEXTS", help="What people wrote about a change, from its end: 730d."
        ),
    ] = None,
    keep_sightings: Annotated[
        str | None,
        typer.Option(
            envvar="GATE_KEEP_SIGHTINGS",
            help="Deployments seen past the gate, from the last sight: 730d.",
        ),
    ] = None,
    keep_imports: Annotated[
        str | None,
        typer.Option(
            envvar="GATE_KEEP_IMPORTS", help="History from before the gate, from its end: 730d."
        ),
    ] = None,
    keep_measures: Annotated[
        str | None,
        typer.Option(
            envvar="GATE_KEEP_MEASURES",
            help="Measures of services, from when they were taken: 730d.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without it, only say what would happen.")
    ] = False,
) -> None:
    """Delete what is older than you say; nothing else is ever deleted. Records stay for good."""
    from gate.cli import retention  # noqa: PLC0415 - only what runs is imported
    from gate.storage.privacy.prune import Prunable  # noqa: PLC0415 - the same

    kept = {
        Prunable.TEXTS: keep_texts,
        Prunable.SIGHTINGS: keep_sightings,
        Prunable.IMPORTS: keep_imports,
        Prunable.MEASURES: keep_measures,
    }
    retention.prune(kept, yes=yes)
