"""What broke: told by people and by other systems, tied to changes, and untied by people who give a reason."""

from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from gate.core.incident import Method, counts, suspected
from gate.core.messages import told
from gate.core.messages.told import API, IncidentTold
from gate.errors import Conflict, Invalid, NotFound, Unavailable
from gate.flow.answers.incident_view import incident_views
from gate.flow.answers.wire import instant
from gate.flow.asks import Page, Part, Wire
from gate.flow.caller import Caller, Person
from gate.flow.changes import aftermath
from gate.flow.entries import tell
from gate.flow.gate import Gate
from gate.flow.ids import new_id
from gate.flow.lists import own_name, position_of, sealed
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.ledger.format import Kind
from gate.storage.changes import changes, moves
from gate.storage.database import pages
from gate.storage.database.tx import Tx
from gate.storage.incidents import incidents, links
from gate.storage.incidents.incidents import Incident, IncidentQuery
from gate.storage.incidents.links import LINKS_MAX, Link, Tie
from gate.storage.messages.inbox import Claimed, Delivery
from gate.storage.texts import insert_texts, new_text

KIND = "incident"
OWN_ID = "inc_"
"""Begins the ids that the gate gives; under one of these whatever its source was can be told of."""

DUE_MAX = 100
"""Links of one round of the worker; the next round takes the rest."""


@dataclass(frozen=True, slots=True)
class IncidentFilters:
    """Which incidents. None is any."""

    service: str | None = None
    environment: str | None = None
    open: bool | None = None
    part: Part = field(default_factory=Part)


@dataclass(frozen=True, slots=True)
class Reported:
    """The incident as it is now; `is_new` False: it was told before."""

    view: Wire
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Books:
    current: Rulebook
    all: Rulebooks


async def report(gate: Gate, ask: IncidentTold, by: Caller) -> Reported:
    """Take an incident, or news of one. Raises `Invalid` for a change that is not there, `Conflict` for one that was never deployed."""
    return await gate.store.write(_take, gate.rulebooks, await gate.rulebooks.current(), ask, by.caller)


def delivery(ask: IncidentTold, *, named: str, caller: str) -> Delivery:
    """For the inbox: to be worked on by `work`."""
    return Delivery(ask.source, named, KIND, caller, told.write(ask))


async def work(gate: Gate, claimed: Claimed) -> None:
    """Work on what `delivery` made."""
    ask = told.read_incident(claimed.body)
    await gate.store.write(_take, gate.rulebooks, await gate.rulebooks.current(), ask, claimed.caller)


async def listing(gate: Gate, filters: IncidentFilters, by: Caller) -> Page:
    """A page of incidents with their links, newest first."""
    query = IncidentQuery(
        service=filters.service,
        environment=await own_name(gate, filters.environment),
        open=filters.open,
        begins=filters.part.begins,
        ends=filters.part.ends,
    )
    part = pages.Part(filters.part.limit, position_of(gate, filters.part.cursor, query, by))
    found, following = await gate.store.read(_listed, query, part)
    return Page(found, sealed(gate, following, query, by))


async def link(gate: Gate, incident_id: str, change_id: str, reason: str, by: Person) -> Reported:
    """Put it down to a change, or confirm that the gate was right to. Raises `NotFound` and `Conflict`."""
    answer = await gate.store.write(_link, gate.rulebooks, await gate.rulebooks.current(), incident_id, Asked(change_id, reason, by.caller))
    gate.waiters.wake(change_id)
    return answer


async def unlink(gate: Gate, incident_id: str, link_id: str, reason: str, by: Person) -> Wire:
    """It had nothing to do with that change: what was counted is taken back. Raises `NotFound`, and `Conflict` for the second time."""
    return await gate.store.write(_unlink, gate.rulebooks, await gate.rulebooks.current(), incident_id, Asked(link_id, reason, by.caller))


