"""A working folder of one's own, without any setting of the machine."""

import os
from pathlib import Path

import pytest

from tests.cli.running import gate
from tests.flow.shop import make_files


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands run; `policies` in it has those of a small organisation."""
    for name in os.environ:
        if name.startswith("GATE_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "here"
    (folder / "policies").mkdir(parents=True)
    for name, text in make_files().items():
        (folder / "policies" / name).write_text(text)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def url(here: Path) -> str:
    """The database that commands find in the working folder."""
    assert gate("db", "upgrade").code == 0
    return f"sqlite:///{here / '.gate' / 'gate.db'}"
