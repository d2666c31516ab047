"""Incidents: reported by people and by other systems, tied to changes, and untied by people with a
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
from gate.flow.rulebooks import Books, Rulebook
from gate.flow.webhooks.bound import require_own
from gate.ledger.format import Kind
from gate.storage.changes import changes
from gate.storage.database.tx import Tx
from gate.storage.incidents import incidents, links
from gate.storage.incidents.incidents import Incident
from gate.storage.incidents.links import LINKS_MAX, Tie
from gate.storage.messages.inbox import Claimed, InboxDelivery
from gate.storage.texts import keep_text

KIND = "incident"
OWN_ID = "inc_"
"""The beginning of the ids that the gate gives. A report under such an id may be about an incident
of any source."""

AHEAD_MAX = timedelta(days=1)
"""How far ahead the clock of a source may be. A later time in a report is replaced by the latest
allowed one."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The incident as it is now. `is_new` is False if it was reported before."""

    answer: IncidentAnswer
    is_new: bool


async def report(gate: Gate, report: IncidentReport, by: Caller) -> Reported:
    """Take a report of an incident, new or known, and return the incident.

    Raises `NotAllowed` for a service that the caller's token is not for, `Invalid` for a change
    that does not exist, `Conflict` for one that was never deployed.
    """
    await require_own(gate, report, by)
    books = await gate.rulebooks.books()
    reported = await gate.store.write(_take, books, report, by.caller)
    return with_names(books.current, reported)


def delivery(report: IncidentReport, *, named: str, caller: str) -> InboxDelivery:
    """Return the report as a delivery for the inbox, on which `work` works later."""
    return InboxDelivery(report.source, named, KIND, caller, reports.write(report))


async def work(gate: Gate, claimed: Claimed) -> None:
    """Work on a delivery that `delivery` made."""
    report = reports.read_incident(claimed.body)
    await gate.store.write(_take, await gate.rulebooks.books(), report, claimed.caller)


def with_names(book: Rulebook, reported: Reported) -> Reported:
    """Add what the catalogue does not know of its service and environment."""
    return replace(reported, answer=with_unknown(book.catalogue, reported.answer))


def _take(tx: Tx, books: Books, report: IncidentReport, by: str) -> Reported:
    """Take a report, tie its incident to changes, and return the incident."""
    catalogue = books.current.catalogue
    environment = report.environment and catalogue.environment_named(report.environment)
    service = report.service if report.source == API else catalogue.service_named(report.service)
    severity = report.severity and report.severity.lower()
    report = replace(report, service=service, environment=environment, severity=severity)
    _check(tx.conn, report)
    meant = (
        _meant_by_caller(tx, report)
        if report.source == API
        else _meant_by_source(tx, books, report, by)
    )
    if meant is None:
        incident = _open(tx, report, by)
    else:
        incident = _updated(tx, books, meant.incident, meant.report, by)
    _tie_by_itself(tx, books, incident, report, by)
    return Reported(answer_of(tx.conn, incident.id), meant is None)


def _check(conn: Connection, report: IncidentReport) -> None:
    """Raise for a report that cannot be right.

    Changes are checked only for callers of the API, who read the answer. Nobody reads the answer to
    a hook, so a change that it names wrongly is left out later.
    """
    if report.resolved_at is not None and report.resolved_at < report.began_at:
        raise Invalid(
            "it was resolved before it began; `resolved_at` must not be earlier than `began_at`"
        )
    for named in report.changes if report.source == API else ():
        stored = changes.read(conn, named)
        if stored is None:
            raise Invalid(f"there is no change {named[:64]}; name one that was deployed, or none")
        if stored.admitted_at is None:
            raise Conflict(f"{stored.id} was never admitted, so nothing can be put down to it")


@dataclass(frozen=True, slots=True)
class _Meant:
    """The incident that a report is about, and the report as it applies there."""

    incident: Incident
    report: IncidentReport


def _meant_by_caller(tx: Tx, report: IncidentReport) -> _Meant | None:
    """Return the incident with the id that a caller gave, or with one of the gate's own ids.

    Raises `Conflict` for an incident of another place.
    """
    if report.id is None:
        return None
    if report.id.startswith(OWN_ID):
        incident: Incident | None = found_incident(tx.conn, report.id)
    else:
        incidents.lock_series(tx, report.source, report.id)
        incident = incidents.newest_of_series(tx.conn, report.source, report.id)
    if incident is not None and not _is_at(incident, report):
        where = f"{incident.service} in {incident.environment or 'no named environment'}"
        raise Conflict(
            f"{incident.series[:100]} is an incident of {where}; report another one under another "
            "id"
        )
    return None if incident is None else _Meant(incident, report)


