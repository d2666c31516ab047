"""The log for everybody who verifies it: its signed head, key, tiles, entries and proofs."""

import asyncio
from contextlib import suppress

from sqlalchemy import Connection

from gate.errors import NotFound, Unavailable
from gate.flow.caller import Caller
from gate.flow.changes.known import visible_change
from gate.flow.gate import Gate
from gate.flow.ledger.publish import PUBLISHED
from gate.ledger.checkpoint import Proof, origin_of
from gate.ledger.tiles import TILE_WIDTH, TilePath, read_tile_path
from gate.ledger.tree import HASH_BYTES
from gate.storage.ledger import heads, ledger
from gate.storage.ledger.tree import tile_reader, tree_of_proof

INDEX_DIGITS_MAX = 18
LENGTH_BYTES = 2
"""The size of the length that stands before each entry of a bundle."""

LOOK_AGAIN_SECONDS = 1.0
"""Another server may have signed: who waits for a proof looks again at least so often."""

CHECKPOINT_KEPT_SECONDS = 1
TILE_KEPT_SECONDS = 365 * 24 * 3600
"""How long a copy may be used, because tiles and entries never change."""


async def checkpoint(gate: Gate) -> bytes:
    """Return the newest signed head. Raises `Unavailable` before the first one."""
    newest = await gate.store.read(heads.newest_checkpoint)
    if newest is None:
        raise _unsigned("nothing was signed yet; ask again in a second, or look at /readyz")
    return newest[1]


async def verifier_key(gate: Gate) -> str:
    """Return the key that verifies what this gate signs. Raises `Unavailable` while
    there is none.
    """
    key = await gate.signing.own()
    head = await gate.store.read(heads.head)
    return str(key.named(origin_of(key.name, head.epoch)).verifier)


async def tile(gate: Gate, path: str) -> bytes:
    """Return the hashes of a tile, or a bundle of entries, by its address. Raises `NotFound`."""
    found = read_tile_path(path)
    content = await gate.store.read(_tile, found) if found else None
    if content is None:
        raise NotFound(
            f"there is no tile {path[:80]}; the checkpoint says how many entries there are"
        )
    return content


async def entry(gate: Gate, index: str) -> bytes:
    """Return the exact bytes of a sealed entry. Raises `NotFound`."""
    known = (
        index.isascii()
        and index.isdecimal()
        and len(index) <= INDEX_DIGITS_MAX
        and str(int(index)) == index
    )
    rows = await gate.store.read(ledger.sealed, int(index), int(index) + 1) if known else ()
    if not rows:
        raise NotFound(
            f"there is no entry {index[:40]}; the checkpoint says how many entries there are"
        )
    return rows[0][1]


async def proof(gate: Gate, change_id: str, kind: str, by: Caller, wait_seconds: int) -> bytes:
    """Return the proof of a change's newest entry of a kind, with the bytes of the entry.

    Waits until the entry is sealed and signed. Raises `NotFound`, and `Unavailable` if that takes
    too long.
    """
    await visible_change(gate, change_id, by)
    found = await gate.store.read(_proof, change_id, kind)
    if found is None and wait_seconds > 0:
        found = await _published(gate, change_id, kind, by, wait_seconds)
    if found is None:
        raise _unsigned("the entry is not signed yet; ask again, or with `wait`")
    return bytes(found)


async def _published(
    gate: Gate, change_id: str, kind: str, by: Caller, wait_seconds: int
) -> Proof | None:
    """Read again whenever a head was signed, until it covers the entry or the time is over."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + wait_seconds
    async with gate.waiters.on(PUBLISHED, by.caller) as published:
        while True:
            published.clear()
            found = await gate.store.read(_proof, change_id, kind)
            left = ends - loop.time()
            if found is not None or left <= 0 or gate.waiters.closed:
                return found
            with suppress(TimeoutError):
                await asyncio.wait_for(published.wait(), min(left, LOOK_AGAIN_SECONDS))


def _proof(conn: Connection, change_id: str, kind: str) -> Proof | None:
    """Return the proof, or None while no signed head covers the entry."""
    newest = ledger.newest_of(conn, change_id, kind)
    if newest is None:
        raise NotFound(f"the ledger has no entry of kind {kind} about {change_id}")
    index, body = newest
    signed = heads.newest_checkpoint(conn)
    if index is None or signed is None or index >= signed[0]:
        return None
    size, note = signed
    return Proof(
        index, tuple(tree_of_proof(conn, size, index).inclusion_proof(index)), note, extra=body
    )


def _tile(conn: Connection, path: TilePath) -> bytes | None:
    if path.level is None:
        return _bundle(conn, path)
    hashes = tile_reader(conn)(path.level, path.number)
    if len(hashes) >= path.width * HASH_BYTES:
        return hashes[: path.width * HASH_BYTES]
    return None


def _bundle(conn: Connection, path: TilePath) -> bytes | None:
    begin = path.number * TILE_WIDTH
    rows = ledger.sealed(conn, begin, begin + path.width)
    if len(rows) < path.width:
        return None
    return b"".join(len(body).to_bytes(LENGTH_BYTES, "big") + body for _, body in rows)


def _unsigned(detail: str) -> Unavailable:
    return Unavailable(detail, problem="signing_unavailable")