async def judge_due(gate: Gate) -> int:
    """Links by `window` that nobody corrected in time count for suspensions from now on; how many it were."""
    due = await gate.store.read(_due, gate)
    book = await gate.rulebooks.current()
    for one in due:
        await gate.store.write(aftermath.settle, gate.rulebooks, book, one.change)
    return len(due)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks of a link: which one, or which change, and why."""

    named: str
    reason: str
    by: str


def _take(tx: Tx, books: Rulebooks, book: Rulebook, ask: IncidentTold, by: str) -> Reported:
    """An incident, or news of one that is known."""
    environment = ask.environment and book.catalogue.environment_named(ask.environment)
    service = ask.service if ask.source == API else book.catalogue.service_named(ask.service)
    ask = replace(ask, service=service, environment=environment, severity=ask.severity.lower())
    _check(tx.conn, ask)
    known = None
    if ask.source == API and ask.id is not None and ask.id.startswith(OWN_ID):
        known = _found(tx.conn, ask.id)
    elif ask.id is not None:
        incidents.lock_series(tx, ask.source, ask.id)
        known = incidents.newest_of_series(tx.conn, ask.source, ask.id)
        if known is not None and ask.comes_back and known.resolved_at is not None and ask.began_at > known.resolved_at:
            known = None
    if known is None and ask.is_end:
        raise Unavailable("nobody has told of the beginning yet", retry_after_seconds=60)
    both = _Books(book, books)
    incident = _open(tx, ask, by) if known is None else _news(tx, both, known, ask, by)
    _tie_by_itself(tx, both, incident, ask, by)
    return Reported(_one(tx.conn, incident.id), known is None)


def _check(conn: Connection, ask: IncidentTold) -> None:
    if ask.resolved_at is not None and ask.resolved_at < ask.began_at:
        raise Invalid("it was resolved before it began; `resolved_at` must not be earlier than `began_at`")
    if ask.change is None:
        return
    stored = changes.read(conn, ask.change)
    if stored is None:
        raise Invalid(f"there is no change {ask.change[:64]}; name one that was deployed, or none")
    if stored.admitted_at is None:
        raise Conflict(f"{stored.id} was never admitted, so nothing can be put down to it")


def _open(tx: Tx, ask: IncidentTold, by: str) -> Incident:
    title = new_text(ask.title)
    insert_texts(tx, [title])
    identity = new_id(OWN_ID.rstrip("_"), tx.now)
    if ask.id is not None and ask.source == API:
        identity = ask.id  # people look for it under the name they gave
    incident = Incident(
        id=identity,
        source=ask.source,
        series=ask.id or identity,
        title=title.id,
        service=ask.service,
        environment=ask.environment,
        severity=ask.severity,
        url=ask.url,
        began_at=ask.began_at,
        resolved_at=ask.resolved_at,
        told_at=ask.told_at or tx.now,
        created_at=tx.now,
        created_by=by,
    )
    incidents.add(tx, incident)
    _tell(tx, incident, "opened", by)
    return incident


def _news(tx: Tx, books: _Books, known: Incident, ask: IncidentTold, by: str) -> Incident:
    """The newest word of its source counts, and an older one that comes late changes nothing."""
    if (known.service, known.environment) != (ask.service, ask.environment or known.environment):
        where = f"{known.service} in {known.environment or 'no named environment'}"
        raise Conflict(f"{known.series[:100]} is an incident of {where}; report another one under another id")
    told_at = ask.told_at or tx.now
    resolved_at = ask.resolved_at or (None if ask.reopened else known.resolved_at)
    if told_at < known.told_at or (resolved_at, ask.severity) == (known.resolved_at, known.severity):
        return known
    news = replace(known, resolved_at=resolved_at, severity=ask.severity, told_at=told_at)
    incidents.tell(tx, known.id, resolved_at=resolved_at, severity=ask.severity, told_at=told_at)
    if resolved_at != known.resolved_at:
        _tell(tx, news, "resolved" if resolved_at else "reopened", by)
        for tied in links.of_incidents(tx.conn, [known.id]):
            aftermath.settle(tx, books.all, books.current, tied.change)
    return news


def _tie_by_itself(tx: Tx, books: _Books, incident: Incident, ask: IncidentTold, by: str) -> None:
    """By the change that was named; else by what was deployed there, once: what a person untied stays untied."""
    if ask.change is not None:
        aftermath.tie(tx, books.all, books.current, Tie(incident.id, ask.change, Method.EXPLICIT, by))
        return
    catalogue = books.current.catalogue
    listed = catalogue.services.get(incident.service)
    if links.ever(tx.conn, incident.id) or (ask.is_alert and not counts(incident.severity, listed.alerts_count_from if listed else None)):
        return
    here = (
        [incident.environment]
        if incident.environment
        else [one.name for one in catalogue.environments.values() if one.tier == "production"]
    )
    found = suspected(incidents.suspects(tx.conn, incident.service, here, incident.began_at), incident.began_at)
    if found is not None:
        change, method = found
        aftermath.tie(tx, books.all, books.current, Tie(incident.id, change, method, by))


def _link(tx: Tx, books: Rulebooks, book: Rulebook, incident_id: str, asked: Asked) -> Reported:
    incident = _found(tx.conn, incident_id)
    stored = changes.read(tx.conn, asked.named)
    if stored is None:
        raise NotFound(f"there is no change {asked.named[:64]}")
    if stored.admitted_at is None:
        raise Conflict(f"{stored.id} was never admitted, so nothing can be put down to it")
    moves.lock_place(tx, stored.service, stored.environment)
    tied = links.of_incidents(tx.conn, [incident.id])
    known = next((one for one in tied if one.change == stored.id), None)
    if known is None and len(tied) >= LINKS_MAX:
        raise Conflict(f"{incident.id} is tied to {LINKS_MAX} changes already; untie those it has nothing to do with")
    reason = new_text(asked.reason)
    insert_texts(tx, [reason])
    if known is None:
        aftermath.tie(tx, books, book, Tie(incident.id, stored.id, Method.MANUAL, asked.by, reason.id))
    elif known.method is Method.WINDOW and links.confirm(tx, known, asked.by):
        aftermath.told(tx, known, "confirmed", by=asked.by, reason=reason.id)
        aftermath.settle(tx, books, book, stored.id)
    return Reported(_one(tx.conn, incident.id), known is None)


def _unlink(tx: Tx, books: Rulebooks, book: Rulebook, incident_id: str, asked: Asked) -> Wire:
    incident = _found(tx.conn, incident_id)
    known = links.read(tx.conn, asked.named)
    if known is None or known.incident != incident.id:
        raise NotFound(f"{incident.id} has no link {asked.named[:64]}")
    stored = changes.read(tx.conn, known.change)
    if stored is None:
        raise LookupError(known.change)  # changes are never deleted
    moves.lock_place(tx, stored.service, stored.environment)
    reason = new_text(asked.reason)
    if not links.remove(tx, known, asked.by, reason.id):
        raise Conflict(f"{known.id} was removed before")
    insert_texts(tx, [reason])
    aftermath.told(tx, known, "removed", by=asked.by, reason=reason.id)
    aftermath.settle(tx, books, book, known.change)
    return _one(tx.conn, incident.id)


def _found(conn: Connection, incident_id: str) -> Incident:
    incident = incidents.read(conn, incident_id)
    if incident is None:
        raise NotFound(f"there is no incident {incident_id[:64]}")
    return incident


def _tell(tx: Tx, incident: Incident, action: str, by: str) -> None:
    tell(
        tx,
        Kind.INCIDENT,
        None,
        incident=incident.id,
        action=action,
        by=by,
        source=incident.source,
        service=incident.service,
        environment=incident.environment,
        severity=incident.severity,
        began_at=instant(incident.began_at),
        resolved_at=instant(incident.resolved_at),
        title=incident.title,
    )


def _due(conn: Connection, gate: Gate) -> list[Link]:
    return links.due(conn, gate.clock(), DUE_MAX)


def _one(conn: Connection, incident_id: str) -> Wire:
    return incident_views(conn, [_found(conn, incident_id)])[0]


def _listed(conn: Connection, query: IncidentQuery, part: pages.Part) -> tuple[list[Wire], tuple[int | str, ...] | None]:
    found = incidents.incident_page(conn, query, part)
    return incident_views(conn, found.rows), found.next
