"""Real servers under the load of clients, while something is done to them; then the checker.

Used by `make faults` for as long as one likes, and by a few short tests.
"""

import asyncio
import random
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import httpx

from gate.flow.caller import Role
from gate.flow.signing import read_key
from gate.storage.database.engine import open_engine
from gate.storage.ledger import sealing
from gate.storage.store import transaction
from tests.faults.checker import violations
from tests.faults.history import Act, Journal, read_history
from tests.faults.load import PEOPLE, Load, Tokens, recorded
from tests.live import LiveGate, free_port, serving, token_of
from tests.shipped import never_frozen

ANSWER_SECONDS = 20
PAUSE_SECONDS = 0.05
STARTS_MAX = 3
STORIES_MAX = 100_000
SHIFTED = """
import sys, time, time_machine
time_machine.travel(time.time() + {seconds}, tick=True).start()
from gate.cli.main import main
sys.argv = ["gate", "serve"]
main()
"""
"""`gate serve` by a clock that is so many seconds off."""


@dataclass(slots=True)
class Fleet:
    """The replicas, the clients in front of them, and what was done to them."""

    url: str
    folder: Path
    servers: list[LiveGate]
    load: Load
    dice: random.Random
    restarts: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    done: int = 0

    async def kill(self, server: LiveGate) -> None:
        """End one without a last word, and start it again."""
        await asyncio.to_thread(server.kill)
        for left in reversed(range(STARTS_MAX)):
            try:
                seconds = await asyncio.to_thread(server.start, *server_command(server))
            except RuntimeError:
                # On a busy machine a start may take longer than tests allow it.
                if not left:
                    raise
            else:
                self.restarts.append(seconds)
                break
        self.done += 1

    @contextmanager
    def stopped(self, server: LiveGate) -> Iterator[None]:
        """Stop one wherever it is, and let it go on at the end."""
        assert server.process is not None
        server.process.send_signal(SIGSTOP)
        try:
            yield
        finally:
            server.process.send_signal(SIGCONT)
            self.done += 1

    async def found(self) -> list[str]:
        """Stop all replicas, seal what is left, and check everything.

        A replica that was killed has the lease of the sealer for some seconds more, so that the
        last one may have sealed nothing when it stopped.
        """
        codes = [await asyncio.to_thread(server.stop) for server in self.servers]
        wrong = ["a replica did not stop cleanly on SIGTERM" for code in codes if code != 0]
        sealed = 1
        while sealed:
            with transaction(self.url) as tx:
                sealed = sealing.seal(tx)
        key = read_key(self.folder / "signing.key", self.servers[0].url)
        assert key is not None
        with open_engine(self.url, read_only=True).connect() as conn:
            seen = recorded(conn, self.load.notes, key.verifier)
        wrong += violations(read_history(self.folder / "history"), seen)
        if self.load.given_up:
            wrong.append(f"{self.load.given_up} operations were never answered")
        verified = self.servers[0].command("ledger", "verify")
        return wrong if "fault" not in verified else [*wrong, verified]


def server_command(server: LiveGate) -> Sequence[str]:
    """Return how this replica is started."""
    seconds = server.settings.get("SHIFTED_SECONDS")
    return () if seconds is None else (sys.executable, "-c", SHIFTED.format(seconds=seconds))


@asynccontextmanager
async def fleet(
    url: str,
    folder: Path,
    *,
    replicas: int = 1,
    seed: int = 1,
    through: Callable[[int], str] = lambda _: "",
    shifted_seconds: Sequence[float] = (),
) -> AsyncIterator[Fleet]:
    """Start so many replicas on one database.

    `through` gives a replica another way to the database, `shifted_seconds` another clock.
    """
    policies = never_frozen(folder)
    first = f"http://127.0.0.1:{free_port()}"
    settings = {"GATE_TOKEN_APPROVALS": "on", "GATE_BASE_URL": first}
    beside = LiveGate(folder, url, policies, settings)
    beside.command("db", "upgrade")
    beside.command("ledger", "key")
    async with AsyncExitStack() as stack:
        servers = []
        for number in range(replicas):
            own = dict(settings)
            if number < len(shifted_seconds):
                own["SHIFTED_SECONDS"] = str(shifted_seconds[number])
            server = LiveGate(folder, through(number) or url, policies, own)
            stack.enter_context(serving(server, *server_command(server)))
            servers.append(server)
        tokens = Tokens(
            token_of(beside, Role.PIPELINE), {who: token_of(beside, person=who) for who in PEOPLE}
        )
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=server.url, timeout=ANSWER_SECONDS)
            )
            for server in servers
        ]
        journal = Journal(folder / "history")
        stack.callback(journal.close)
        dice = random.Random(seed)  # noqa: S311 - who does what is no secret
        load = Load(clients, tokens, journal, dice, PAUSE_SECONDS)
        yield Fleet(url, folder, servers, load, dice)


async def under_load(
    fleet: Fleet, disturb: Callable[[Fleet], Awaitable[None]], *, clients: int = 4
) -> None:
    """Have clients ask until the disturbance is over."""
    working = asyncio.create_task(fleet.load.run(clients=clients, stories=STORIES_MAX))
    try:
        await disturb(fleet)
    finally:
        fleet.load.stopped = True
        await working


async def killed_at_call(fleet: Fleet, calls: str, number: int, act: Act) -> bool:
    """Kill the only server at its so-manieth system call of one act; False if it has fewer.

    The act is asked for until it is answered, also after the server has started again.
    """
    server, load = fleet.servers[0], fleet.load
    run = f"{fleet.dice.getrandbits(64):016x}"
    change = {}
    if act is not Act.CREATE:
        change = await load.create(run, "web", waits=act is Act.APPROVE)
    assert server.process is not None
    process = server.process
    strace = await asyncio.create_subprocess_exec(
        _strace(), "-f", "-p", str(process.pid), "-o", str(fleet.folder / "strace"),
        "-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={number}",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert strace.stderr is not None
    # It says when it is attached.
    await strace.stderr.readline()
    asking = asyncio.create_task(_one_act(load, act, change, run))
    ended = asyncio.create_task(asyncio.to_thread(process.wait, ANSWER_SECONDS))
    await asyncio.wait({asking, ended}, return_when=asyncio.FIRST_COMPLETED)
    was_killed = not asking.done()
    if not was_killed:
        strace.terminate()
    await strace.communicate()
    if was_killed or process.poll() is not None:
        await fleet.kill(server)
    await asking
    with suppress(subprocess.TimeoutExpired):
        await ended
    return was_killed


async def _one_act(load: Load, act: Act, change: dict[str, Any], run: str) -> None:
    if act is Act.CREATE:
        await load.create(run, "checkout", waits=False)
    elif act is Act.APPROVE:
        await load.act(act, "ada", change, run)
    elif await load.admit(change, run):
        await load.close(change, run)


def _strace() -> str:
    found = shutil.which("strace")
    if found is None:
        raise RuntimeError("strace is not installed; it kills a server at a system call")
    return found
