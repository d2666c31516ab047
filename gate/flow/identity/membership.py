"""Which groups somebody is in, and whose approvals count for the decision in force."""

from collections.abc import Collection, Iterable

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision.quorum import missing
from gate.core.decision.record import Record
from gate.flow.caller import Person, Proof, Role
from gate.storage.changes.approvals import Approval
from gate.storage.identity.people import AccountState

NONE: frozenset[str] = frozenset()


def groups_now(catalogue: Catalogue, person: str, account_state: AccountState) -> frozenset[str]:
    """Empty for whoever is disabled or an auditor, who may not act for any group.

    Somebody whom the catalogue lacks is in none either: nobody knows under which names they write,
    so their own changes could not be told from others'.
    """
    if account_state.disabled or account_state.role == "auditor" or person not in catalogue.people:
        return NONE
    listed = frozenset(catalogue.groups_of(person))
    claimed = frozenset(account_state.claimed_groups)
    return listed.union(
        group.name for group in catalogue.groups.values() if not claimed.isdisjoint(group.sso)
    )


def signed_on(
    catalogue: Catalogue, person: str, account_state: AccountState, proof: Proof
) -> Person | None:
    """The person as one who asks now.

    Somebody who has left the catalogue, or was disabled, is nobody.
    """
    if account_state.disabled or (person not in catalogue.people and not account_state.outside):
        return None
    role = None if account_state.role is None else Role(account_state.role)
    return Person(person, groups_now(catalogue, person, account_state), proof, role)


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
        one.person: groups_now(catalogue, one.person, one.account_state)
        for one in given
        if not (one.rejected or one.lapsed_at or one.account_state.disabled)
        and one.decision in decisions
        and one.person not in excluded
    }


def still_missing(
    given: Iterable[Approval], record: Record, excluded: Collection[str], catalogue: Catalogue
) -> tuple[int, ...]:
    """How many approvals each entry lacks."""
    return missing(record.decision.required, counted(given, record, excluded, catalogue))
