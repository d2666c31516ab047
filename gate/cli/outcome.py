"""Turns an error into words that are printed once, and into an exit code for programs."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from gate.errors import GateError

FAILED = 1

P = ParamSpec("P")
T = TypeVar("T")


def with_exit_code(command: Callable[P, T]) -> Callable[P, T]:
    """Return the command with a `GateError` turned into a message and exit code 1.

    Any other error is a bug and fails loudly.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except GateError as error:
            for line in [
                f"{fault.where}: {fault.detail}" if fault.where else fault.detail
                for fault in error.faults
            ] or [error.for_operators]:
                print(line, file=sys.stderr)
            sys.exit(FAILED)

    return run
