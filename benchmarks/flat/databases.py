"""Two sizes of the same gate on each database, filled and running in this process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI
from sqlalchemy import Connection, select

from benchmarks.flat import lives
from benchmarks.flat.copies import fill
from benchmarks.flat.rows import finish, prepare
from gate.config import Settings
from gate.flow.caller import Role
from gate.flow.commands import WAIT_SECONDS_MAX
from gate.flow.rulebooks import current_catalogue
from gate.storage.database.engine import connect, open_engine
from gate.storage.database.tx import Tx
from gate.storage.identity import people, sessions
from gate.storage.ledger import heads, sealing
from gate.storage.tables.schema import changes

WAITING = 30
SAMPLE = 500
"""So many changes are asked for one after the other, so that no answer is a repetition."""

VIEWER = "ada"


@dataclass(frozen=True, slots=True)
class Filled:
    """A running gate, clients of each kind, and ids and markers of changes that are over, spread
    over all of them.
    """

    app: FastAPI
    decisions: int
    pipeline: httpx.AsyncClient
    auditor: httpx.AsyncClient
    person: httpx.AsyncClient
    changes: list[tuple[str, str, str]]


def fill_with(given: Settings, copies: int) -> None:
    """The lives are there; add so many copies of them."""
    engine = open_engine(given.database)
    with closing(connect(engine, given.database)) as conn:
        prepare(conn)
        fill(conn, copies)
        finish(conn)
    engine.dispose()


@asynccontextmanager
async def filled(
    folder: Path, url: str, policies: Path, *, decisions: int, pattern: int = lives.LIVES
) -> AsyncIterator[Filled]:
    """A gate with this many decisions, rounded up to whole patterns, and a few that wait."""
    given = lives.settings(folder, url, policies)
    async with lives.running(given) as app:
        await lives.live(app, pattern)
    copies = -(-decisions // pattern) - 1
    fill_with(given, copies)
    async with opened(given, pattern * (copies + 1)) as gate:
        yield gate


@asynccontextmanager
async def opened(given: Settings, decisions: int) -> AsyncIterator[Filled]:
    """A gate over a database that is filled, once everything in it is sealed and signed."""
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(lives.running(given))
        last = await lives.wait_for_people(app, WAITING)
        store = app.state.attached.gate.store
        # The worker seals, too; whoever comes first takes the next entries.
        while (await store.read(heads.state)).waits_since is not None:
            await store.write(sealing.seal)
        secret = await store.write(_session)

        async def with_token(role: Role) -> httpx.AsyncClient:
            token = await lives.token_of(app, role)
            return await stack.enter_async_context(lives.client(app, token))

        auditor = await with_token(Role.AUDITOR)
        await _signed(auditor, last)
        yield Filled(
            app,
            decisions,
            await with_token(Role.PIPELINE),
            auditor,
            await stack.enter_async_context(lives.client(app, cookies={"gate": secret})),
            await store.read(_spread),
        )


async def _signed(auditor: httpx.AsyncClient, last: str) -> None:
    """Wait until a head is signed that has this newest change in it, and so every copy too."""
    answer = await auditor.get(f"/v1/changes/{last}/proof", params={"wait": WAIT_SECONDS_MAX})
    if not answer.is_success:
        raise RuntimeError(f"nothing was signed in {WAIT_SECONDS_MAX} s: {answer.text}")


def _session(tx: Tx) -> str:
    viewer = current_catalogue(tx.conn).person_keyed(VIEWER)
    if viewer is None:
        raise RuntimeError(f"the catalogue of the benchmark lacks {VIEWER}")
    people.ensure(tx, viewer, "benchmark")
    return sessions.open_session(tx, viewer).secret


def _spread(conn: Connection) -> list[tuple[str, str, str]]:
    """Of the id, the service and the marker of changes, so many as are asked for."""
    c = changes.c
    query = select(c.id, c.service, c.run_id).where(c.ended_at.is_not(None)).order_by(c.id)
    found = [(row.id, row.service, row.run_id) for row in conn.execute(query)]
    return found[:: max(len(found) // SAMPLE, 1)]
