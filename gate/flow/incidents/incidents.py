"""What broke: told by people and by other systems, tied to changes, and untied by people who give a
reason.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gate.core.incident import CLOCK_SLACK, WORST, Method, counts, suspected
from gate.core.instants import rfc3339
from gate.core.messages import reports
from gate.core.messages.reports import API, IncidentReport
from gate.errors import Conflict, Invalid, NotFound, Unavailable
from gate.flow.answers.incident import IncidentAnswer, incident_answers, with_unknown
from gate.flow.caller import Caller
from gate.flow.changes import aftermath
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.ids import new_id
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.flow.webhooks.bound import require_own
from gate.ledger.format import Kind
from gate.storage.changes import changes
from gate.storage.database.tx import Tx
from gate.storage.incidents import incidents, links
from gate.storage.incidents.incidents import Incident
from gate.storage.incidents.links import LINKS_MAX, Tie
from gate.storage.messages.inbox import Claimed, Delivery
from gate.storage.texts import insert_texts, new_text

KIND = "incident"
OWN_ID = "inc_"
"""Begins the ids that the gate gives; under one of these whatever its source was can be told of."""

AHEAD_MAX = timedelta(days=1)
"""A source whose clock is further ahead is taken to have told this far ahead."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The incident as it is now; `is_new` False: it was told before."""

    answer: IncidentAnswer
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Books:
    current: Rulebook
    all: Rulebooks


async def report(gate: Gate, ask: IncidentReport, by: Caller) -> Reported:
    """Take an incident, or news of one.

    Raises `NotAllowed` for a service that the caller's token is not for, `Invalid` for a change
    that is not there, `Conflict` for one that was never deployed.
    """
    await require_own(gate, ask, by)
    book = await gate.rulebooks.current()
    return with_names(book, await gate.store.write(_take, gate.rulebooks, book, ask, by.caller))


def delivery(ask: IncidentReport, *, named: str, caller: str) -> Delivery:
    """For the inbox: to be worked on by `work`."""
    return Delivery(ask.source, named, KIND, caller, reports.write(ask))


async def work(gate: Gate, claimed: Claimed) -> None:
    """Work on what `delivery` made."""
    ask = reports.read_incident(claimed.body)
    await gate.store.write(
        _take, gate.rulebooks, await gate.rulebooks.current(), ask, claimed.caller
    )


def with_names(book: Rulebook, reported: Reported) -> Reported:
    """Add what the catalogue does not know of its service and environment."""
    return replace(reported, answer=with_unknown(book.catalogue, reported.answer))


def _take(tx: Tx, books: Rulebooks, book: Rulebook, ask: IncidentReport, by: str) -> Reported:
    """An incident, or news of one that is known."""
    environment = ask.environment and book.catalogue.environment_named(ask.environment)
    service = ask.service if ask.source == API else book.catalogue.service_named(ask.service)
    severity = ask.severity and ask.severity.lower()
    ask = replace(ask, service=service, environment=environment, severity=severity)
    _check(tx.conn, ask)
    both = _Books(book, books)
    known = (
        _known_to_callers(tx, ask) if ask.source == API else _known_at_its_source(tx, both, ask, by)
    )
    incident = (
        _open(tx, ask, by) if known is None else _news(tx, both, known.incident, known.ask, by)
    )
    _tie_by_itself(tx, both, incident, ask, by)
    return Reported(answer_of(tx.conn, incident.id), known is None)


def _check(conn: Connection, ask: IncidentReport) -> None:
    """A caller is told what is wrong.

    Of a hook nobody reads the answer, so a change that it names in vain is left out later.
    """
    if ask.resolved_at is not None and ask.resolved_at < ask.began_at:
        raise Invalid(
            "it was resolved before it began; `resolved_at` must not be earlier than `began_at`"
        )
    for named in ask.changes if ask.source == API else ():
        stored = changes.read(conn, named)
        if stored is None:
            raise Invalid(f"there is no change {named[:64]}; name one that was deployed, or none")
        if stored.admitted_at is None:
            raise Conflict(f"{stored.id} was never admitted, so nothing can be put down to it")


