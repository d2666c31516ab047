"""A command of `gate` inside the test's process, as a person at a terminal sees it."""

from dataclasses import dataclass

from typer.testing import CliRunner

from gate.cli.main import app


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended: a bug would have been raised."""

    code: int
    out: str
    err: str


def gate(*arguments: str) -> Done:
    """Run `gate` with these arguments."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return Done(result.exit_code, result.stdout, result.stderr)
