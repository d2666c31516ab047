"""The consequences of the end of a change, and of an incident that is tied to one.

The gate judges whether the change failed, updates the figures of delivery, and may suspend standard
changes. All of it happens in one transaction under the lock of the place, and again whenever a
result gets worse, an incident moves or a link is corrected.
"""

from dataclasses import replace

from gate.core.change import FAILED_RESULTS, Result
from gate.core.decision.standard import to_suspend
from gate.core.decision.values import ChangeType, FindingKind
from gate.core.incident import CLOCK_SLACK, Method
from gate.flow.changes.compose import rollups
from gate.flow.changes.known import Known, know_existing
from gate.flow.entries import append_entry
from gate.flow.ids import new_id
from gate.flow.rulebooks import Books, Rulebook
from gate.ledger.format import Kind
from gate.storage.changes import changes, matches, moves
from gate.storage.database.tx import Tx
from gate.storage.figures import outcomes
from gate.storage.figures.outcomes import Kind as OutcomeKind
from gate.storage.incidents import failures, incidents, links
from gate.storage.incidents.incidents import Incident
from gate.storage.incidents.links import IncidentLink, Tie
from gate.storage.tables.stored_change import StoredChange
from gate.storage.texts import keep_text

GATE = "gate"
"""The source of an incident that the gate itself found, because a change repairs an earlier one."""


def after_closure(
    tx: Tx, known: Known, result: Result, book: Rulebook, *, was: Result | None, by: str
) -> None:
    """Do what follows from the end of a deployment.

    `known` is the change as it was read before it was closed with this result; `was` is its result
    until then.
    """
    stored = known.stored
    if result in FAILED_RESULTS and was not in FAILED_RESULTS:
        suspend(tx, stored, book)
    if result is Result.ROLLED_BACK:
        _tie_to_open_incidents(tx, known, book, by)
    if result not in FAILED_RESULTS:
        _remedied(tx, known, by)
    outcomes.count(tx, stored.id, _kind(tx, known))
    others = outcomes.unrecovered(tx, stored.service, stored.environment)
    # The result that is corrected may have been the recovery of an earlier failure.
    if was is not None and stored.admitted_at is not None:
        others += outcomes.failed_before(tx, stored.service, stored.environment, stored.admitted_at)
    for other in dict.fromkeys(others):
        outcomes.count(tx, other)


def tie(tx: Tx, books: Books, asked: Tie) -> IncidentLink | None:
    """Tie an incident to a change, and return the link.

    None: there is no such change that was admitted, or the two are tied already. A link that was
    made only because of the time gets the better method then.
    """
    stored = changes.read(tx.conn, asked.change)
    if stored is None or stored.admitted_at is None:
        return None
    moves.lock_place(tx, stored.service, stored.environment)
    earlier = links.active(tx.conn, asked.incident, asked.change)
    if (
        earlier is not None
        and earlier.method is Method.WINDOW
        and asked.method is not Method.WINDOW
    ):
        _found_better(tx, earlier, asked.method, asked.by)
        settle(tx, books, asked.change)
        return None
    link = links.add(tx, new_id("lnk", tx.now), asked)
    if link is not None:
        append_link_entry(tx, link, "linked", by=asked.by, reason=asked.reason)
        settle(tx, books, asked.change)
    return link


def remediate(tx: Tx, books: Books, known: Known, by: str) -> None:
    """Tie an incident to the deployment that this change repairs, if it names one of its place.

    `known` was admitted just now. A deployment that needs a repair has failed, even if nobody
    reported an incident.
    """
    repaired = remediated(tx, known.stored, known.record.asked.remediates)
    if repaired is None:
        return
    tied = links.of_change(tx.conn, repaired.id)
    if tied:
        for link in tied:
            if link.method is Method.WINDOW:
                _found_better(tx, link, Method.REMEDIATES, by)
        settle(tx, books, repaired.id)
        return
    incident = _repaired_incident(tx, repaired, by)
    if not links.was_removed(tx.conn, incident, repaired.id):
        tie(tx, books, Tie(incident, repaired.id, Method.REMEDIATES, by))


def settle(tx: Tx, books: Books, change_id: str) -> None:
    """Bring the failure, the figures and the suspensions into line with the change's result and
    links.
    """
    known = know_existing(tx.conn, books.all, change_id)
    stored = known.stored
    moves.lock_place(tx, stored.service, stored.environment)
    # 1: it became failed; -1: it no longer is. A failure that is taken back is subtracted on the
    # day on which it was counted.
    verdict = failures.judge(tx, stored, known.files)
    if verdict:
        day = tx.now if verdict > 0 else stored.failed_at or tx.now
        tx.add([row._replace(n=verdict) for row in rollups(known.record, ["failed"], at=day)])
    outcomes.count(tx, change_id, _kind(tx, known))
    for link in links.of_change(tx.conn, change_id):
        if link.counts_at <= tx.now:
            links.judged(tx, link)
            suspend(tx, stored, books.current)


def append_link_entry(
    tx: Tx, link: IncidentLink, action: str, *, by: str, reason: str = ""
) -> None:
    """Append the ledger entry of what was done with a link."""
    append_entry(
        tx,
        Kind.LINK,
        link.change,
        incident=link.incident,
        link=link.id,
        method=link.method.value,
        action=action,
        by=by,
        reason=reason or None,
    )


