"""Progress on a terminal, which is removed at the end."""

from __future__ import annotations

from gate.client.world import World

_WIDTH = 20


class Progress:
    """One line on standard error that is overwritten."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._on = world.err.isatty() and world.env.get("TERM") != "dumb"

    def show(self, words: str) -> None:
        """Show what is being done now."""
        if self._on:
            self._world.err.write(f"\r\x1b[K{words}")
            self._world.err.flush()

    def bar(self, words: str, done: float, whole: float) -> None:
        """Show what is being done now, with a bar of the share that is done."""
        share = min(1.0, done / whole) if whole > 0 else 1.0
        filled = int(share * _WIDTH)
        self.show(f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {words}")

    def clear(self) -> None:
        """Remove the line."""
        self.show("")
