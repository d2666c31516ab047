"""The sealer and the publisher: only committed heads are signed, never two histories, and a
restored database is found out.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from gate.errors import Unavailable
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.ledger import publish
from gate.flow.ledger.guard import read_guard, write_guard
from gate.flow.ledger.watch import Watch
from gate.flow.queries import upkeep
from gate.flow.signing import Signing, make_key
from gate.ledger.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from gate.ledger.format import Kind
from gate.ledger.tree import EMPTY_ROOT, verify_consistency
from gate.storage.database.engine import sqlite_path
from gate.storage.database.tx import Tx
from gate.storage.ledger import heads
from gate.storage.ledger.heads import Head
from gate.storage.ledger.sealing import seal
from gate.storage.ledger.tree import tree
from gate.storage.tables.schema_ledger import checkpoints, ledger_head, tiles
from gate.storage.tables.schema_work import leases
from tests.flow.shop import BASE_URL, Shop, open_shop

pytestmark = pytest.mark.anyio


async def head(gate: Gate) -> Head:
    return await gate.store.read(heads.head)


async def signed(gate: Gate) -> Checkpoint:
    """The newest signed head, opened with the gate's own key."""
    key = await gate.signing.own()
    newest = await gate.store.read(heads.newest_checkpoint)
    assert newest is not None
    return open_checkpoint(newest[1], [key.verifier])


def guarded(gate: Gate) -> Checkpoint | None:
    assert gate.ledger.guard is not None
    return read_guard(gate.ledger.guard)


async def settle(shop: Shop, turns: int = 3) -> None:
    """Turns enough to adopt the key, seal its entry, and sign."""
    for _ in range(turns):
        await publish.turn(shop.gate, "first")