def suspend(tx: Tx, stored: StoredChange, book: Rulebook) -> None:
    """Suspend the standard changes that this change matched, if too many of theirs have failed."""
    # Only the policy that decided counts. Others may have standard changes of the same name.
    policy = book.policies.named(stored.policy)
    rules = (
        {one.id: one.suspend for one in policy.standard_changes if one.suspend is not None}
        if policy
        else {}
    )
    for name in stored.matched:
        if name not in rules:
            continue
        newest = matches.newest(tx.conn, stored.service, stored.environment, name, at=tx.now)
        suspension = matches.suspension(tx.conn, stored.service, stored.environment, name)
        because = to_suspend(rules[name], newest, reinstated_at=suspension.reinstated_at)
        if because is not None and matches.suspend(
            tx, stored.service, stored.environment, name, because
        ):
            append_entry(
                tx,
                Kind.STANDARD_CHANGE,
                stored.id,
                standard_change=name,
                action="suspended",
                service=stored.service,
                environment=stored.environment,
                because=because,
            )


def _tie_to_open_incidents(tx: Tx, known: Known, book: Rulebook, by: str) -> None:
    """Tie a change that was rolled back to incidents that began with its deployment and still go
    on.
    """
    stored = known.stored
    if stored.admitted_at is None:
        return
    for incident in incidents.open_of_service(tx.conn, stored.service):
        if (
            incident.environment not in {None, stored.environment}
            or incident.began_at < stored.admitted_at - CLOCK_SLACK
        ):
            continue
        found = links.of_incidents(tx.conn, [incident.id])
        mine = next((link for link in found if link.change == stored.id), None)
        if mine is not None and mine.method is Method.WINDOW:
            _found_better(tx, mine, Method.ROLLBACK, by)
        elif not found and not links.was_removed(tx.conn, incident.id, stored.id):
            link = links.add(
                tx, new_id("lnk", tx.now), Tie(incident.id, stored.id, Method.ROLLBACK, by)
            )
            if link is not None:
                append_link_entry(tx, link, "linked", by=by)
    if any(link.counts_at <= tx.now for link in links.of_change(tx.conn, stored.id)):
        suspend(tx, stored, book)


def _found_better(tx: Tx, link: IncidentLink, method: Method, by: str) -> None:
    links.found_better(tx, link, method)
    append_link_entry(tx, replace(link, method=method), "found_better", by=by)


def _kind(tx: Tx, known: Known) -> OutcomeKind:
    """Return the values by which the figures are grouped.

    All of them follow from the decision by which the change was admitted.
    """
    record, stored = known.record, known.stored
    decision = record.decision
    age = record.case.facts.get("change.age_hours")
    gave = [one.rule for one in decision.findings if one.kind is FindingKind.RULE and one.points]
    return OutcomeKind(
        route=decision.route.value,
        band=int(decision.band),
        policy=record.revisions.policies,
        standard_change=decision.standard_change or "",
        rules=tuple(f"{decision.policy}/{rule}" for rule in gave),
        age_hours=age.value if age is not None and isinstance(age.value, int) else None,
        rework=decision.type is ChangeType.EMERGENCY
        or remediated(tx, stored, record.asked.remediates) is not None,
    )


def _repaired_incident(tx: Tx, repaired: StoredChange, by: str) -> str:
    """Return the id of the incident that a remedy ends.

    It is the one that goes on since the deployment of the repaired change. If there is none, one is
    made that lasts until the remedy works, because nobody reported what broke.
    """
    began = repaired.admitted_at or tx.now
    for one in incidents.open_of_service(tx.conn, repaired.service):
        if one.environment in {None, repaired.environment} and one.began_at >= began - CLOCK_SLACK:
            return one.id
    own = incidents.newest_of_series(tx.conn, GATE, repaired.id)
    if own is not None:
        return own.id
    title = keep_text(tx, f"{repaired.id} needs a remedy")
    incident = Incident(
        id=new_id("inc", tx.now),
        source=GATE,
        series=repaired.id,
        title=title,
        service=repaired.service,
        environment=repaired.environment,
        severity="high",
        url="",
        began_at=repaired.closed_at or began,
        resolved_at=None,
        reported_at=tx.now,
        created_at=tx.now,
        created_by=by,
    )
    incidents.add(tx, incident)
    append_entry(
        tx,
        Kind.INCIDENT,
        repaired.id,
        incident=incident.id,
        action="opened",
        by=by,
        source=GATE,
        title=title,
    )
    return incident.id


def _remedied(tx: Tx, known: Known, by: str) -> None:
    """Resolve the incident that the gate itself opened, because the repair has succeeded."""
    repaired = remediated(tx, known.stored, known.record.asked.remediates)
    incident = (
        incidents.newest_of_series(tx.conn, GATE, repaired.id) if repaired is not None else None
    )
    if repaired is None or incident is None or incident.resolved_at is not None:
        return
    incidents.record_report(
        tx, incident.id, resolved_at=tx.now, severity=incident.severity, reported_at=tx.now
    )
    append_entry(tx, Kind.INCIDENT, repaired.id, incident=incident.id, action="resolved", by=by)
    outcomes.count(tx, repaired.id)


def remediated(tx: Tx, stored: StoredChange, named: str | None) -> StoredChange | None:
    """Return the earlier deployment of the same place that this change says it repairs, or None."""
    other = changes.read(tx.conn, named) if named is not None and named != stored.id else None
    if (
        other is None
        or other.admitted_at is None
        or (other.service, other.environment) != (stored.service, stored.environment)
    ):
        return None
    return other
