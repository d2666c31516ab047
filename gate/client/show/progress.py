"""What is being done, on a terminal only, and gone when it is done."""

from __future__ import annotations

from gate.client.world import World

_WIDTH = 20


class Progress:
    """One line on standard error that is written over."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._on = world.err.isatty() and world.env.get("TERM") != "dumb"

    def show(self, words: str) -> None:
        """What is being done now."""
        if self._on:
            self._world.err.write(f"\r\x1b[K{words}")
            self._world.err.flush()

    def bar(self, words: str, done: float, whole: float) -> None:
        """Show what is being done now, with the share of the whole that is done."""
        share = min(1.0, done / whole) if whole > 0 else 1.0
        filled = int(share * _WIDTH)
        self.show(f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {words}")

    def clear(self) -> None:
        """Leave nothing."""
        self.show("")
