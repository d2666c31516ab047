"""What follows when a change has ended, or when something that broke is tied to it: inside a transaction.

A change failed or it did not, the sums of delivery say so, and its standard changes may be suspended. All of it under the
lock of its place, and all of it again whenever a result gets worse, an incident moves or a link is corrected.
"""

from gate.core.change import FAILED_RESULTS, Result
from gate.core.decision import ChangeType, FindingKind
from gate.core.incident import CLOCK_SLACK, Method
from gate.core.standard import to_suspend
from gate.flow.compose import rollups
from gate.flow.entries import tell
from gate.flow.ids import new_id
from gate.flow.known import Known, know
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.ledger.format import Kind
from gate.storage import changes, failures, incidents, links, matches, moves, outcomes
from gate.storage.changes import StoredChange
from gate.storage.links import Link, Tie
from gate.storage.outcomes import Kind as OutcomeKind
from gate.storage.tx import Tx


def after_closure(tx: Tx, known: Known, result: Result, book: Rulebook, *, was: Result | None, by: str) -> None:
    """`known` is the change as it was read before it was closed with this result; `was` its result until now."""
    stored = known.stored
    if result in FAILED_RESULTS and was not in FAILED_RESULTS:
        suspend(tx, stored, book)
    if result is Result.ROLLED_BACK:
        _tie_to_open_incidents(tx, known, book, by)
    outcomes.count(tx, stored.id, _kind(tx, known))
    others = outcomes.unrecovered(tx.conn, stored.service, stored.environment)
    if was is not None and stored.admitted_at is not None:  # it may have been what recovered an earlier one
        others += outcomes.failed_before(tx.conn, stored.service, stored.environment, stored.admitted_at)
    for other in dict.fromkeys(others):
        outcomes.count(tx, other)


def tie(tx: Tx, books: Rulebooks, book: Rulebook, asked: Tie) -> Link | None:
    """Put the incident down to the change. None: there is no such change that was admitted, or they are tied already."""
    stored = changes.read(tx.conn, asked.change)
    if stored is None or stored.admitted_at is None:
        return None
    moves.lock_place(tx, stored.service, stored.environment)
    link = links.add(tx, new_id("lnk", tx.now), asked)
    if link is not None:
        told(tx, link, "linked", by=asked.by, reason=asked.reason)
        settle(tx, books, book, asked.change)
    return link


def settle(tx: Tx, books: Rulebooks, book: Rulebook, change_id: str) -> None:
    """Make everything say what the change's result and links say now."""
    known = know(tx.conn, books, change_id)
    if known is None:
        raise LookupError(change_id)  # changes are never deleted
    stored = known.stored
    moves.lock_place(tx, stored.service, stored.environment)
    verdict = failures.judge(tx, stored, known.files)
    if verdict:
        day = tx.now if verdict > 0 else stored.failed_at or tx.now
        tx.add([row._replace(n=verdict) for row in rollups(known.record, ["failed"], at=day)])
    outcomes.count(tx, change_id, _kind(tx, known))
    for link in links.of_change(tx.conn, change_id):
        if link.counts_at <= tx.now:
            links.judged(tx, link)
            suspend(tx, stored, book)


def told(tx: Tx, link: Link, action: str, *, by: str, reason: str = "") -> None:
    """The ledger's word for what was done with a link."""
    method = link.method.value
    tell(tx, Kind.LINK, link.change, incident=link.incident, link=link.id, method=method, action=action, by=by, reason=reason or None)


def suspend(tx: Tx, stored: StoredChange, book: Rulebook) -> None:
    """Whether too many failed by now of what this change matched."""
    policy = book.policies.named(stored.policy)  # the others, shadows among them, have their own idea of the same names
    rules = {one.id: one.suspend for one in policy.standard_changes if one.suspend is not None} if policy else {}
    for name in stored.matched:
        if name not in rules:
            continue
        newest = matches.newest(tx.conn, stored.service, stored.environment, name, at=tx.now)
        known = matches.suspension(tx.conn, stored.service, stored.environment, name)
        because = to_suspend(rules[name], newest, reinstated_at=known.reinstated_at)
        if because is not None and matches.suspend(tx, stored.service, stored.environment, name, because):
            tell(
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
    """What began with a deployment and goes on while that is rolled back was its fault."""
    stored = known.stored
    if stored.admitted_at is None:
        return
    for incident in incidents.open_of_service(tx.conn, stored.service):
        if incident.environment not in {None, stored.environment} or incident.began_at < stored.admitted_at - CLOCK_SLACK:
            continue
        found = links.of_incidents(tx.conn, [incident.id])
        mine = next((link for link in found if link.change == stored.id), None)
        if mine is not None and mine.method is Method.WINDOW:
            _found_better(tx, mine, Method.ROLLBACK, by)
        elif not found and not links.was_removed(tx.conn, incident.id, stored.id):
            link = links.add(tx, new_id("lnk", tx.now), Tie(incident.id, stored.id, Method.ROLLBACK, by))
            if link is not None:
                told(tx, link, "linked", by=by)
    if any(link.counts_at <= tx.now for link in links.of_change(tx.conn, stored.id)):
        suspend(tx, stored, book)


def _found_better(tx: Tx, link: Link, method: Method, by: str) -> None:
    links.found_better(tx, link, method)
    tell(tx, Kind.LINK, link.change, incident=link.incident, link=link.id, method=method.value, action="found_better", by=by)


def _kind(tx: Tx, known: Known) -> OutcomeKind:
    """What the figures are divided by; all of it follows from the decision by which the change was admitted."""
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
        rework=decision.type is ChangeType.EMERGENCY or remediated(tx, stored, record.asked.remediates) is not None,
    )


def remediated(tx: Tx, stored: StoredChange, named: str | None) -> StoredChange | None:
    """The earlier deployment of the same place that this change says it repairs."""
    other = changes.read(tx.conn, named) if named is not None and named != stored.id else None
    if other is None or other.admitted_at is None or (other.service, other.environment) != (stored.service, stored.environment):
        return None
    return other
