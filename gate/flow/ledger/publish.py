"""The sealer and the publisher, as turns of the worker: entries get their places, and committed
heads are signed.

Any replica may do either; a lease lets one do it at a time, so that the others lose no time on the
same. What keeps the ledger right is not the lease but the lock on its head, and the comparisons
before every signature.
"""

import asyncio
import time
from datetime import timedelta

from sqlalchemy import Connection

from gate.errors import Unavailable
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.ledger.guard import contradiction, read_guard, write_guard
from gate.ledger.checkpoint import (
    Checkpoint,
    NoteError,
    epoch_of,
    origin_of,
    read_checkpoint,
    sign_checkpoint,
)
from gate.ledger.format import Kind
from gate.ledger.note import SigningKey
from gate.ledger.tiles import TILE_WIDTH
from gate.ledger.tree import ProofError, verify_consistency
from gate.storage.database.tx import Tx
from gate.storage.ledger import heads, sealing
from gate.storage.ledger.exporting import faults_of_block
from gate.storage.ledger.heads import LedgerState
from gate.storage.ledger.tree import tree
from gate.storage.messages import leases

SEALER, PUBLISHER = "sealer", "publisher"
LEASE_HELD = timedelta(seconds=10)
UNSIGNED = "signing_unavailable"
LOOK_OVER_SECONDS = 10.0
"""The least time between two beginnings of checking the whole ledger; a long one takes longer."""

WHERE = "ledger"
PUBLISHED = "published"
"""The topic that requests for a proof wait for."""


async def turn(gate: Gate, holder: str) -> None:
    """Seal entries that wait, check the ledger, and sign its head if that is new.

    What forbids signing is kept in `gate.signing.stopped`, where everybody can see it, until it is
    gone.
    """
    try:
        key = await gate.signing.find()
        state = await _sealed(gate, key, holder)
        await _look_over(gate, state.head.size)
        if key is not None:
            await _judge(gate, key, state)
            await _publish(gate, key, state, holder)
    except Unavailable as error:
        if error.problem != UNSIGNED:
            # The database does not answer, which says nothing of the ledger.
            raise
        gate.signing.stopped = error.detail
        gate.troubles.lasts(WHERE, error)
    else:
        gate.signing.stopped = None
        gate.troubles.over(WHERE)


async def _sealed(gate: Gate, key: SigningKey | None, holder: str) -> LedgerState:
    """Seal all entries that wait, and return the state of the ledger after that.

    Before the first one, the key of this server becomes the key of the ledger.
    """
    state = await gate.store.read(heads.state)
    if key is not None and state.head.key is None:
        await gate.store.write(_adopt_key, str(key.verifier))
        state = await gate.store.read(heads.state)
    waited = gate.clock() - state.waits_since if state.waits_since else timedelta(0)
    gate.metrics.ledger(state.head.size, state.signed, max(waited, timedelta(0)).total_seconds())
    sealed = sealing.SEALED_AT_ONCE_MAX if state.waits_since else 0
    while sealed == sealing.SEALED_AT_ONCE_MAX:
        sealed = await gate.store.write(_seal, holder)
    if state.waits_since:
        return await gate.store.read(heads.state)
    return state


def _seal(tx: Tx, holder: str) -> int:
    if leases.take(tx, SEALER, holder, hold_for=LEASE_HELD):
        return sealing.seal(tx)
    return 0


async def _judge(gate: Gate, key: SigningKey, state: LedgerState) -> None:
    """Raise `Unavailable` with the reason if this server may sign nothing."""
    mine, expected = str(key.verifier), state.head.key
    if expected != mine:
        raise _unsigned(
            f"the ledger is signed with {expected}, this server has {mine}; give it that "
            "key and restart it"
        )
    guard = await _guard(gate)
    if gate.ledger.judged == (state, guard):
        return
    trouble = await gate.store.read(_contradiction, state, key.name, guard)
    if trouble is not None:
        raise _unsigned(trouble)
    gate.ledger.judged = (state, guard)


