"""The canonical form: fast path and reference agree, and what has no such form is refused (A70)."""

from enum import StrEnum

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gate.core.canonical import EXACT_INTEGER_MAX, canonical, digest

_SCALARS = (
    st.none() | st.booleans() | st.integers(-EXACT_INTEGER_MAX, EXACT_INTEGER_MAX) | st.text()
)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    _SCALARS | _FLOATS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)
_PLAIN = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)


def nested(levels: int) -> list[object]:
    """A list in a list in a list."""
    found: list[object] = []
    for _ in range(levels):
        found = [found]
    return found


class Colour(StrEnum):
    """A word that is an enum."""

    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(float("nan"), id="not a number"),
        pytest.param([float("inf")], id="infinite"),
        pytest.param({"a": EXACT_INTEGER_MAX + 1}, id="an integer beyond 2^53"),
        pytest.param({"a": "\ud800"}, id="a lone surrogate"),
        pytest.param({"ä": "\ud800"}, id="a lone surrogate on the slow path"),
        pytest.param({1: "a"}, id="a key that is no text"),
        pytest.param({"a": b"bytes"}, id="bytes"),
        pytest.param(nested(2_000), id="deeper than anybody reads"),
    ],
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


@given(_VALUES)
def test_any_value_has_the_bytes_of_the_reference(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]  # generated JSON


@given(_PLAIN)
def test_the_fast_path_has_the_bytes_of_the_reference(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]  # generated JSON


def test_keys_sort_by_utf16_units_not_by_code_points() -> None:
    assert canonical({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


def test_a_tuple_is_a_list_and_a_word_of_an_enum_is_text() -> None:
    assert canonical({"b": (1, True), "a": Colour.RED}) == b'{"a":"red","b":[1,true]}'


def test_the_digest_is_sha256_in_hex() -> None:
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
