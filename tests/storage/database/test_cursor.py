"""Cursors: only what we made, for the same caller and the same filters."""

from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.core.change import State
from gate.errors import BadRequest
from gate.storage.changes.change_list import ChangeFilters
from gate.storage.changes.log import LogFilters
from gate.storage.database.cursor import CURSOR_LENGTH_MAX, Position, fingerprint, seal, unseal
from tests.storage.stored import NOW

KEY = b"k" * 32
POSITION: Position = (1_772_452_800_000_000, "chg_" + "0" * 26, 1)
SEALED = seal(KEY, scope="token:one", filters="f", position=POSITION)


def refused(cursor: str, *, key: bytes = KEY, scope: str = "token:one", filters: str = "f") -> bool:
    try:
        unseal(key, cursor, scope=scope, filters=filters)
    except BadRequest as error:
        return error.problem == "bad_cursor"
    return False


@pytest.mark.parametrize("place", range(len(SEALED)))
def test_a_cursor_with_another_character_anywhere_is_refused(place: int) -> None:
    for other in "AB_-x0=+/ é\0":
        if other != SEALED[place]:
            assert refused(SEALED[:place] + other + SEALED[place + 1 :])


@pytest.mark.parametrize("cut", range(len(SEALED)))
def test_a_part_of_a_cursor_is_refused(cut: int) -> None:
    assert refused(SEALED[:cut])
    assert refused(SEALED[cut + 1 :])


@pytest.mark.parametrize("added", ["A", "=", "==", "\n", " ", "AAAA"])
def test_a_cursor_with_something_added_is_refused(added: str) -> None:
    assert refused(SEALED + added)
    assert refused(added + SEALED)


@settings(deadline=None)
@given(
    cursor=st.one_of(
        st.text(), st.binary().map(lambda content: urlsafe_b64encode(content).decode().rstrip("="))
    )
)
def test_what_somebody_makes_up_is_refused(cursor: str) -> None:
    assert refused(cursor)


def test_a_cursor_of_somebody_else_of_other_filters_or_of_another_gate_is_refused() -> None:
    assert refused(SEALED, scope="token:two")
    assert refused(SEALED, filters="g")
    assert refused(SEALED, key=b"l" * 32)
    assert refused(
        seal(KEY, scope="token:on", filters="ef", position=POSITION), scope="token:one", filters="f"
    )


def test_a_cursor_too_long_to_be_ours_is_refused_before_it_is_read() -> None:
    assert refused("A" * (CURSOR_LENGTH_MAX + 1))


@settings(deadline=None)
@given(
    position=st.tuples(
        st.integers(0, 2**53),
        st.text(max_size=40, alphabet=st.characters(exclude_categories=["Cs"])),
    ),
    scope=st.text(),
    filters=st.text(),
)
def test_our_own_cursor_gives_the_position_back(
    position: tuple[int, str], scope: str, filters: str
) -> None:
    cursor = seal(
        KEY,
        scope=scope.encode(errors="replace").decode(),
        filters=filters.encode(errors="replace").decode(),
        position=position,
    )

    assert (
        unseal(
            KEY,
            cursor,
            scope=scope.encode(errors="replace").decode(),
            filters=filters.encode(errors="replace").decode(),
        )
        == position
    )


def test_equal_filters_have_one_fingerprint_and_others_another() -> None:
    query = ChangeFilters(state=State.PENDING, words="a", services=frozenset({"a", "b"}))
    others = [
        replace(query, state=None),
        replace(query, words="", service="a"),
        replace(query, services=frozenset({"a,b"})),
        replace(query, services=None),
    ]

    assert fingerprint(query) == fingerprint(replace(query, services=frozenset({"b", "a"})))
    at_other_times = [
        fingerprint(query, NOW),
        fingerprint(query, None, NOW),
        fingerprint(query, NOW + timedelta(microseconds=1)),
    ]
    found = {fingerprint(query), *map(fingerprint, others), *at_other_times}
    assert len(found) == 1 + len(others) + len(at_other_times)
    assert fingerprint(LogFilters()) != fingerprint(ChangeFilters())
