"""Which groups is somebody in now?

Those that list them, and those whose group at the identity provider they are in.
"""

from gate.core.catalogue.catalogue import Catalogue
from gate.flow.caller import Person, Role
from gate.storage.identity.people import Standing

NONE: frozenset[str] = frozenset()


def groups_now(catalogue: Catalogue, person: str, standing: Standing) -> frozenset[str]:
    """Empty for whoever is disabled or an auditor, who may not act for any group.

    Somebody whom the catalogue lacks is in none either: nobody knows under which names they write,
    so their own changes could not be told from others'.
    """
    if standing.disabled or standing.role == "auditor" or person not in catalogue.people:
        return NONE
    listed = frozenset(catalogue.groups_of(person))
    claimed = frozenset(standing.claimed_groups)
    return listed.union(
        group.name for group in catalogue.groups.values() if not claimed.isdisjoint(group.sso)
    )


def signed_on(catalogue: Catalogue, person: str, standing: Standing) -> Person | None:
    """The person as one who asks now.

    Somebody who has left the catalogue, or was disabled, is nobody.
    """
    if standing.disabled or (person not in catalogue.people and not standing.outside):
        return None
    role = None if standing.role is None else Role(standing.role)
    return Person(person, groups_now(catalogue, person, standing), role=role)
