"""Real payloads and real history that lie beside the repository on some machines."""

from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / "shared" / "data"


def shared(path: str) -> Path:
    """That file or folder of the shared data; the test is skipped where there is none."""
    if not _FOLDER.exists():
        pytest.skip("shared data does not lie beside the repository")
    return _FOLDER / path
