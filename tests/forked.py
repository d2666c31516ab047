"""`gate` in processes of their own that need not import it first, which takes over a second.

Beside the process that runs the tests there is one that has imported the gate and does nothing but
fork. A child gets the arguments, environment, folder and files that a new process would get, and
runs `gate.cli.main`. That a process from nothing does the same is seen where the wheel is started
(tests/test_install.py) and where a port is chosen (tests/cli/test_serve.py).

Scripts find a `gate` of this kind in the folder that `programs` returns. It starts in a hundredth
of a second, has one forked for itself, waits for it, and ends as it ended.
"""

import atexit
import gc
import json
import os
import select
import shutil
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
_FILES_MAX = 4
"""What a process reads from, the two that it prints to, and where its end is reported."""
_RUN_DIRECTORY = "TEST_RUN_DIRECTORY"

_NUMBER_BYTES = 4
_GATE = str(Path(sys.executable).with_name("gate"))
_PROGRAM = """\
#!{python} -IS
import json, os, signal, socket, sys

order = {{
    "arguments": ["{gate}", *sys.argv[1:]],
    "environment": dict(os.environ),
    "folder": os.getcwd(),
}}
ours, theirs = socket.socketpair()
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as beside:
    beside.connect("{orders}")
    socket.send_fds(beside, [json.dumps(order).encode()], [0, 1, 2, theirs.fileno()])
theirs.close()
process = int.from_bytes(ours.recv(4), "big")
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(process, number))
code = int.from_bytes(ours.recv(4), "big", signed=True)
sys.exit(code if code >= 0 else 128 - code)
"""


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
            socket.send_fds(_beside()[0], [said], files)
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
def programs() -> Path:
    """A folder for the `PATH` of scripts; it ends with the run."""
    _, orders = _beside()
    program = orders.with_name("gate")
    words = {"python": sys.executable, "orders": str(orders), "gate": _GATE}
    program.write_text(_PROGRAM.format_map(words))
    program.chmod(0o700)
    return program.parent


@cache
def _beside() -> tuple[socket.socket, Path]:
    """Start the process that forks; it ends when this one does. Orders reach it by the socket, and
    from elsewhere by that file.
    """
    orders = Path(tempfile.mkdtemp(prefix="forked-", dir=os.environ.get(_RUN_DIRECTORY))) / "orders"
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(orders))
    listener.listen()
    with theirs, listener:
        process = subprocess.Popen(  # noqa: S603 - this file
            [sys.executable, "-m", "tests.forked", str(theirs.fileno()), str(listener.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno(), listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # no terminal: what children print goes to files
        )

    @atexit.register
    def end() -> None:
        ours.close()
        process.wait()
        shutil.rmtree(orders.parent, ignore_errors=True)

    return ours, orders


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
    control, listener = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    with control, listener:
        while True:
            for asked in select.select([control, listener], [], [])[0]:
                if asked is control:
                    if not _fork(control, (control, listener)):
                        return
                else:
                    script, _ = listener.accept()
                    with script:
                        _fork(script, (control, listener, script))


def _fork(asked: socket.socket, own: tuple[socket.socket, ...]) -> bool:
    """Fork for an order; False if nobody gives one any more."""
    said, files, *_ = socket.recv_fds(asked, ORDER_MAX_BYTES, _FILES_MAX)
    if said and os.fork() == 0:
        for one in own:
            one.close()
        _keep(Order(**json.loads(said)), files)
    for file in files:
        os.close(file)
    return bool(said)


def _keep(order: Order, files: list[int]) -> NoReturn:
    """Fork the gate, and report its number and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *given, reports = files
    process = os.fork()
    if process == 0:
        os.close(reports)
        _become_gate(order, given)
    for file in given:
        os.close(file)
    os.write(reports, process.to_bytes(_NUMBER_BYTES))
    _, status = os.waitpid(process, 0)
    # Who ordered it may have gone.
    with suppress(BrokenPipeError):
        os.write(reports, os.waitstatus_to_exitcode(status).to_bytes(_NUMBER_BYTES, signed=True))
    os._exit(0)


def _become_gate(order: Order, given: list[int]) -> NoReturn:
    from gate.cli.main import main as gate  # noqa: PLC0415 - it is there already

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for file, number in zip(reversed(given), (2, 1, 0), strict=False):
        os.dup2(file, number)
        os.close(file)
    # Those of before know of files where a script may have given pipes: that one can seek in them.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it stays open until the end
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - the same
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115 - the same
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environment)
    sys.argv = order.arguments
    gate()
    sys.exit(0)


if __name__ == "__main__":
    main()
