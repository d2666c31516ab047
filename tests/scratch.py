"""Where a run puts its files: in memory where there is room, because waiting for a disk is most of
what a test does.

The gate, SQLite and PostgreSQL still ask for every commit to be on the disk
(`test_the_server_waits_for_the_disk`); in memory the answer comes at once. Nothing less is proved:
a test kills processes, which loses nothing that the kernel holds, and never cuts the power.
"""

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes private folders in it
FREE_MIN_BYTES = 2 * 1024**3
"""Databases, their logs and the browsers' memory, for two runs at once."""


def root() -> Path:
    """The folder in which a run makes its own."""
    return MEMORY if _is_fit(MEMORY) else Path(tempfile.gettempdir())


def roots() -> tuple[Path, ...]:
    """Every folder that an earlier run may have chosen."""
    return (MEMORY, Path(tempfile.gettempdir()))


def _is_fit(folder: Path) -> bool:
    """Whether there is room, and programs that a test writes there may run: some containers forbid
    it.
    """
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    is_open = os.access(folder, os.W_OK | os.X_OK) and not found.f_flag & os.ST_NOEXEC
    return is_open and found.f_bavail * found.f_frsize >= FREE_MIN_BYTES
