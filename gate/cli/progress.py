"""A progress bar on standard error, drawn on a terminal only."""

import os
import sys

_BAR = 20


def has_bar() -> bool:
    """Return whether a bar is drawn."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def show_bar(words: str, done: int, whole: int) -> None:
    """Draw the bar again."""
    if has_bar():
        filled = _BAR * done // max(whole, 1)
        print(
            f"\r\x1b[K[{'#' * filled}{'.' * (_BAR - filled)}] {words}",
            end="",
            file=sys.stderr,
            flush=True,
        )


def clear_bar() -> None:
    """Remove the bar."""
    if has_bar():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