async def _look_over(gate: Gate, size: int) -> None:
    """Compare one block of entries with what was sealed, the newest first, then all of them, again
    and again.

    Raises `Unavailable` with the first bad entry, and comes back to it each turn until it is
    mended.
    """
    watch, now, blocks = gate.ledger, time.monotonic(), -(-size // TILE_WIDTH)
    if watch.block == 0 and watch.began_at is not None and now - watch.began_at < LOOK_OVER_SECONDS:
        return
    block = blocks - 1 if watch.block is None else min(watch.block, blocks - 1)
    if block < 0:
        return
    if watch.began_at is None or block == 0:
        watch.began_at = now
    fault = await gate.store.read_slowly(_first_fault, size, block)
    if fault is not None:
        index, what = fault
        watch.block, watch.began_at = block, None
        raise _unsigned(f"entry {index} of the ledger: {what}")
    watch.block = 0 if watch.block is None else (block + 1) % blocks


def _first_fault(conn: Connection, size: int, block: int) -> tuple[int, str] | None:
    return next(faults_of_block(conn, size, block), None)


def _adopt_key(tx: Tx, mine: str) -> None:
    """Keep the key that signs this ledger from its first checkpoint on: the first server's."""
    head = heads.lock_head(tx)
    if head is None:
        raise Unavailable("another server has the ledger's head now; the next turn asks again")
    if head.key is None:
        heads.set_head(tx, key=mine)
        append_entry(tx, Kind.KEY, None, key=mine, action="first")


async def _guard(gate: Gate) -> Checkpoint | None:
    path = gate.ledger.guard
    if path is None:
        return None
    return await asyncio.to_thread(read_guard, path)


def _contradiction(
    conn: Connection, state: LedgerState, name: str, guard: Checkpoint | None
) -> str | None:
    """Return why this head may not be signed, or None.

    Its own tree, the head that was signed last, and the guard all have to agree with it.
    """
    head = state.head
    sealing.require_whole(conn, head)
    try:
        last = read_checkpoint(state.note) if state.note else None
        if last is not None and last.size:
            proof = tree(conn, head.size).consistency_proof(last.size)
            verify_consistency(last.size, head.size, proof, last.root, head.root)
    except (NoteError, ProofError) as error:
        return f"the ledger does not continue the head that was signed last: {error}"
    against = contradiction(guard, name, head, tree(conn, guard.size)) if guard else None
    return (
        against
        and f"{against}. Put the newest database back, or open a new epoch with `gate ledger epoch`"
    )


async def _publish(gate: Gate, key: SigningKey, state: LedgerState, holder: str) -> None:
    """Sign the head that was judged, unless it is signed already.

    The guard is written before the signature is published. Otherwise a crash in between would leave
    a published head that the guard does not know, and restoring a backup from before it would not
    be noticed.
    """
    head = state.head
    if head.size <= state.signed:
        await _follow(gate, key, state)
        return
    if not await gate.store.write(leases.take, PUBLISHER, holder, hold_for=LEASE_HELD):
        return
    origin = origin_of(key.name, head.epoch)
    note = sign_checkpoint(key.named(origin), Checkpoint(origin, head.size, head.root))
    await _keep(gate, note)
    if await gate.store.write(heads.add_checkpoint, head, note):
        gate.waiters.wake(PUBLISHED)


async def _follow(gate: Gate, key: SigningKey, state: LedgerState) -> None:
    """Guard a head that another server signed, so that any server notices a restored backup."""
    guard = gate.ledger.judged[1] if gate.ledger.judged else None
    behind = guard is None or (epoch_of(guard.origin, key.name) or 0, guard.size) < (
        state.head.epoch,
        state.signed,
    )
    if state.note is not None and behind:
        await _keep(gate, state.note)
        gate.waiters.wake(PUBLISHED)


async def _keep(gate: Gate, note: bytes) -> None:
    if gate.ledger.guard is not None:
        await asyncio.to_thread(write_guard, gate.ledger.guard, note)


def _unsigned(detail: str) -> Unavailable:
    return Unavailable(detail, problem=UNSIGNED, retry_after_seconds=30)
