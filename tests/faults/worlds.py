"""The gate in this process, its commits disturbed, under the load of clients whose history is
checked.
"""

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from gate.errors import Unavailable
from gate.flow.caller import Role
from gate.flow.signing import KEY_FILE
from gate.storage.database import group
from gate.storage.database.faults import Ended, Fate, UnknownOutcome
from gate.storage.database.group import commit
from gate.storage.database.tx import KeptConnection
from gate.storage.ledger import sealing
from tests.api.asgi import BASE_URL
from tests.api.served import Served, served
from tests.faults.checker import violations
from tests.faults.history import Journal, read_history
from tests.faults.load import PEOPLE, SERVICES, Load, Tokens, recorded

Commit = Callable[[KeptConnection], None]


@dataclass(slots=True)
class Disturbed:
    """A commit in which the database fails now and then: before it, and nothing is recorded; or
    after it, and nobody is answered.
    """

    every: int = 4
    before: Commit = lambda link: None  # noqa: ARG005 - nothing to do
    after: Commit = lambda link: None  # noqa: ARG005 - the same
    # What a process that dies here takes with it.
    lost: Callable[[], None] = lambda: None
    # Which commits may fail: those of something that the log has entries of.
    is_watched: Callable[[KeptConnection], bool] = lambda link: _has_entries(link)  # noqa: PLW0108 - defined below
    failures: int = 0
    _commits: "count[int]" = field(default_factory=count)

    def __call__(self, link: KeptConnection) -> None:
        """Commit, or fail."""
        if not self.is_watched(link):
            commit(link)
            return
        number = next(self._commits)
        self.before(link)
        if number % self.every == 1:
            self.failures += 1
            self.lost()
            link.raw.rollback()
            raise Ended(Fate.ENDED, Unavailable("the database failed before the commit"))
        commit(link)
        if number % self.every == 3:
            self.failures += 1
            self.lost()
            raise UnknownOutcome
        self.after(link)


@dataclass(frozen=True, slots=True)
class World:
    """Some replicas on one database, and the clients in front of them."""

    replicas: Sequence[Served]
    load: Load
    history: Path

    async def violations(self) -> list[str]:
        """Seal everything, and return what the checker says."""
        gate = self.replicas[0].gate
        # Sealed by hand, because the lease of the sealer is a replica's.
        while await gate.store.write(sealing.seal):
            pass
        key = (await gate.signing.own()).verifier
        found = await gate.store.read(recorded, self.load.notes, key)
        assert self.load.given_up == 0
        return violations(read_history(self.history), found)


@asynccontextmanager
async def world(
    url: str, folder: Path, *, replicas: int = 1, seed: int = 7
) -> AsyncIterator[World]:
    """So many replicas, with tokens for all clients."""
    async with AsyncExitStack() as stack:
        # Each fault is reported with all that was at hand, which takes longer to print than to
        # live.
        stack.enter_context(capture_logs())
        servers = [
            await stack.enter_async_context(_replica(url, folder, number))
            for number in range(replicas)
        ]
        people = {who: await servers[0].token(person=who) for who in PEOPLE}
        tokens = Tokens(await servers[0].token(Role.PIPELINE, *SERVICES), people)
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(one.app, raise_app_exceptions=False),
                    base_url=BASE_URL,
                )
            )
            for one in servers
        ]
        journal = Journal(folder / "history")
        stack.callback(journal.close)
        dice = random.Random(seed)  # noqa: S311 - who does what is no secret
        yield World(servers, Load(clients, tokens, journal, dice), folder / "history")


def _replica(url: str, folder: Path, number: int) -> Any:
    own = folder / f"replica-{number}"
    own.mkdir()
    # By their tokens one client can be everybody.
    differs: dict[str, Any] = {"token_approvals": "on"}
    if number:
        differs["signing_key_file"] = folder / "replica-0" / KEY_FILE
    return served(url, own, **differs)


async def lived(
    url: str,
    folder: Path,
    *,
    clients: int = 4,
    stories: int = 3,
    replicas: int = 1,
    commits: Commit = commit,
) -> list[str]:
    """Let clients live through some changes each, and return what the checker says.

    `commits` is how the replicas commit, once they have started and until the clients are done.
    """
    async with world(url, folder, replicas=replicas) as found:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(group, "commit", commits)
            await found.load.run(clients=clients, stories=stories)
        return await found.violations()


def _has_entries(link: KeptConnection) -> bool:
    """Whether something is committed that the log has entries of."""
    found = link.raw.execute('SELECT count(*) FROM ledger_entries WHERE "index" IS NULL').fetchone()
    return bool(found and found[0])