@dataclass(frozen=True, slots=True)
class _Known:
    """The incident that news is of, and the news as it applies there."""

    incident: Incident
    ask: IncidentReport


def _known_to_callers(tx: Tx, ask: IncidentReport) -> _Known | None:
    """By the id that a caller gave, or by one of the gate's own, whatever the source was.

    Raises `Conflict` for another place.
    """
    if ask.id is None:
        return None
    if ask.id.startswith(OWN_ID):
        known: Incident | None = found_incident(tx.conn, ask.id)
    else:
        incidents.lock_series(tx, ask.source, ask.id)
        known = incidents.newest_of_series(tx.conn, ask.source, ask.id)
    if known is not None and not _is_at(known, ask):
        where = f"{known.service} in {known.environment or 'no named environment'}"
        raise Conflict(
            f"{known.series[:100]} is an incident of {where}; report another one under another id"
        )
    return None if known is None else _Known(known, ask)


def _known_at_its_source(tx: Tx, books: _Books, ask: IncidentReport, by: str) -> _Known | None:
    """By the name that its source gave.

    One that the source has moved to another service or environment ends where it was.

    Raises `Unavailable` for an end of which nobody has told the beginning yet.
    """
    if ask.id is None:
        return None
    incidents.lock_series(tx, ask.source, ask.id)
    series = incidents.of_series(tx.conn, ask.source, ask.id)
    latest = max(series, key=lambda one: one.reported_at, default=None)
    if latest is not None and _reported_at(tx, ask) < latest.reported_at:
        # An older word that comes late moves nothing and changes nothing.
        return _Known(latest, ask)
    here = next((one for one in series if _is_at(one, ask)), None)
    elsewhere = [one for one in series if not _is_at(one, ask) and one.resolved_at is None]
    if ask.is_end and here is None and elsewhere:
        # Whoever tells of the end alone need not know where it is by now.
        here = elsewhere.pop(0)
    for one in elsewhere:
        _end_there(tx, books, one, _reported_at(tx, ask), by)
    if (
        here is not None
        and ask.comes_back
        and here.resolved_at is not None
        and ask.began_at > here.resolved_at
    ):
        here = None
    if here is None and ask.is_end:
        raise Unavailable("nobody has told of the beginning yet", retry_after_seconds=60)
    if here is None:
        return None
    return _Known(here, replace(ask, reopened=ask.reopened or bool(elsewhere)))


def _is_at(known: Incident, ask: IncidentReport) -> bool:
    return known.service == ask.service and ask.environment in {None, known.environment}


def _reported_at(tx: Tx, ask: IncidentReport) -> datetime:
    """When the source said so.

    A clock that is far ahead would otherwise make every later word of the source an old one.
    """
    return min(ask.reported_at or tx.now, tx.now + AHEAD_MAX)


def _end_there(tx: Tx, books: _Books, known: Incident, at: datetime, by: str) -> None:
    """It goes on elsewhere: from now on nothing is broken here."""
    ended = max(at, known.began_at)
    incidents.record_report(
        tx, known.id, resolved_at=ended, severity=known.severity, reported_at=at
    )
    _append_incident_entry(tx, replace(known, resolved_at=ended, reported_at=at), "moved", by)
    for tied in links.of_incidents(tx.conn, [known.id]):
        aftermath.settle(tx, books.all, books.current, tied.change)


def _open(tx: Tx, ask: IncidentReport, by: str) -> Incident:
    title = new_text(ask.title)
    insert_texts(tx, [title])
    identity = new_id(OWN_ID.rstrip("_"), tx.now)
    if ask.id is not None and ask.source == API:
        # People look for it under the name they gave.
        identity = ask.id
    incident = Incident(
        id=identity,
        source=ask.source,
        series=ask.id or identity,
        title=title.id,
        service=ask.service,
        environment=ask.environment,
        severity=ask.severity or WORST,
        url=ask.url,
        began_at=ask.began_at,
        resolved_at=ask.resolved_at,
        reported_at=_reported_at(tx, ask),
        created_at=tx.now,
        created_by=by,
    )
    incidents.add(tx, incident)
    _append_incident_entry(tx, incident, "opened", by)
    return incident


