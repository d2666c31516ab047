"""Approvals are counted by people and places."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.decision.quorum import missing
from gate.core.decision.values import Required

MANAGERS = Required(("managers",), 1)
OWNERS = Required(("owners",), 1)
EITHER = Required(("managers", "owners"), 2)


@pytest.mark.parametrize(
    ("required", "approvers", "left"),
    [
        pytest.param((MANAGERS,), {}, (1,), id="nobody"),
        pytest.param((MANAGERS,), {"ada": ["owners"]}, (1,), id="of another group"),
        pytest.param(
            (EITHER,),
            {"ada": ["managers", "owners"]},
            (1,),
            id="A12 one person in two groups fills one place",
        ),
        pytest.param(
            (MANAGERS, OWNERS), {"ada": ["managers", "owners"]}, (0, 1), id="A12 nor two entries"
        ),
        pytest.param(
            (MANAGERS, OWNERS),
            {"ada": ["managers", "owners"], "ben": ["managers"]},
            (0, 0),
            id="the first makes room",
        ),
        pytest.param(
            (OWNERS, MANAGERS),
            {"ada": ["managers", "owners"], "ben": ["owners"]},
            (0, 0),
            id="in either order",
        ),
        pytest.param((EITHER,), {"ada": ["managers"], "ben": ["owners"]}, (0,), id="a union"),
        pytest.param((), {}, (), id="nothing is asked for"),
    ],
)
def test_places_are_filled(
    required: tuple[Required, ...], approvers: dict[str, list[str]], left: tuple[int, ...]
) -> None:
    assert missing(required, approvers) == left


GROUPS = st.sampled_from(["a", "b", "c"])
ENTRIES = st.lists(
    st.builds(
        Required,
        st.lists(GROUPS, min_size=1, max_size=2, unique=True).map(tuple),
        st.integers(1, 2),
    ),
    max_size=2,
)
PEOPLE = st.dictionaries(
    st.sampled_from(["p", "q", "r", "s"]), st.lists(GROUPS, max_size=2, unique=True), max_size=4
)


@given(entries=ENTRIES, people=PEOPLE)
def test_nobody_could_be_placed_better(
    entries: list[Required], people: dict[str, list[str]]
) -> None:
    """Against trying every order in which people may take places."""
    places = [entry for entry in entries for _ in range(entry.count)]
    ways = (
        sum(
            bool(set(place.by) & set(people[who])) for place, who in zip(places, order, strict=True)
        )
        for order in _orders(people, len(places))
    )
    best = max(ways, default=0)

    assert sum(missing(tuple(entries), people)) == len(places) - best


def _orders(people: dict[str, list[str]], places: int) -> list[tuple[str, ...]]:
    """Every way to put people, or nobody, on the places."""
    padded = [*people, *[f"nobody {number}" for number in range(places)]]
    people.update({name: [] for name in padded if name not in people})
    return list(permutations(padded, places))


@given(entries=ENTRIES, people=PEOPLE, more=st.lists(GROUPS, max_size=3, unique=True))
def test_one_more_approval_never_leaves_more_missing(
    entries: list[Required], people: dict[str, list[str]], more: list[str]
) -> None:
    assert sum(missing(tuple(entries), {**people, "t": more})) <= sum(
        missing(tuple(entries), people)
    )
