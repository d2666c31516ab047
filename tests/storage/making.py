"""Units that are valid as they are, and a writer that is kept busy so that calls wait together."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from gate.core.change import State
from gate.core.decision.values import Band, ChangeType, Outcome, Route
from gate.core.instants import from_us, to_us
from gate.storage.changes.units import Recorded, Unit, record
from gate.storage.changes.words import words
from gate.storage.database.rows import DecisionRow, EntryRow, KeyRow, RollupRow
from gate.storage.database.tx import Tx
from gate.storage.store import Store, transaction
from gate.storage.tables.stored_change import StoredChange
from gate.storage.texts import new_text

DAY = 20_000
AT = from_us(DAY * 86_400_000_000)
KEY_LIFETIME = timedelta(days=1)


def make_unit(
    number: int,
    *,
    key: str | None = None,
    run: str | None = None,
    caller: str = "token:a",
    **fields: Any,
) -> Unit:
    """The unit of change `number`; `fields` are those of `Unit`."""
    change = make_change(number, caller=caller, run_key=run)
    unit = Unit(
        change=change,
        decision=make_decision(change),
        expects_policy_set="",
        entries=(EntryRow(to_us(change.submitted_at), "decision", change.id, b'{"v":1}'),),
        texts=(new_text(f"title {number}"),),
        key=None if key is None else make_key(change, key),
        rollups=(make_rollup("submitted"),),
        words=words(f"checkout production number{number}"),
    )
    return unit._replace(**fields)


def make_change(number: int, **fields: Any) -> StoredChange:
    """An approved change of `checkout` in production."""
    at = AT + timedelta(microseconds=number)
    change = StoredChange(
        id=f"chg_{number:026d}",
        service="checkout",
        environment="production",
        commit_sha=f"{number:040x}",
        digests=(),
        direction="forward",
        caller="token:a",
        subject_key=hashlib.sha256(str(number).encode()).hexdigest(),
        state=State.APPROVED,
        type=ChangeType.STANDARD,
        route=Route.AUTOMATIC,
        outcome=Outcome.APPROVED,
        would=None,
        band=Band.LOW,
        score=12,
        policy=None,
        standard_change=None,
        matched=(),
        hold=None,
        decision=1,
        subject_digest=f"{number:064x}",
        excused=False,
        running_change=None,
        lines=None,
        parallel=False,
        planned_start=None,
        planned_end=None,
        redecide_at=None,
        valid_until=None,
        repository_issuer=None,
        repository_id=None,
        run_id=None,
        run_attempt=None,
        run_step=None,
        run_key=None,
        settled_at=None,
        expires_at=None,
        time_left=None,
        submitted_at=at,
        decided_at=at,
        close_within_seconds=3600,
        detail=b"{}",
    )
    return replace(change, **fields)


def make_decision(change: StoredChange, **fields: Any) -> DecisionRow:
    """The first decision of that change."""
    decision = DecisionRow(
        change_id=change.id,
        number=1,
        at=change.decided_at,
        service=change.service,
        environment=change.environment,
        type=change.type,
        route=change.route,
        outcome=change.outcome,
        band=change.band,
        score=change.score,
        policy=change.policy,
        revision="r" * 64,
        standard_change=None,
        subject_digest=change.subject_digest,
        record='{"title":"größer"}'.encode(),
        record_sha256="0" * 64,
    )
    return decision._replace(**fields)


def make_key(change: StoredChange, key: str, **fields: Any) -> KeyRow:
    """The first answer of that change."""
    row = KeyRow(
        change.caller,
        key,
        "b" * 64,
        201,
        change.id,
        b'{"id":1}',
        to_us(change.submitted_at + KEY_LIFETIME),
    )
    return row._replace(**fields)


def make_rollup(measure: str, n: int = 1) -> RollupRow:
    """So many on the first day."""
    return RollupRow(DAY, "checkout", "production", measure, "automatic", 0, "r" * 16, "", n)


@asynccontextmanager
async def busy(store: Store) -> AsyncIterator[Callable[[], None]]:
    """While inside, the writer is in another group: what is asked for meanwhile waits together.

    Yields what lets it go.
    """
    loop = asyncio.get_running_loop()
    begun, go_on = asyncio.Event(), threading.Event()

    def hold(_: Tx) -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()

    holding = asyncio.ensure_future(store.write(hold))
    await begun.wait()
    try:
        yield go_on.set
    finally:
        go_on.set()
        await holding


def recorded(url: str, *units: Unit) -> list[Recorded]:
    """What became of these units, recorded in one transaction."""
    with transaction(url) as tx:
        return record(tx, units)
