"""People tie an incident to a change, or untie it from one, and say why."""

from dataclasses import dataclass

from gate.core.incident import Method
from gate.errors import Conflict, NotFound
from gate.flow.answers.incident import IncidentAnswer, with_unknown
from gate.flow.caller import Person
from gate.flow.changes import aftermath
from gate.flow.changes.known import no_such_change
from gate.flow.gate import Gate
from gate.flow.incidents.incidents import Reported, answer_of, found_incident, with_names
from gate.flow.rulebooks import Books
from gate.storage.changes import changes, moves
from gate.storage.database.tx import Tx
from gate.storage.incidents import links
from gate.storage.incidents.links import LINKS_MAX, Tie
from gate.storage.texts import keep_text

DUE_MAX = 100
"""The most links that one round of the worker takes. The next round takes the rest."""


async def link(gate: Gate, incident_id: str, change_id: str, reason: str, by: Person) -> Reported:
    """Tie an incident to a change, or confirm a tie that the gate guessed; return the incident.

    Raises `NotFound` and `Conflict`.
    """
    books = await gate.rulebooks.books()
    linked = await gate.store.write(
        _link, books, incident_id, LinkCommand(change_id, reason, by.caller)
    )
    gate.waiters.wake(change_id)
    return with_names(books.current, linked)


async def unlink(
    gate: Gate, incident_id: str, link_id: str, reason: str, by: Person
) -> IncidentAnswer:
    """Untie an incident from a change, take back what was counted, and return the incident.

    Raises `NotFound`, and `Conflict` if the link was removed before.
    """
    books = await gate.rulebooks.books()
    answer = await gate.store.write(
        _unlink, books, incident_id, LinkCommand(link_id, reason, by.caller)
    )
    return with_unknown(books.current.catalogue, answer)


async def judge_due(gate: Gate) -> int:
    """Have links count for suspensions that the gate guessed and nobody corrected in time; return
    how many.
    """
    due = await gate.store.read(links.due, gate.clock(), DUE_MAX)
    books = await gate.rulebooks.books()
    for one in due:
        await gate.store.write(aftermath.settle, books, one.change)
    return len(due)


@dataclass(frozen=True, slots=True)
class LinkCommand:
    """Tie an incident to the change that is named, or untie the link that is named."""

    named: str
    reason: str
    by: str


def _link(tx: Tx, books: Books, incident_id: str, asked: LinkCommand) -> Reported:
    incident = found_incident(tx.conn, incident_id)
    stored = changes.read(tx.conn, asked.named)
    if stored is None:
        raise no_such_change(asked.named)
    if stored.admitted_at is None:
        raise Conflict(f"{stored.id} was never admitted, so nothing can be put down to it")
    moves.lock_place(tx, stored.service, stored.environment)
    tied = links.of_incidents(tx.conn, [incident.id])
    tie = next((one for one in tied if one.change == stored.id), None)
    if tie is None and len(tied) >= LINKS_MAX:
        raise Conflict(
            f"{incident.id} is tied to {LINKS_MAX} changes already; untie those it has "
            "nothing to do with"
        )
    reason = keep_text(tx, asked.reason)
    if tie is None:
        aftermath.tie(tx, books, Tie(incident.id, stored.id, Method.MANUAL, asked.by, reason))
    elif tie.method is Method.WINDOW and links.confirm(tx, tie, asked.by):
        aftermath.append_link_entry(tx, tie, "confirmed", by=asked.by, reason=reason)
        aftermath.settle(tx, books, stored.id)
    return Reported(answer_of(tx.conn, incident.id), tie is None)


def _unlink(tx: Tx, books: Books, incident_id: str, asked: LinkCommand) -> IncidentAnswer:
    incident = found_incident(tx.conn, incident_id)
    tie = links.read(tx.conn, asked.named)
    if tie is None or tie.incident != incident.id:
        raise NotFound(f"{incident.id} has no link {asked.named[:64]}")
    stored = changes.existing(tx.conn, tie.change)
    moves.lock_place(tx, stored.service, stored.environment)
    reason = keep_text(tx, asked.reason)
    if not links.remove(tx, tie, asked.by, reason):
        raise Conflict(f"{tie.id} was removed before")
    aftermath.append_link_entry(tx, tie, "removed", by=asked.by, reason=reason)
    aftermath.settle(tx, books, tie.change)
    return answer_of(tx.conn, incident.id)
