"""The people who withdrew canceled changes, and the reasons they gave."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.change import State
from gate.flow.caller import PERSON
from gate.flow.changes.known import Known
from gate.flow.identity.labels import callers_named
from gate.ledger.format import Entry, Kind, read_entry
from gate.storage import texts
from gate.storage.ledger import ledger


class Withdrawal(NamedTuple):
    """The name of whoever canceled a change, and the comment."""

    by: str
    said: str


def withdrawals(
    conn: Connection, catalogue: Catalogue, found: Sequence[Known]
) -> dict[str, Withdrawal]:
    """Return, by change, what the ledger says about each of these changes that was canceled."""
    canceled = [one.stored.id for one in found if one.stored.state is State.CANCELED]
    entries: dict[str, Entry] = {}
    for change in canceled:
        newest = ledger.newest_of(conn, change, Kind.CANCELLATION.value)
        if newest is not None:
            entries[change] = read_entry(newest[1])
    comments = [str(one.fields["comment"]) for one in entries.values() if one.fields.get("comment")]
    said = texts.read_texts(conn, comments)
    by = [str(one.fields.get("by")) for one in entries.values()]
    names = callers_named(conn, catalogue, [one for one in by if one.startswith(PERSON)])
    return {change: _withdrawal(one, names, said) for change, one in entries.items()}


def _withdrawal(entry: Entry, names: dict[str, str], said: dict[str, str]) -> Withdrawal:
    if entry.fields.get("superseded_by"):
        return Withdrawal("a later deployment", "Something asked for later was deployed here")
    by = names.get(str(entry.fields.get("by")), "the pipeline")
    return Withdrawal(by, said.get(str(entry.fields.get("comment")), ""))
