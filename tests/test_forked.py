"""A `gate` that was forked is a process like any other: its own arguments, environment, folder,
output and exit code.
"""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from gate import __version__
from tests.forked import Forked, Order, programs, run
from tests.live import GATE, free_port

pytestmark = pytest.mark.server


def test_it_gets_what_was_ordered_and_nothing_of_an_earlier_one(tmp_path: Path) -> None:
    database = {"GATE_DATABASE_URL": f"sqlite:///{tmp_path}/a.sqlite"}

    made = run(Order([GATE, "db", "upgrade"], database, str(tmp_path)))
    asked = run(Order([GATE, "version"], {}, str(tmp_path)))
    refused = run(Order([GATE, "db", "upgrade"], {"GATE_DATABASE_URL": "nowhere"}, str(tmp_path)))

    assert (made.returncode, made.stderr) == (0, "")
    assert (tmp_path / "a.sqlite").exists()
    assert (asked.returncode, asked.stdout) == (0, f"{__version__}\n")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "the database URL cannot be read" in refused.stderr
    assert "GATE_DATABASE_URL" not in os.environ


def test_it_runs_until_it_is_killed_and_is_known_to_be(tmp_path: Path) -> None:
    environment = {
        "GATE_DATABASE_URL": f"sqlite:///{tmp_path}/gate.sqlite",
        "GATE_PORT": str(free_port()),
    }
    order = Order([GATE, "serve"], environment, str(tmp_path))
    with (tmp_path / "stdout").open("wb") as stdout, (tmp_path / "stderr").open("wb") as stderr:
        process = Forked(order, stdout=stdout, stderr=stderr)
        with pytest.raises(TimeoutError):
            process.wait(0.1)
        assert process.poll() is None

        process.send_signal(signal.SIGKILL)

        assert process.wait(30) == -signal.SIGKILL
        assert process.poll() == -signal.SIGKILL
        process.send_signal(signal.SIGKILL)  # too late, and no error


def test_a_script_finds_one_that_prints_ends_and_is_stopped_as_a_process_does(
    tmp_path: Path,
) -> None:
    environment = {
        "PATH": f"{programs()}:{os.environ['PATH']}",
        "GATE_DATABASE_URL": f"sqlite:///{tmp_path}/gate.sqlite",
        "GATE_PORT": str(free_port()),
    }

    def script(text: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - our own words
            ["bash", "-c", text],  # noqa: S607 - the shell of the machine
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    printed = script("gate version | tr . - && GATE_DATABASE_URL=nowhere gate db upgrade")
    stopped = script(
        "mkfifo said; gate serve > said & exec 3< said; read -r _ <&3; kill $!; wait $!"
    )

    assert printed.stdout == f"{__version__}\n".replace(".", "-")
    assert (printed.returncode, "the database URL cannot be read" in printed.stderr) == (1, True)
    assert stopped.returncode == 0
