"""Who still has to approve? One person fills one place, whatever groups they are in."""

from collections.abc import Collection, Mapping

from gate.core.decision.values import Required


def missing(
    required: tuple[Required, ...], approvers: Mapping[str, Collection[str]]
) -> tuple[int, ...]:
    """Places of each entry that stay empty when everybody is placed as well as can be; all zero is
    complete.

    `approvers` are distinct people with the groups they are in now. Who could fill two entries
    fills the one that would stay empty (a largest matching, by augmenting paths: both numbers are
    small).
    """
    filled = list(placed(required, approvers).values())
    return tuple(entry.count - filled.count(number) for number, entry in enumerate(required))


def placed(
    required: tuple[Required, ...], approvers: Mapping[str, Collection[str]]
) -> dict[str, int]:
    """Who fills a place of which entry, by its number, when everybody is placed as well as can
    be.
    """
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
    """Find a place, moving others where they can go elsewhere."""
    for place, number in enumerate(places):
        if place in tried or not set(required[number].by) & set(approvers[person]):
            continue
        tried.add(place)
        holder = holders.get(place)
        if holder is None or _place(holder, required, approvers, places, holders, tried):
            holders[place] = person
            return True
    return False
