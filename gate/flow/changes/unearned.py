"""Explains why a standard change is not earned yet: how many successes still have to settle.

Only the explanation depends on these numbers, never the decision.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from gate.core.change import Change
from gate.core.decision.decide import Case
from gate.core.decision.standard import StandardStatus, standard_key, with_settling
from gate.core.decision.values import Decision, Outcome
from gate.core.policy.policy import StandardChange
from gate.flow.changes.gather import Gathered
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook
from gate.storage.changes import matches


async def with_settling_counts(
    gate: Gate, change: Change, book: Rulebook, gathered: Gathered, decision: Decision
) -> Gathered:
    """Return `gathered` with the number of successes that still settle, or `gathered` itself.

    The number is read only where a matching standard change is not earned, because it looks back on
    up to 200 deployments, and a place that has earned its standard changes must not pay for that.
    """
    unearned = _unearned(book, gathered.case, decision)
    if not unearned:
        return gathered
    counted = await gate.store.read(_counted, change, unearned, gathered.case)
    statuses = {**gathered.case.standard_statuses, **counted}
    return gathered._replace(case=gathered.case._replace(standard_statuses=statuses))


def _unearned(book: Rulebook, case: Case, decision: Decision) -> dict[str, StandardChange]:
    """Return the standard changes that match but are not earned yet, by `standard_key`."""
    policy = book.policies.named(decision.policy)
    if policy is None or decision.outcome is not Outcome.PENDING:
        return {}
    matched = {
        standard_key(policy, one): one
        for one in policy.standard_changes
        if one.id in decision.matched_standard_changes
    }
    return {key: one for key, one in matched.items() if _waits(case.standard_statuses.get(key))}


def _waits(status: StandardStatus | None) -> bool:
    return status is not None and not status.earned and not status.suspended


def _counted(
    conn: Connection, change: Change, unearned: Mapping[str, StandardChange], case: Case
) -> dict[str, StandardStatus]:
    counted = {}
    for key, standard in unearned.items():
        if standard.earn is not None:
            place = change.service, change.environment, standard.id
            looked_back_on = matches.newest(conn, *place, at=case.at)
            suspension = matches.suspension(conn, *place)
            counted[key] = with_settling(
                case.standard_statuses[key], standard.earn, looked_back_on, suspension, at=case.at
            )
    return counted
