"""A world for the client in which time goes only when it is told to."""

import io
from collections.abc import Mapping
from pathlib import Path

from gate.client.world import World
from tests.client.fake_gate import TOKEN
from tests.client.repositories import ENV

NOW = 1_790_000_000.0


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


class Clock:
    """Sleeping makes it later, nothing else does."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Note it, and be later."""
        self.slept.append(seconds)
        self.seconds += seconds

    def monotonic(self) -> float:
        """The time."""
        return self.seconds


class Ids:
    """Ids that count."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> str:
        """The next one."""
        self.count += 1
        return f"id-{self.count}"


def a_world(
    folder: Path,
    *,
    clock: Clock | None = None,
    terminal: bool = False,
    env: Mapping[str, str] | None = None,
    **more: str,
) -> World:
    """With a token, and a state file beside the repository; `env` and `more` come on top."""
    clock = clock or Clock()
    stream = Terminal if terminal else io.StringIO
    return World(
        env={
            **ENV,
            "GATE_TOKEN": TOKEN,
            "GATE_STATE": str(folder / "state.json"),
            **(env or {}),
            **more,
        },
        folder=str(folder),
        out=stream(),
        err=stream(),
        sleep=clock.sleep,
        monotonic=clock.monotonic,
        now=lambda: NOW,
        fresh_id=Ids(),
    )


def said(world: World) -> str:
    """Everything on standard output."""
    assert isinstance(world.out, io.StringIO)
    return world.out.getvalue()


def noted(world: World) -> str:
    """Everything on standard error."""
    assert isinstance(world.err, io.StringIO)
    return world.err.getvalue()
