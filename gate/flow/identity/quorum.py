"""Whose approvals count for the decision in force?"""

from collections.abc import Collection, Iterable

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision.quorum import missing
from gate.core.decision.record import Record
from gate.flow.identity.membership import groups_now
from gate.storage.changes.approvals import Approval


def counted(
    given: Iterable[Approval], record: Record, excluded: Collection[str], catalogue: Catalogue
) -> dict[str, frozenset[str]]:
    """Who approved what is in force, with the groups they are in now; a disabled person never
    counts.

    `excluded` are those who may not decide as of now, not those of the decision: whoever was named
    since does not count.
    """
    decisions = {record.number, *record.carries}
    return {
        one.person: groups_now(catalogue, one.person, one.standing)
        for one in given
        if not (one.rejected or one.lapsed_at or one.standing.disabled)
        and one.decision in decisions
        and one.person not in excluded
    }


def still_missing(
    given: Iterable[Approval], record: Record, excluded: Collection[str], catalogue: Catalogue
) -> tuple[int, ...]:
    """How many approvals each entry lacks."""
    return missing(record.decision.required, counted(given, record, excluded, catalogue))
