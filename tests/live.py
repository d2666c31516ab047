"""A real `gate serve` in a process of its own: for what can only be seen from outside."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from gate.flow.caller import HookKind, Role
from gate.flow.commands import TokenCommand
from gate.flow.identity.tokens import make_token
from gate.flow.rulebooks import current_catalogue
from gate.storage.database.tx import Tx
from gate.storage.identity.tokens import Maker
from gate.storage.store import transaction
from tests import forked
from tests.forked import Forked, Order

GATE = str(Path(sys.executable).with_name("gate"))
READY_WITHIN_SECONDS = 120
STOPPED_WITHIN_SECONDS = 120
"""Both are a second where nothing else runs. A busy machine is no fault of the server."""
_ASK_EVERY_SECONDS = 0.01
unmarked: str | None = None
"""The test that runs, if it did not say that it starts a server."""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(slots=True)
class LiveGate:
    """One server on one database; it may be killed and started again."""

    folder: Path
    database_url: str
    policies: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    # What answers 200 once it has started; a server that is not to get ready is at least alive.
    started_at: str = "/readyz"
    process: "subprocess.Popen[bytes] | Forked | None" = None

    @property
    def url(self) -> str:
        """As `GATE_URL` takes it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What the server and the commands beside it get: the machine's own, without settings of
        another gate.
        """
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("GATE_")
        }
        own = {
            "GATE_DATABASE_URL": self.database_url,
            "GATE_POLICIES": str(self.policies),
            "GATE_PORT": str(self.port),
            "GATE_BASE_URL": self.url,
            "GATE_RATE_LIMIT": "0",
            "GATE_SIGNING_KEY_FILE": str(self.folder / "signing.key"),
        }
        return {**inherited, **own, **self.settings}

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "serve.log"

    def command(self, *arguments: str) -> str:
        """Run `gate` beside the server and return what it prints; RuntimeError when it fails."""
        done = forked.run(self._order(GATE, *arguments))
        if done.returncode != 0:
            raise RuntimeError(
                f"gate {' '.join(arguments)} ended with "
                f"{done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done.stdout.strip()

    def start(self, *command: str) -> float:
        """Start (`gate serve --migrate` unless told otherwise), wait until it is ready, and say how
        long that took.
        """
        if unmarked:
            raise RuntimeError(
                f"{unmarked} starts a server: mark it with pytest.mark.server, so that make "
                "test-quick leaves it out"
            )
        with self.log.open("ab") as log:
            self.process = self._started(command or (GATE, "serve", "--migrate"), log)
        begins = time.perf_counter()  # before the first one is forked, the gate is imported
        while not self._is_ready():
            waited = time.perf_counter() - begins
            if self.process.poll() is not None or waited > READY_WITHIN_SECONDS:
                self.kill()
                raise RuntimeError(
                    f"the server is not ready after {waited:.1f} s:\n{self.log.read_text()[-4000:]}"
                )
            time.sleep(_ASK_EVERY_SECONDS)
        return time.perf_counter() - begins

    def _started(
        self, command: tuple[str, ...], log: IO[bytes]
    ) -> "subprocess.Popen[bytes] | Forked":
        """Start it: in a test without importing the gate first, unless it is another one.

        Who measures wants a start as an operator sees it.
        """
        if command[0] == GATE and "PYTEST_VERSION" in os.environ:
            return Forked(self._order(*command), stdout=log, stderr=log)
        return subprocess.Popen(  # noqa: S603 - our own command line
            command,
            env=self.environment,
            cwd=self.folder,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )

    def _order(self, *arguments: str) -> Order:
        return Order(list(arguments), self.environment, str(self.folder))

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: no last word."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(STOPPED_WITHIN_SECONDS)
        self.process = None
        return code

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self.started_at)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def token_of(
    gate: LiveGate,
    role: Role | None = None,
    person: str | None = None,
    hook: HookKind = HookKind.ALERTMANAGER,
    service: str = "web",
) -> str:
    """A new token, made beside the server as the command line makes one, but without a second of
    starting it.

    One of role hook is for this service; `person` is the key of somebody in the catalogue.
    """
    with transaction(gate.database_url) as tx:
        whose = None if person is None else person_keyed(tx, person)
        command = (
            TokenCommand(role, frozenset({service}), hook=hook)
            if role is Role.HOOK
            else TokenCommand(role, person=person)
        )
        return make_token(tx, command, whose, Maker("command line")).text


def person_keyed(tx: Tx, key: str) -> str:
    """The random id of the person whom the catalogue in force calls so."""
    found = current_catalogue(tx.conn).person_keyed(key)
    assert found is not None, f"the catalogue has no {key}"
    return found


@contextmanager
def serving(gate: LiveGate, *command: str) -> Iterator[LiveGate]:
    """That gate, ready; stopped at the end whatever happens."""
    gate.start(*command)
    try:
        yield gate
    finally:
        gate.kill()
