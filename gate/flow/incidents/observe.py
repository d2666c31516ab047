"""Another system reports a deployment: it belongs to an admitted change, or went past the gate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from gate.core.change import Result, State
from gate.core.decision.places import lacks
from gate.core.messages import reports
from gate.core.messages.reports import DeploymentReport
from gate.flow.changes import endings
from gate.flow.changes.known import know_stored
from gate.flow.gate import Gate
from gate.flow.rulebooks import Books, Rulebook
from gate.storage.changes import moves
from gate.storage.changes.closures import Report
from gate.storage.database.tx import Tx
from gate.storage.incidents import sightings
from gate.storage.incidents.sightings import Missing
from gate.storage.messages.inbox import Claimed, InboxDelivery
from gate.storage.tables.stored_change import StoredChange

KIND = "deployment"
CLOCK_SLACK = timedelta(minutes=5)
"""The time by which another system's clock may be behind. A deployment that the system saw so long
before an admission may still belong to it."""

WENT_BACK_WITHIN = timedelta(hours=24)
"""How long after its end a deployment may still be rolled back by a report from outside."""

ENDED_WITHIN = timedelta(hours=1)
"""How long after a change was closed another system may see the end of its deployment."""

ASKED_WITHIN = timedelta(hours=24)
"""A job that failed and asked the gate so long before its end may have failed because the gate did
not let it pass."""


class Observed(StrEnum):
    """The consequences of the report of a deployment."""

    # The deployment belongs to an admitted change, and the report says nothing new.
    KNOWN = "known"
    # The report closed the change, or made its result worse.
    CLOSED = "closed"
    # The deployment has begun and is not admitted yet; its end shows whether it went past the gate.
    BEGUN = "begun"
    # The deployment went past the gate, and people are shown that.
    UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True)
class _Saw:
    observed: Observed
    change: str | None = None
    # What would have explained the deployment; None unless it is newly missing.
    missing: Missing | None = None


async def deployment_seen(gate: Gate, seen: DeploymentReport) -> Observed:
    """Find the change of a deployment, close it if the result is known, and return what followed.

    The same report again changes nothing. Only a change that is still deploying is closed, because
    its own pipeline knows better; a rollback counts also afterwards. No report ever approves.
    """
    return _announced(gate, seen, await gate.store.write(_see, await gate.rulebooks.books(), seen))


async def unplaced_seen(gate: Gate, seen: DeploymentReport) -> Observed:
    """Keep a deployment of a repository whose service or environment the catalogue does not know.

    It went past the gate, wherever it went.
    """
    saw = await gate.store.write(_past_the_gate, seen, seen.result, Missing.REPOSITORY)
    return _announced(gate, seen, saw)


def _announced(gate: Gate, seen: DeploymentReport, saw: _Saw) -> Observed:
    """Wake those who wait for the change, count what went past the gate, and return what
    followed.
    """
    if saw.change is not None:
        gate.waiters.wake(saw.change)
    if saw.missing is not None:
        gate.metrics.sighted(seen.source, saw.missing)
    return saw.observed


def delivery(seen: DeploymentReport, *, named: str, caller: str) -> InboxDelivery:
    """Return the report as a delivery for the inbox, on which `work` works later."""
    return InboxDelivery(seen.source, named, KIND, caller, reports.write(seen))


async def work(gate: Gate, claimed: Claimed) -> None:
    """Work on a delivery that `delivery` made."""
    await deployment_seen(gate, reports.read_deployment(claimed.body))


def _see(tx: Tx, books: Books, seen: DeploymentReport) -> _Saw:
    seen = replace(seen, environment=books.current.catalogue.environment_named(seen.environment))
    moves.lock_place(tx, seen.service, seen.environment)
    found = _rolled_back(tx, seen) if seen.went_back else _deployed(tx, seen)
    result = Result.ROLLED_BACK if seen.went_back else seen.result
    if found is None:
        return _past_the_gate(tx, seen, result, _missing(tx, books.current, seen))
    may_close = found.state is State.DEPLOYING or (
        seen.went_back and found.result is not Result.ROLLED_BACK
    )
    if result is None or not may_close:
        return _Saw(Observed.KNOWN)
    by = f"hook:{seen.source}"
    known = know_stored(tx.conn, books.all, found)
    closing = endings.close(tx, known, Report(by, result), books.current, by=by)
    if closing in endings.CHANGED:
        return _Saw(Observed.CLOSED, found.id)
    return _Saw(Observed.KNOWN)


def _past_the_gate(tx: Tx, seen: DeploymentReport, result: Result | None, missing: Missing) -> _Saw:
    """Keep a deployment that belongs to no admitted change, once it has ended.

    Its beginning alone says nothing, because a code host reports a job before the job has asked the
    gate.
    """
    if result is None:
        return _Saw(Observed.BEGUN)
    new = sightings.add(tx, seen, result, missing)
    return _Saw(Observed.UNMATCHED, missing=missing if new else None)


def _missing(tx: Tx, book: Rulebook, seen: DeploymentReport) -> Missing:
    """Return what was missing for the deployment to belong to a change.

    `APPROVAL` is for a job that failed because the gate did not let it pass: to the other system
    that looks like a failed deployment.
    """
    if lacks(book.catalogue.services, seen.service):
        return Missing.SERVICE
    if lacks(book.catalogue.environments, seen.environment):
        return Missing.ENVIRONMENT
    has_failed = seen.result is Result.UNSUCCESSFUL and seen.commit is not None
    if has_failed and sightings.has_asked(tx.conn, seen, seen.at - ASKED_WITHIN):
        return Missing.APPROVAL
    return Missing.ADMISSION


def _deployed(tx: Tx, seen: DeploymentReport) -> StoredChange | None:
    """Return the change of this deployment, or None: the one that is deploying, else the newest one
    that it can still belong to.

    A commit that was admitted once is not admitted for ever. If it comes back after another change
    was admitted here, it went past the gate.
    """
    here = sightings.admitted(tx.conn, seen, seen.at + CLOCK_SLACK)
    if seen.commit is not None:
        alike: Sequence[StoredChange] = sightings.admitted_commit(
            tx.conn, seen, seen.at + CLOCK_SLACK
        )
        alike = [one for one in alike if not one.digests or _has_artifact(one, seen)]
    else:
        alike = [one for one in here if _has_artifact(one, seen)]
    deploying = next((one for one in alike if one.state is State.DEPLOYING), None)
    newest = here[0].id if here and (seen.commit is not None or seen.digests) else None
    return deploying or next(
        (one for one in alike if one.id == newest or _is_just_over(one, seen)), None
    )


def _has_artifact(change: StoredChange, seen: DeploymentReport) -> bool:
    return not seen.digests or not set(seen.digests).isdisjoint(change.digests)


def _is_just_over(change: StoredChange, seen: DeploymentReport) -> bool:
    return change.closed_at is None or seen.at <= change.closed_at + ENDED_WITHIN


def _rolled_back(tx: Tx, seen: DeploymentReport) -> StoredChange | None:
    """Return the change that was rolled back, or None: the newest here that is no rollback itself.

    The commit of the report does not help, because some systems name what runs now, and some what
    ran before.
    """
    for one in sightings.admitted(tx.conn, seen, seen.at + CLOCK_SLACK):
        if one.direction == "rollback":
            continue
        over = one.closed_at is not None and seen.at > one.closed_at + WENT_BACK_WITHIN
        return None if over else one
    return None
