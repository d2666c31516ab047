"""`gate db prune`: what is older than it has to be kept. Without a time nothing is pruned."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from gate.cli.database import existing, reading
from gate.config import Settings
from gate.core.durations import ALLOWED, read_duration
from gate.errors import Invalid
from gate.flow.entries import append_entry
from gate.ledger.format import Kind
from gate.storage.privacy.compact import compact
from gate.storage.privacy.prune import Prunable, count
from gate.storage.privacy.prune import prune as prune_rows
from gate.storage.store import transaction

WHAT: Mapping[Prunable, str] = {
    Prunable.TEXTS: "texts about changes that ended",
    Prunable.SIGHTINGS: "deployments that other systems saw last",
    Prunable.IMPORTS: "deployments and incidents from before the gate that ended",
    Prunable.MEASURES: "measures taken",
}
KEPT_DAYS_MIN = 30
"""People correct, review and look back on a change for weeks after its end, and nobody can bring
back what was deleted. So a shorter time is taken for a mistake, such as a wrong unit."""

COMMAND_LINE = "command line"


def prune(given: Mapping[Prunable, str | None], *, yes: bool) -> None:
    """Say what is older than it has to be kept; with `yes` delete it."""
    kept = {what: _time(what, text) for what, text in given.items() if text}
    if not kept:
        raise Invalid(
            "nothing is pruned unless you say how long it is kept: set "
            + ", ".join(f"--keep-{what}" for what in Prunable)
        )
    rows = _prune(kept, given) if yes else _count(kept)
    for what, number in rows.items():
        verb = "deleted" if yes else "would be deleted"
        print(f"{WHAT[what]} over {given[what]} ago: {number} {verb}")
    print("Records, entries, approvals and proofs stay; of a deleted text they keep the digest.")
    if not yes:
        print("Nothing was changed; add --yes to do it.")
    elif any(rows.values()):
        compact(existing(Settings.read()))


def _count(kept: Mapping[Prunable, timedelta]) -> Mapping[Prunable, int]:
    now = datetime.now(UTC)
    with reading() as conn:
        return {what: count(conn, what, now - time) for what, time in kept.items()}


def _prune(
    kept: Mapping[Prunable, timedelta], given: Mapping[Prunable, str | None]
) -> Mapping[Prunable, int]:
    """Delete what is older than it has to be kept, and append the entry of it to the ledger."""
    with transaction(existing(Settings.read())) as tx:
        rows = {what: prune_rows(tx, what, tx.now - time) for what, time in kept.items()}
        if any(rows.values()):
            append_entry(
                tx,
                Kind.ERASURE,
                None,
                rows={what.value: number for what, number in rows.items()},
                kept={what.value: given[what] for what in kept},
                by=COMMAND_LINE,
            )
    return rows


def _time(what: Prunable, text: str) -> timedelta:
    seconds = read_duration(text)
    if seconds is None:
        raise Invalid(f"--keep-{what}: found {text[:40]}, allowed is {ALLOWED}")
    kept = timedelta(seconds=seconds)
    if kept < timedelta(days=KEPT_DAYS_MIN):
        raise Invalid(
            f"--keep-{what}: found {text[:40]}, allowed is {KEPT_DAYS_MIN}d or longer, because "
            "people look back on a change for weeks, and what is deleted cannot be brought back"
        )
    return kept
