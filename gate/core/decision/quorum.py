"""How many approvals are missing? One person fills one place, in however many groups they are.

A required entry has as many places as approvals. Somebody who is in the groups of two entries fills
the place that would otherwise stay empty: this is a largest matching, found by augmenting paths.
"""

from collections.abc import Collection, Mapping

from gate.core.decision.values import Required


def missing(
    required: tuple[Required, ...], approvers: Mapping[str, Collection[str]]
) -> tuple[int, ...]:
    """Return for each entry how many places stay empty; all zero means complete.

    `approvers` are distinct people with the groups that they are in now.
    """
    filled = list(placed(required, approvers).values())
    return tuple(entry.count - filled.count(number) for number, entry in enumerate(required))


def placed(
    required: tuple[Required, ...], approvers: Mapping[str, Collection[str]]
) -> dict[str, int]:
    """Return by person the number of the entry in which they fill a place."""
    places = [number for number, entry in enumerate(required) for _ in range(entry.count)]
    holders: dict[int, str] = {}
    for person in sorted(approvers):
        _place(person, required, approvers, places, holders, set())
    return {person: places[place] for place, person in holders.items()}


def _place(
    person: str,
    required: tuple[Required, ...],
    approvers: Mapping[str, Collection[str]],
    places: list[int],
    holders: dict[int, str],
    tried: set[int],
) -> bool:
    """Give this person a place, moving others to another place if need be; False if there is none.

    `tried` are the places that were looked at for this person, which ends the recursion.
    """
    for place, number in enumerate(places):
        if place in tried or not set(required[number].by) & set(approvers[person]):
            continue
        tried.add(place)
        holder = holders.get(place)
        if holder is None or _place(holder, required, approvers, places, holders, tried):
            holders[place] = person
            return True
    return False
