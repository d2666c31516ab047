"""The report on completeness: whether the ledger has holes, and which sources no longer send
reports.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from gate.core.instants import from_us
from gate.flow.audit.scope import Scope
from gate.ledger.format import instant
from gate.storage.audit.entries import tally
from gate.storage.audit.rules import heard, heard_before
from gate.storage.ledger import heads

SILENT_DAYS = 7
"""A system that sent reports before and has sent none for so long counts as silent."""

UNSEALED_SECONDS_MAX = 60
"""An entry that waits longer to be sealed is a fault."""


class Check(NamedTuple):
    """One thing that was checked. `ok` is false where an auditor should ask further."""

    check: str
    subject: str
    found: str
    ok: bool


class Silent(NamedTuple):
    """A code host, hook or deployment tool that sent reports before and then stopped."""

    last_at: datetime
    source: str
    caller: str
    first_at: datetime
    silent_days: int


def silent_sources(conn: Connection, scope: Scope) -> Iterator[Silent]:
    """Yield the sources that were silent for longer than `SILENT_DAYS` at the instant
    of the scope.
    """
    for one in heard_before(conn, scope.at - timedelta(days=SILENT_DAYS)):
        days = (scope.at - one.last_at).days
        yield Silent(one.last_at, one.source, one.caller, one.first_at, days)


def completeness(conn: Connection, scope: Scope) -> Iterator[Check]:
    """Yield the result of every check, whether it is well or not."""
    counted, head = tally(conn), heads.head(conn)
    holes = counted.indices - counted.sealed
    yield Check("indices without a hole", "ledger", f"holes: {holes}", holes == 0)
    same = head.size == counted.indices
    yield Check(
        "sealed entries", "ledger", f"{counted.indices} of {head.size} sealed are here", same
    )
    decided = counted.decisions == counted.decision_entries
    yield Check(
        "decisions with an entry",
        "ledger",
        f"decisions: {counted.decisions}, entries of decisions: {counted.decision_entries}",
        decided,
    )
    yield _waiting(counted.waits_since_us, scope.at)
    silent = timedelta(days=SILENT_DAYS)
    for what, name, last_at in heard(conn):
        found = "never" if last_at is None else instant(last_at)
        ok = what == "place" or (last_at is not None and scope.at - last_at < silent)
        yield Check(f"last heard of this {what}", name, found, ok)


def _waiting(since_us: int | None, at: datetime) -> Check:
    if since_us is None:
        return Check("entries that wait to be sealed", "ledger", "none", ok=True)
    since = from_us(since_us)
    ok = at - since < timedelta(seconds=UNSEALED_SECONDS_MAX)
    return Check("entries that wait to be sealed", "ledger", f"since {instant(since)}", ok)
