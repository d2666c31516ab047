"""How long `gate version` takes, beside an interpreter that does nothing."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

RUNS = 9
TARGET_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Startup:
    """Medians in seconds."""

    gate_seconds: float
    python_seconds: float

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        return self.gate_seconds < TARGET_SECONDS

    def __str__(self) -> str:
        ratio = self.gate_seconds / self.python_seconds
        return (
            f"gate version: {self.gate_seconds * 1000:.0f} ms, python -c pass: "
            f"{self.python_seconds * 1000:.0f} ms, ratio {ratio:.1f} (target: under "
            f"{TARGET_SECONDS * 1000:.0f} ms)"
        )


def measure() -> Startup:
    """The two take turns, so that both meet the same machine."""
    gate = [str(Path(sys.executable).with_name("gate")), "version"]
    nothing = [sys.executable, "-c", "pass"]
    spent: dict[str, list[float]] = {"gate": [], "python": []}
    for _ in range(RUNS):
        spent["gate"].append(_seconds(gate))
        spent["python"].append(_seconds(nothing))
    return Startup(gate_seconds=median(spent["gate"]), python_seconds=median(spent["python"]))


def _seconds(command: list[str]) -> float:
    begins = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command line
    return time.perf_counter() - begins
