"""Histories in which people are named, act, and turn out to have taken part, in whatever order."""

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import strategies as st

from tests.flow.naming import GROUPS, address, home, login

KINDS = (
    *["approve"] * 6,
    *["whoever acted turns out to have taken part"] * 4,
    *["admit"] * 3,
    *["ask again", "begin anew", "the catalogue learns or forgets", "override"] * 2,
    *["push", "work", "the catalogue forgets everybody", "the line goes on", "reject and lift"],
)
PEOPLE = st.sampled_from(sorted(GROUPS))


class Step(NamedTuple):
    """One thing that happens, to one of the changes that wait, on one of two servers.

    A kind takes what it needs.
    """

    kind: str
    server: int
    which: int
    persons: tuple[str, ...]
    named: Callable[[str], str]
    how: str
    by_zoe: bool
    attempts: int

    @property
    def actor(self) -> str:
        """Whose token it is: mostly of somebody who decides nothing."""
        return "github:zoe" if self.by_zoe else login(self.persons[0])


STEPS = st.builds(
    Step,
    kind=st.sampled_from(KINDS),
    server=st.integers(0, 1),
    which=st.integers(0, 1),
    persons=st.lists(PEOPLE, min_size=2, max_size=3, unique=True).map(tuple),
    named=st.sampled_from([address, home]),
    how=st.sampled_from(["author", "actor", "push", "admission"]),
    by_zoe=st.sampled_from([True, True, False]),
    attempts=st.integers(0, 1),
)
HISTORIES = st.lists(STEPS, min_size=12, max_size=25)
