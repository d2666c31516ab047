"""`gate` in processes of their own that need not import it first, which takes over a second.

Beside the process that runs the tests there is one that has imported the gate and does nothing but
fork. A child gets the arguments, environment, folder and files that a new process would get, and
runs `gate.cli.main`. That a process from nothing does the same is seen where the wheel is started
(tests/test_install.py) and where a port is chosen (tests/cli/test_serve.py).
"""

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).parents[1]
ORDER_MAX_BYTES = 128 * 1024
"""An environment and a command line."""

_NUMBER_BYTES = 4


@dataclass(frozen=True, slots=True)
class Order:
    """What a new process gets, apart from its files."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str


class Forked:
    """A running `gate`, as `subprocess.Popen` shows one."""

    def __init__(self, order: Order, *, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        said = json.dumps(asdict(order)).encode()
        assert len(said) <= ORDER_MAX_BYTES, f"{len(said)} bytes of arguments and environment"
        self._reports, theirs = socket.socketpair()
        with theirs:
            files = [stdout.fileno(), stderr.fileno(), theirs.fileno()]
            socket.send_fds(_beside(), [said], files)
        self._ended: int | None = None
        self.pid = self._number()

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        try:
            return self.wait(0)
        except BlockingIOError:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended; TimeoutError if it runs longer."""
        if self._ended is None:
            self._reports.settimeout(timeout)
            self._ended = self._number()
            self._reports.close()
        return self._ended

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _number(self) -> int:
        found = self._reports.recv(_NUMBER_BYTES)
        if len(found) != _NUMBER_BYTES:
            raise RuntimeError("the process that forks has ended")
        return int.from_bytes(found, signed=True)


def run(order: Order) -> "subprocess.CompletedProcess[str]":
    """Run `gate` to its end, and return what it printed."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        code = Forked(order, stdout=stdout, stderr=stderr).wait()
        for file in (stdout, stderr):
            file.seek(0)
        return subprocess.CompletedProcess(
            order.arguments, code, stdout.read().decode(), stderr.read().decode()
        )


@cache
def _beside() -> socket.socket:
    """Start the process that forks; it ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - this file
            [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # no terminal: what children print goes to files
        )

    @atexit.register
    def end() -> None:
        ours.close()
        process.wait()

    return ours


def main() -> None:
    """Import the gate, and fork for every order until nobody is left to give one."""
    import gate.cli.demo  # noqa: PLC0415 - whoever gives orders need not import it
    import gate.cli.main  # noqa: PLC0415 - the same
    import gate.cli.people  # noqa: PLC0415 - the same
    import gate.cli.serve  # noqa: PLC0415 - the same
    import gate.cli.tokens  # noqa: F401, PLC0415 - the same

    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a run that is interrupted: the end is seen
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system clears the keepers away
    with socket.socket(fileno=int(sys.argv[1])) as control:
        while True:
            said, files, *_ = socket.recv_fds(control, ORDER_MAX_BYTES, 3)
            if not said:
                return
            if os.fork() == 0:
                control.close()
                _keep(Order(**json.loads(said)), files)
            for file in files:
                os.close(file)


def _keep(order: Order, files: list[int]) -> NoReturn:
    """Fork the gate, and report its number and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *printed, reports = files
    process = os.fork()
    if process == 0:
        os.close(reports)
        _become_gate(order, printed)
    for file in printed:
        os.close(file)
    os.write(reports, process.to_bytes(_NUMBER_BYTES))
    _, status = os.waitpid(process, 0)
    # Who ordered it may have gone.
    with suppress(BrokenPipeError):
        os.write(reports, os.waitstatus_to_exitcode(status).to_bytes(_NUMBER_BYTES, signed=True))
    os._exit(0)


def _become_gate(order: Order, printed: list[int]) -> NoReturn:
    from gate.cli.main import main as gate  # noqa: PLC0415 - it is there already

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for file, number in zip(printed, (1, 2), strict=True):
        os.dup2(file, number)
        os.close(file)
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environment)
    sys.argv = order.arguments
    gate()
    sys.exit(0)


if __name__ == "__main__":
    main()
