"""`gate db prune`: what is older than it has to be kept. Without a time nothing is pruned."""

from collections.abc import Mapping
from datetime import timedelta

from gate.cli.database import existing
from gate.config import Settings
from gate.core.durations import ALLOWED, read_duration
from gate.errors import Invalid
from gate.flow.entries import append_entry
from gate.ledger.format import Kind
from gate.storage.database.tx import Tx
from gate.storage.privacy.compact import compact
from gate.storage.privacy.prune import Kept, count
from gate.storage.privacy.prune import prune as prune_rows
from gate.storage.store import transaction

WHAT: Mapping[Kept, str] = {
    Kept.TEXTS: "texts about changes that ended",
    Kept.SIGHTINGS: "deployments that other systems saw, last",
    Kept.IMPORTS: "deployments and incidents from before the gate that ended",
}
COMMAND_LINE = "command line"


def prune(given: Mapping[Kept, str | None], *, yes: bool) -> None:
    """Say what is older than it has to be kept; with `yes` delete it."""
    kept = {what: _time(what, text) for what, text in given.items() if text}
    if not kept:
        raise Invalid(
            "nothing is pruned unless you say how long it is kept: set "
            + ", ".join(f"--keep-{what}" for what in Kept)
        )
    url = existing(Settings.read())
    with transaction(url) as tx:
        rows = {what: _one(tx, what, time, yes=yes) for what, time in kept.items()}
        if yes and any(rows.values()):
            append_entry(
                tx,
                Kind.ERASURE,
                None,
                rows={what.value: number for what, number in rows.items()},
                kept={what.value: given[what] for what in kept},
                by=COMMAND_LINE,
            )
    for what, number in rows.items():
        verb = "deleted" if yes else "would be deleted"
        print(f"{number} {WHAT[what]} over {given[what]} ago: {verb}")
    print("Records, entries, approvals and proofs stay; of a text they keep the digest.")
    if not yes:
        print("Nothing was changed; add --yes to do it.")
    elif any(rows.values()):
        compact(url)


def _one(tx: Tx, what: Kept, time: timedelta, *, yes: bool) -> int:
    before = tx.now - time
    return prune_rows(tx, what, before) if yes else count(tx.conn, what, before)


def _time(what: Kept, text: str) -> timedelta:
    seconds = read_duration(text)
    if seconds is None:
        raise Invalid(f"--keep-{what}: found {text[:40]}, allowed is {ALLOWED}")
    return timedelta(seconds=seconds)