def _meant_by_source(tx: Tx, books: Books, report: IncidentReport, by: str) -> _Meant | None:
    """Return the incident that its source calls by this name, or None if it is new.

    If the source has moved it to another service or environment, it ends where it was.

    Raises `Unavailable` for the end of an incident whose beginning was not reported yet, so that
    the delivery is tried again.
    """
    if report.id is None:
        return None
    incidents.lock_series(tx, report.source, report.id)
    series = incidents.of_series(tx.conn, report.source, report.id, within=report.within)
    latest = max(series, key=lambda one: one.reported_at, default=None)
    if latest is not None and _reported_at(tx, report) < latest.reported_at:
        # An older report that comes late moves nothing and changes nothing.
        return _Meant(latest, report)
    here = next((one for one in series if _is_at(one, report)), None)
    elsewhere = [one for one in series if not _is_at(one, report) and one.resolved_at is None]
    if report.is_end and here is None and elsewhere:
        # A report of the end may name an old place, and ends the incident wherever it is.
        here = elsewhere.pop(0)
    for one in elsewhere:
        _end_there(tx, books, one, _reported_at(tx, report), by)
    if (
        here is not None
        and report.comes_back
        and here.resolved_at is not None
        and report.began_at > here.resolved_at
    ):
        here = None
    if here is None and report.is_end:
        raise Unavailable(
            "the beginning of this incident is not reported yet; report its end again later",
            retry_after_seconds=60,
        )
    if here is None:
        return None
    return _Meant(here, replace(report, reopened=report.reopened or bool(elsewhere)))


def _is_at(incident: Incident, report: IncidentReport) -> bool:
    return incident.service == report.service and report.environment in {None, incident.environment}


def _reported_at(tx: Tx, report: IncidentReport) -> datetime:
    """Return when the source reported this, at most a day ahead.

    Otherwise one report with a wrong clock would make all later ones look old.
    """
    return min(report.reported_at or tx.now, tx.now + AHEAD_MAX)


def _end_there(tx: Tx, books: Books, incident: Incident, at: datetime, by: str) -> None:
    """End an incident in its old place, because its source says that it is elsewhere."""
    ended = max(at, incident.began_at)
    incidents.record_report(
        tx, incident.id, resolved_at=ended, severity=incident.severity, reported_at=at
    )
    _append_incident_entry(tx, replace(incident, resolved_at=ended, reported_at=at), "moved", by)
    _settle_tied(tx, books, incident)


def _open(tx: Tx, report: IncidentReport, by: str) -> Incident:
    identity = new_id(OWN_ID.rstrip("_"), tx.now)
    if report.id is not None and report.source == API:
        # People look for it under the id that they gave.
        identity = report.id
    incident = Incident(
        id=identity,
        source=report.source,
        series=report.id or identity,
        title=keep_text(tx, report.title),
        service=report.service,
        environment=report.environment,
        severity=report.severity or WORST,
        url=report.url,
        began_at=report.began_at,
        resolved_at=report.resolved_at,
        reported_at=_reported_at(tx, report),
        created_at=tx.now,
        created_by=by,
    )
    incidents.add(tx, incident)
    _append_incident_entry(tx, incident, "opened", by)
    return incident


def _updated(tx: Tx, books: Books, incident: Incident, report: IncidentReport, by: str) -> Incident:
    """Update an incident from a report, and return it.

    The newest report of its source counts; an older one that comes late changes nothing.
    """
    reported_at = _reported_at(tx, report)
    resolved_at = report.resolved_at or (None if report.reopened else incident.resolved_at)
    severity = report.severity or incident.severity
    is_same = (resolved_at, severity) == (incident.resolved_at, incident.severity)
    if reported_at < incident.reported_at or (is_same and report.reported_at is None):
        return incident
    news = replace(incident, resolved_at=resolved_at, severity=severity, reported_at=reported_at)
    incidents.record_report(
        tx, incident.id, resolved_at=resolved_at, severity=severity, reported_at=reported_at
    )
    if resolved_at != incident.resolved_at:
        _append_incident_entry(tx, news, "resolved" if resolved_at else "reopened", by)
        _settle_tied(tx, books, incident)
    return news


def _settle_tied(tx: Tx, books: Books, incident: Incident) -> None:
    for tied in links.of_incidents(tx.conn, [incident.id]):
        aftermath.settle(tx, books, tied.change)


def _tie_by_itself(
    tx: Tx, books: Books, incident: Incident, report: IncidentReport, by: str
) -> None:
    """Tie an incident to the changes that were named, or else to what was deployed there before it.

    The gate guesses only once for an incident, so what a person untied stays untied. An alert below
    the threshold of the service ties nothing.
    """
    catalogue = books.current.catalogue
    listed = catalogue.services.get(incident.service)
    threshold = listed.alerts_count_from if listed else None
    if report.is_alert and not counts(incident.severity, threshold):
        return
    named = _named(tx.conn, incident, report)
    for change in named:
        aftermath.tie(tx, books, Tie(incident.id, change, Method.EXPLICIT, by))
    if named or links.ever(tx.conn, incident.id):
        return
    here = (incident.environment,) if incident.environment else catalogue.production
    found = suspected(
        incidents.suspects(tx.conn, incident.service, here, incident.began_at), incident.began_at
    )
    if found is not None:
        change, method = found
        aftermath.tie(tx, books, Tie(incident.id, change, method, by))


def _named(conn: Connection, incident: Incident, report: IncidentReport) -> list[str]:
    """Return the changes that the source names and that may be tied.

    A hook may name only changes of the service of its incident, and only those deployed before it
    began.
    """
    found = []
    for named in report.changes:
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
        if report.source == API or (is_here and is_before):
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
