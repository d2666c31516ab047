"""The groups of a person, and the approvals that count for the decision in force."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision.quorum import missing
from gate.core.decision.record import Record
from gate.errors import NotAllowed
from gate.flow.caller import Person, Proof, Role
from gate.storage.changes.approvals import Approval
from gate.storage.identity import people
from gate.storage.identity.people import AccountState

NONE: frozenset[str] = frozenset()


def groups_now(catalogue: Catalogue, person: str, account_state: AccountState) -> frozenset[str]:
    """Return the groups for which a person may act now; none for a disabled one or an auditor.

    A person who is not in the catalogue is in none either. It is not known under which names that
    person writes, so their own changes could not be recognised.
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
    """Return the person as a caller; None for one who has left the catalogue or is disabled."""
    if account_state.disabled or (person not in catalogue.people and not account_state.outside):
        return None
    role = None if account_state.role is None else Role(account_state.role)
    return Person(person, groups_now(catalogue, person, account_state), proof, role)


def as_of_now(conn: Connection, by: Person, catalogue: Catalogue) -> Person:
    """Return the person with the groups that they are still in, by this transaction.

    For up to a second a server may let in somebody whom another server has just disabled. So an act
    that lets something pass is judged again here, by what is true as it is written.
    """
    now = groups_now(catalogue, by.id, people.account_state(conn, by.id))
    return replace(by, groups=by.groups & now)


def require_one_of(groups: Collection[str], by: Person, act: str) -> None:
    """Raise `NotAllowed` for a person who is in none of the groups that may do this."""
    if by.groups.isdisjoint(groups):
        raise NotAllowed(
            f"{' and '.join(groups)} may {act}; you are in none of these groups, ask one of them"
        )


def require_let_in(conn: Connection, by: Person) -> None:
    """Raise `NotAllowed` for a person who was disabled before this transaction, or has another role
    by now.

    It is for acts that need a role and no group.
    """
    now = people.account_state(conn, by.id)
    if now.disabled or now.role != by.role:
        raise NotAllowed("your account was just disabled, or given another role; ask another admin")


def counted(
    given: Iterable[Approval], record: Record, excluded: Collection[str], catalogue: Catalogue
) -> dict[str, frozenset[str]]:
    """Return everybody whose approval counts for the decision in force, with their groups now.

    `excluded` are those who may not decide as of now, and not those of the decision: a person who
    was named since then does not count.
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
    """Return how many approvals each entry of what is required still lacks."""
    return missing(record.decision.required, counted(given, record, excluded, catalogue))
