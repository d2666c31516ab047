"""The test of the test: five gates, each broken in one way, and each has to make the checker fail.

Beside each stands the gate as it is, under the same faults, with which the checker is content
(`test_load.py`).
"""

import asyncio
import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, select, update

from gate.core.change import State
from gate.ledger.checkpoint import Checkpoint, origin_of, sign_checkpoint
from gate.storage.changes import keys, moves, units
from gate.storage.database import group
from gate.storage.database.group import commit
from gate.storage.database.rows import EntryRow, KeyRow
from gate.storage.database.tx import KeptConnection, Tx
from gate.storage.ledger import heads, sealing
from gate.storage.ledger.ledger import append_entries
from gate.storage.tables.schema import changes, ledger_entries
from tests.faults.history import Act
from tests.faults.worlds import Disturbed, World, lived, world

pytestmark = pytest.mark.anyio


async def test_a_state_that_is_set_without_comparing_it_is_found(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def set_only(
        tx: Tx, change: str, *, from_state: State, of_decision: int, **columns: object
    ) -> bool:
        assert from_state
        assert of_decision
        tx.conn.execute(update(changes).where(changes.c.id == change).values(columns))
        tx.touch(change)
        return True

    async with world(sqlite_url, tmp_path) as found:
        as_it_is = await canceled_by_two_at_once(found)
        monkeypatch.setattr(moves, "move", set_only)
        broken = await canceled_by_two_at_once(found)

    assert as_it_is == []
    assert "2 entries of cancel, 1 to 1 were asked for" in "\n".join(broken)


async def canceled_by_two_at_once(found: World) -> list[str]:
    """Two cancel, and both have seen before that the change waits."""
    run, act = _run(), found.load.act
    change = await found.load.create(run, "web", waits=True)
    await asyncio.gather(*(act(Act.CANCEL, who, change, run) for who in ("ben", "pipeline")))
    return await found.violations()


async def test_an_entry_that_is_written_after_the_commit_is_missed(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[EntryRow] = []

    def later(_: Tx, rows: list[EntryRow]) -> None:
        waiting.extend(rows)

    def write(link: KeptConnection) -> None:
        link.begin()
        append_entries(Tx(link), waiting)
        waiting.clear()
        commit(link)

    monkeypatch.setattr(units, "append_entries", later)
    faults = Disturbed(after=write, lost=waiting.clear, is_watched=lambda _: bool(waiting))

    found = "\n".join(await lived(sqlite_url, tmp_path, commits=faults))

    assert "was acknowledged and has 0 first decisions in the log" in found


async def test_a_key_that_is_kept_after_the_effect_is_missed(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = keys.insert_keys
    times = iter(range(1_000))

    def later(tx: Tx, rows: Sequence[KeyRow]) -> None:
        # Every second time the process dies between the two transactions.
        if next(times) % 2:
            insert(tx, rows)

    monkeypatch.setattr(units, "insert_keys", later)

    found = "\n".join(await lived(sqlite_url, tmp_path, stories=5))

    assert "was answered '201" in found


async def test_a_sealer_with_a_cursor_passes_an_entry_over(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(postgres_url, tmp_path, replicas=2) as found:
        as_it_is = await sealed_while_one_commits_late(found)
        monkeypatch.setattr(sealing, "_UNSEALED", after_the_cursor())
        broken = await sealed_while_one_commits_late(found)

    assert as_it_is == []
    assert "1 entries were never sealed" in "\n".join(broken)


def after_the_cursor() -> Select[Any]:
    """Ask for entries after the newest one that is sealed."""
    table = ledger_entries.alias()
    newest = select(table.c.id).where(table.c.index.is_not(None)).order_by(table.c.id.desc())
    return (
        select(ledger_entries.c.id, ledger_entries.c.body)
        .where(ledger_entries.c.id > newest.limit(1).scalar_subquery())
        .order_by(ledger_entries.c.id)
    )


async def sealed_while_one_commits_late(found: World) -> list[str]:
    """One replica has written an entry and not committed it, when another one writes and seals."""
    one, other = found.replicas
    waits, goes_on = threading.Event(), threading.Event()

    def late(link: KeptConnection) -> None:
        if not waits.is_set() and _has_own_entries(link):
            waits.set()
            assert goes_on.wait(60)
        commit(link)

    create = found.load.create
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(group, "commit", late)
        found.load.replicas, both = found.load.replicas[:1], found.load.replicas
        first = asyncio.create_task(create(_run(), "web", waits=False))
        assert await asyncio.to_thread(waits.wait, 60)
        found.load.replicas = both[1:]
        assert await create(_run(), "checkout", waits=False)
        assert await other.gate.store.write(sealing.seal)
        goes_on.set()
        assert await first
    found.load.replicas = both
    assert one is not other
    return await found.violations()


async def test_a_head_that_is_signed_before_the_commit_is_found(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with world(sqlite_url, tmp_path) as found:
        key = await found.replicas[0].gate.signing.own()

        def sign(link: KeptConnection) -> None:
            tx = Tx(link)
            if sealing.seal(tx):
                head = heads.state(tx.conn).head
                origin = origin_of(key.name, head.epoch)
                note = sign_checkpoint(key.named(origin), Checkpoint(origin, head.size, head.root))
                found.load.notes.append(note)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(group, "commit", Disturbed(before=sign))
            await found.load.run(clients=1, stories=6)

        assert "that is no beginning of the log" in "\n".join(await found.violations())


def _has_own_entries(link: KeptConnection) -> bool:
    found = link.raw.execute(
        "SELECT count(*) FROM ledger_entries WHERE xmin::text = "
        "pg_current_xact_id_if_assigned()::text"
    ).fetchone()
    return bool(found and found[0])


def _run() -> str:
    return f"{random.getrandbits(64):016x}"
