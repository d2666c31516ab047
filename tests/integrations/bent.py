"""JSON with one thing bent: what another version, a proxy or an attacker may send in place of a
real payload.
"""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

OTHERS: tuple[Any, ...] = (
    None,
    True,
    7,
    -1,
    1.5,
    2**70,
    "",
    "x",
    "\0",
    [],
    [None],
    [[]],
    {},
    {"x": None},
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Everywhere that something stands."""
    yield path
    if isinstance(value, dict):
        for name, item in value.items():
            yield from places(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value[:3]):
            yield from places(item, (*path, index))


@st.composite
def bent(draw: st.DrawFn, payload: Any) -> Any:
    """The payload with something else in one place, or without it."""
    path = draw(st.sampled_from(sorted(places(payload), key=str)))
    other = draw(st.sampled_from(OTHERS))
    if not path:
        return other
    changed = copy.deepcopy(payload)
    inside = changed
    for step in path[:-1]:
        inside = inside[step]
    if isinstance(inside, dict) and draw(st.booleans()):
        del inside[path[-1]]
    else:
        inside[path[-1]] = other
    return changed
