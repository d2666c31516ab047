"""The program `gate`. A command is imported only when it runs, so that each one starts fast."""

import sys

import typer

from gate.cli import commands

CLIENT_COMMANDS = ("check", "close", "evaluate")
"""The commands of a pipeline. They import the client alone, and no library."""


def main() -> None:
    """Run `gate`."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in CLIENT_COMMANDS:
        from gate.client.arguments import run  # noqa: PLC0415 - only what runs is imported

        sys.exit(run(arguments))
    app()


app = typer.Typer(
    name="gate",
    help="The change-enablement gate: may this change go to this environment now?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
commands.add_to(app)
