"""The parts of its surroundings that a command uses: environment, folder, streams, clocks, ids."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, TextIO


def _fresh_id() -> str:
    import uuid  # noqa: PLC0415 - only a command that asks needs one

    return str(uuid.uuid4())


class World(NamedTuple):
    """The surroundings of a command, as an argument, so that a test can have its own."""

    env: Mapping[str, str]
    folder: str
    out: TextIO
    err: TextIO
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    fresh_id: Callable[[], str] = _fresh_id

    def say(self, line: str) -> None:
        """Write one line for the person who watches, on standard error."""
        self.err.write(f"{line}\n")
        self.err.flush()

    def timestamp(self) -> str:
        """Return the present time as RFC 3339 in UTC."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now()))