@pytest.fixture
async def guarded_shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop whose last signed head is guarded, as in production."""
    async with reopened(database_url, tmp_path) as shop:
        yield shop


@asynccontextmanager
async def reopened(url: str, folder: Path) -> AsyncIterator[Shop]:
    async with open_shop(url, folder) as shop:
        yield replace(shop, gate=replace(shop.gate, ledger=Watch(folder / "guard")))


async def test_what_is_written_is_sealed_signed_and_guarded(guarded_shop: Shop) -> None:
    shop = guarded_shop
    await settle(shop)
    first = await signed(shop.gate)
    await shop.submit("a")
    await settle(shop)
    second = await signed(shop.gate)

    now = await head(shop.gate)
    assert (second.size, second.root) == (now.size, now.root)
    assert second.size == len(await shop.entries()) > first.size
    assert second == guarded(shop.gate)
    proof = await shop.gate.store.read(
        lambda conn: tree(conn, second.size).consistency_proof(first.size)
    )
    verify_consistency(first.size, second.size, proof, first.root, second.root)
    assert (shop.gate.signing.stopped, await upkeep.ready(shop.gate)) == (None, [])


async def test_nothing_new_is_signed_or_written_while_nothing_happens(guarded_shop: Shop) -> None:
    await settle(guarded_shop)
    before = await guarded_shop.gate.store.read(everything)
    await settle(guarded_shop)

    assert await guarded_shop.gate.store.read(everything) == before


async def test_the_first_entry_about_the_key_names_it(guarded_shop: Shop) -> None:
    await settle(guarded_shop)
    key = await guarded_shop.gate.signing.own()
    (entry,) = await guarded_shop.entries("key")

    assert entry.fields == {"key": str(key.verifier), "action": "first"}
    assert (await head(guarded_shop.gate)).key == str(key.verifier)


async def test_f30_without_a_key_everything_is_sealed_and_nothing_signed(
    guarded_shop: Shop,
) -> None:
    shop = replace(guarded_shop, gate=replace(guarded_shop.gate, signing=Signing(None, "")))
    await shop.submit("a")
    await settle(shop)

    assert (await head(shop.gate)).size == len(await shop.entries())
    assert await shop.gate.store.read(heads.newest_checkpoint) is None
    assert await upkeep.ready(shop.gate) == []


async def test_f30_another_key_signs_nothing_and_is_unready(
    guarded_shop: Shop, tmp_path: Path
) -> None:
    await settle(guarded_shop)
    before = await signed(guarded_shop.gate)
    make_key(tmp_path / "other.key", BASE_URL)
    signing = Signing(tmp_path / "other.key", BASE_URL)
    other = replace(guarded_shop.gate, signing=signing, ledger=Watch(tmp_path / "other"))
    change = await guarded_shop.submit("a")
    await publish.turn(other, "second")

    assert await signed(guarded_shop.gate) == before
    assert "give it that key" in (await upkeep.ready(other))[0]
    with pytest.raises(Unavailable) as refused:
        await replace(guarded_shop, gate=other).admit(change)
    assert refused.value.problem == "signing_unavailable"


async def test_of_two_servers_one_signs_and_the_other_guards_what_was_signed(
    guarded_shop: Shop, tmp_path: Path
) -> None:
    other = replace(guarded_shop.gate, ledger=Watch(tmp_path / "other guard"))
    await settle(guarded_shop)
    await guarded_shop.submit("a")
    for _ in range(3):
        await asyncio.gather(
            publish.turn(guarded_shop.gate, "first"), publish.turn(other, "second")
        )

    assert guarded(other) == guarded(guarded_shop.gate) == await signed(guarded_shop.gate)


async def test_f11_f13_a66_a_database_restored_from_an_older_backup_signs_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with reopened(sqlite_url, tmp_path) as shop:
        await settle(shop)
        backup = await backed_up(shop)
        await shop.submit("a")
        await settle(shop)
    restore(sqlite_url, backup)

    async with reopened(sqlite_url, tmp_path) as shop:
        before = await signed(shop.gate)
        await settle(shop)
        (unready,) = await upkeep.ready(shop.gate)
        await shop.submit("b")
        await settle(shop)

        assert "restored from an older backup" in unready
        assert "gate ledger epoch" in unready
        assert await signed(shop.gate) == before


async def test_f13_a66_also_when_the_restored_database_has_grown_past_the_guard(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with reopened(sqlite_url, tmp_path) as shop:
        await settle(shop)
        backup = await backed_up(shop)
        await shop.submit("a")
        await settle(shop)
    restore(sqlite_url, backup)

    async with reopened(sqlite_url, tmp_path) as shop:
        for letter in "bcdef":
            await shop.submit(letter)
        await settle(shop)

        assert "another history" in (await upkeep.ready(shop.gate))[0]


@pytest.mark.parametrize(
    ("size", "origin", "says"),
    [
        (1, "gate.example.com/decisions", "another history"),
        (1, "other.example.com/decisions", "belongs to"),
        (1, "gate.example.com/decisions/epoch-2", "before that epoch"),
        (1, "gate.example.com/decisions/epoch-1", "belongs to"),
        (1, "gate.example.com/decisions/epoch-02", "belongs to"),
    ],
)
async def test_a_guard_of_another_history_stops_every_signature(
    guarded_shop: Shop, size: int, origin: str, says: str
) -> None:
    await settle(guarded_shop)
    key, guard = await guarded_shop.gate.signing.own(), guarded_shop.gate.ledger.guard
    assert guard is not None
    write_guard(guard, sign_checkpoint(key.named(origin), Checkpoint(origin, size, b"x" * 32)))
    await settle(guarded_shop)

    assert says in (await upkeep.ready(guarded_shop.gate))[0]


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"gate.example.com/decisions\n5\n"])
async def test_a_guard_that_cannot_be_read_stops_every_signature_until_it_can(
    guarded_shop: Shop, content: bytes
) -> None:
    await settle(guarded_shop)
    guard = guarded_shop.gate.ledger.guard
    assert guard is not None
    good = guard.read_bytes()
    guard.write_bytes(content)
    await guarded_shop.submit("a")
    before = await signed(guarded_shop.gate)
    await settle(guarded_shop)

    assert "broken" in (await upkeep.ready(guarded_shop.gate))[0]
    assert await signed(guarded_shop.gate) == before
    guard.write_bytes(good)
    await settle(guarded_shop)
    assert (await signed(guarded_shop.gate)).size > before.size


async def test_where_the_guard_cannot_be_written_nothing_is_signed(
    guarded_shop: Shop, tmp_path: Path
) -> None:
    gate = replace(guarded_shop.gate, ledger=Watch(tmp_path / "not there" / "guard"))
    await settle(replace(guarded_shop, gate=gate))

    assert await gate.store.read(heads.newest_checkpoint) is None
    assert "cannot be written" in (await upkeep.ready(gate))[0]


async def test_a_history_that_was_rewritten_in_the_database_is_not_signed(
    guarded_shop: Shop,
) -> None:
    shop = guarded_shop
    await settle(shop)
    before = await signed(shop.gate)
    await shop.gate.store.write(rewrite_history)
    await shop.submit("a")
    await settle(shop)

    assert "does not continue the head that was signed last" in (await upkeep.ready(shop.gate))[0]
    assert await signed(shop.gate) == before


async def test_a64_tiles_that_were_changed_stop_every_signature(guarded_shop: Shop) -> None:
    shop = guarded_shop
    await settle(shop)
    before = await signed(shop.gate)
    await shop.gate.store.write(spoil_a_tile)
    await shop.submit("a")
    await settle(shop)

    assert "sealed entries" in (await upkeep.ready(shop.gate))[0]
    assert await signed(shop.gate) == before


TAMPERED = {
    "an entry is changed": 'UPDATE ledger_entries SET body = {bytes} WHERE "index" = 4',
    "an entry is removed": 'DELETE FROM ledger_entries WHERE "index" = 4',
    "the time beside an entry is changed": 'UPDATE ledger_entries SET at = at + 1 WHERE "index" = 4',
    "two entries are swapped": """UPDATE ledger_entries SET "index" = -4 WHERE "index" = 4;
        UPDATE ledger_entries SET "index" = 4 WHERE "index" = 5; UPDATE ledger_entries SET "index" = 5 WHERE "index" = -4""",
    "a record is changed": "UPDATE decisions SET record = {bytes}",
    "an outcome is changed": "UPDATE decisions SET outcome = 'rejected'",
    "a decision is removed": "DELETE FROM decisions",
}


@pytest.mark.parametrize("how", TAMPERED)
async def test_a64_the_running_server_finds_what_was_changed_and_signs_nothing_more(
    guarded_shop: Shop, how: str
) -> None:
    shop = guarded_shop
    await shop.submit("a")
    await settle(shop)
    before = await signed(shop.gate)
    decided = len(await shop.entries()) - 2  # the entry of the key comes last
    await shop.gate.store.write(tamper, TAMPERED[how])
    shop.gate.ledger.began_at = None  # or it would look again after ten seconds
    await settle(shop)
    await shop.gate.store.write(many_entries)
    await settle(shop)

    (unready,) = await upkeep.ready(shop.gate)
    assert f"entry {decided if 'decisions' in TAMPERED[how] else 4} of the ledger: " in unready
    assert await signed(shop.gate) == before


async def test_a64_what_is_mended_is_signed_again(guarded_shop: Shop) -> None:
    shop = guarded_shop
    await settle(shop)
    shop.gate.ledger.began_at = None
    await shop.gate.store.write(tamper, 'UPDATE ledger_entries SET at = at + 1 WHERE "index" = 2')
    await settle(shop)
    broken = await upkeep.ready(shop.gate)
    await shop.gate.store.write(tamper, 'UPDATE ledger_entries SET at = at - 1 WHERE "index" = 2')
    await settle(shop)

    assert "entry 2 of the ledger" in broken[0]
    assert await upkeep.ready(shop.gate) == []


async def test_a_long_ledger_is_looked_over_block_by_block(small_shop: Shop) -> None:
    shop = small_shop
    await shop.gate.store.write(many_entries)
    await settle(shop, 1)
    await shop.gate.store.write(tamper, 'UPDATE ledger_entries SET at = at + 1 WHERE "index" = 300')
    shop.gate.ledger.began_at = None
    ready = []
    for _ in range(3):
        await settle(shop, 1)
        ready.append(await upkeep.ready(shop.gate))

    assert ready[0] == []  # of three blocks the first is in order
    assert ready[1] == ready[2] == ["entry 300 of the ledger: " + ready[1][0].partition(": ")[2]]


# Helpers


def many_entries(tx: Tx) -> None:
    for number in range(600):
        append_entry(
            tx, Kind.REFUSAL, None, problem="not_allowed", operation="test", by=f"token:{number}"
        )


def tamper(tx: Tx, statements: str) -> None:
    """What whoever owns the database can do, behind the triggers."""
    tables = ("ledger_entries", "decisions")
    for table in tables:
        for act in ("update", "delete"):
            tx.execute(
                f"DROP TRIGGER IF EXISTS {table}_no_{act}"
                + (f" ON {table}" if tx.is_postgres else "")
            )
    for statement in statements.split(";"):
        tx.execute(statement.format(bytes="'x'::bytea" if tx.is_postgres else "x'78'"))


def without_triggers(tx: Tx) -> None:
    """What whoever owns the database can do."""
    for table in ("tiles", "ledger_entries", "ledger_head"):
        for act in ("update", "delete"):
            tx.execute(
                f"DROP TRIGGER {table}_no_{act}" + (f" ON {table}" if tx.is_postgres else "")
            )


def spoil_a_tile(tx: Tx) -> None:
    without_triggers(tx)
    tx.execute(
        "UPDATE tiles SET hashes = %s" if tx.is_postgres else "UPDATE tiles SET hashes = ?",
        (bytes(64),),
    )


def rewrite_history(tx: Tx) -> None:
    """Another first entry, and a tree that fits it: consistent in itself."""
    without_triggers(tx)
    first = 'UPDATE ledger_entries SET body = {one} WHERE "index" = 0'
    tx.execute(first.format(one="%s" if tx.is_postgres else "?"), (b"another",))
    tx.execute('UPDATE ledger_entries SET "index" = NULL')
    tx.execute("DELETE FROM tiles")
    heads.set_head(tx, size=0, root=EMPTY_ROOT)
    assert seal(tx)


async def backed_up(shop: Shop) -> Path:
    """A consistent copy, as `gate db backup` makes it."""
    copy = shop.folder / "backup.sqlite"
    with (
        closing(sqlite3.connect(shop.folder / "gate.sqlite")) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


def restore(url: str, backup: Path) -> None:
    """Put the copy back while no server runs."""
    path = sqlite_path(url)
    assert path is not None
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(backup, path)


def everything(conn: Connection) -> list[object]:
    """Every row that a turn could change."""
    tables = (ledger_head, checkpoints, tiles, leases)
    return [row for table in tables for row in conn.execute(select(table)).all()]
