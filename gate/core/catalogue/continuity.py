"""Which people of one catalogue are the same in the next one?

Identities decide, addresses and logins with their host, and not the key. Tokens, sessions and
exclusions belong to a person, so they must not go to somebody else who is given the same key.

- **Kept**: the same key, with at least one identity in common; or another key, where the identities
  lead from one person to one person (the key was renamed, or two keys changed places).
- **Merged**: a key that is gone, whose identities one other person has by now.
- **Another person**: everybody else. So is a key that comes back after a catalogue without it:
  nothing leads there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gate.core.catalogue.catalogue import Person
from gate.core.catalogue.identity import hosted


@dataclass(frozen=True, slots=True)
class Continuity:
    """The correspondence between the people of two catalogues.

    `kept` maps a key of the new catalogue to the key of the same person in the old one. `merged`
    maps a key that is gone to the key that has its identities now.
    """

    kept: Mapping[str, str]
    merged: Mapping[str, str]


def continuity(before: Mapping[str, Person], after: Mapping[str, Person]) -> Continuity:
    """Return how the people of two catalogues correspond.

    Both are given by key, or by the stand-in of the key.
    """
    owner = {identity: key for key, person in before.items() for identity in hosted(person)}
    came_from = {key: _owners(person, owner) for key, person in after.items()}
    kept = {key: key for key, keys in came_from.items() if key in keys}
    kept.update(_renamed(came_from, kept))
    merged = {}
    for gone in before.keys() - set(kept.values()):
        heirs = [key for key, keys in came_from.items() if gone in keys]
        if len(heirs) == 1:
            merged[gone] = heirs[0]
    return Continuity(kept, merged)


def _owners(person: Person, owner: Mapping[str, str]) -> frozenset[str]:
    return frozenset(owner[identity] for identity in hosted(person) if identity in owner)


def _renamed(came_from: Mapping[str, frozenset[str]], kept: Mapping[str, str]) -> dict[str, str]:
    """Return the keys that were renamed: one old key leads to one new key, and to no other.

    If it could be two people, it is neither.
    """
    claims = {key: keys - kept.keys() for key, keys in came_from.items() if key not in kept}
    renamed = {}
    for key, keys in claims.items():
        if len(keys) != 1:
            continue
        (former,) = keys
        if sum(former in others for others in claims.values()) == 1:
            renamed[key] = former
    return renamed
