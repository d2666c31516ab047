"""What the disk takes to make 4 KiB durable: the floor under every figure that waits for a
commit.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

WRITES = 300
BLOCK = b"\0" * 4096


@dataclass(frozen=True, slots=True)
class Disk:
    """One series of write and fdatasync, in milliseconds."""

    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        return (
            f"fdatasync of 4 KiB: p50 {self.p50_ms:.2f} ms, p99 {self.p99_ms:.2f} ms ({WRITES} "
            "writes)"
        )


def measure(directory: Path) -> Disk:
    """Append and sync, as a write-ahead log does, in the folder where the databases will lie."""
    path = directory / "fsync.bin"
    spent: list[float] = []
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        for _ in range(WRITES):
            os.write(file, BLOCK)
            begins = time.perf_counter()
            os.fdatasync(file)
            spent.append((time.perf_counter() - begins) * 1000)
    finally:
        os.close(file)
        path.unlink()
    return Disk(p50_ms=median(spent), p99_ms=quantiles(spent, n=100)[98])