def _news(tx: Tx, books: _Books, known: Incident, ask: IncidentReport, by: str) -> Incident:
    """The newest word of its source counts, and an older one that comes late changes nothing."""
    reported_at = _reported_at(tx, ask)
    resolved_at = ask.resolved_at or (None if ask.reopened else known.resolved_at)
    severity = ask.severity or known.severity
    is_same = (resolved_at, severity) == (known.resolved_at, known.severity)
    if reported_at < known.reported_at or (is_same and ask.reported_at is None):
        return known
    news = replace(known, resolved_at=resolved_at, severity=severity, reported_at=reported_at)
    incidents.record_report(
        tx, known.id, resolved_at=resolved_at, severity=severity, reported_at=reported_at
    )
    if resolved_at != known.resolved_at:
        _append_incident_entry(tx, news, "resolved" if resolved_at else "reopened", by)
        for tied in links.of_incidents(tx.conn, [known.id]):
            aftermath.settle(tx, books.all, books.current, tied.change)
    return news


def _tie_by_itself(tx: Tx, books: _Books, incident: Incident, ask: IncidentReport, by: str) -> None:
    """By the changes that were named; else by what was deployed there, once: what a person untied
    stays untied. An alert that does not count may name a change only to say that it was deployed.
    """
    catalogue = books.current.catalogue
    listed = catalogue.services.get(incident.service)
    threshold = listed.alerts_count_from if listed else None
    if ask.is_alert and not counts(incident.severity, threshold):
        return
    named = _named(tx.conn, incident, ask)
    for change in named:
        aftermath.tie(tx, books.all, books.current, Tie(incident.id, change, Method.EXPLICIT, by))
    if named or links.ever(tx.conn, incident.id):
        return
    here = (
        [incident.environment]
        if incident.environment
        else [one.name for one in catalogue.environments.values() if one.tier == "production"]
    )
    found = suspected(
        incidents.suspects(tx.conn, incident.service, here, incident.began_at), incident.began_at
    )
    if found is not None:
        change, method = found
        aftermath.tie(tx, books.all, books.current, Tie(incident.id, change, method, by))


def _named(conn: Connection, incident: Incident, ask: IncidentReport) -> list[str]:
    """The changes to tie it to because its source names them.

    A hook speaks for the service of its incident alone, and what was deployed after something broke
    did not break it.
    """
    found = []
    for named in ask.changes:
        stored = changes.read(conn, named)
        if (
            stored is None
            or stored.admitted_at is None
            or links.was_removed(conn, incident.id, stored.id)
        ):
            continue
        is_here = stored.service == incident.service and incident.environment in {
            None,
            stored.environment,
        }
        is_before = stored.admitted_at <= incident.began_at + CLOCK_SLACK
        if ask.source == API or (is_here and is_before):
            found.append(stored.id)
    return found[: max(LINKS_MAX - len(links.of_incidents(conn, [incident.id])), 0)]


def found_incident(conn: Connection, incident_id: str) -> Incident:
    """Return the incident of that id. Raises `NotFound`."""
    incident = incidents.read(conn, incident_id)
    if incident is None:
        raise NotFound(f"there is no incident {incident_id[:64]}")
    return incident


def _append_incident_entry(tx: Tx, incident: Incident, action: str, by: str) -> None:
    append_entry(
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
        began_at=rfc3339(incident.began_at),
        resolved_at=incident.resolved_at and rfc3339(incident.resolved_at),
        title=incident.title,
    )


def answer_of(conn: Connection, incident_id: str) -> IncidentAnswer:
    """Return the incident as it is shown, with its links."""
    return incident_answers(conn, [found_incident(conn, incident_id)])[0]
