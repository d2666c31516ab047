"""Entries are read by patterns exactly as they are read without, and nothing else is let through
(A64).
"""

import inspect
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.canonical import canonical
from gate.ledger import lives
from gate.ledger.lives import LifeCheck
from gate.ledger.reading import PATTERNS_MAX, EntryReader, read_fields
from tests.ledger.exports import (
    administration,
    admission,
    approval,
    closure,
    decision,
    entry,
    passing,
)

REFUSAL = entry("refusal", problem="not_allowed", operation="admission", by="token:1")
ENTRIES = (
    *administration(),
    decision(),
    decision(number=2, carries=[1], required=[[["a", "b"], 2], [[], 0]], score=-3),
    passing(excluded=[]),
    approval(),
    admission("per_ben", observed=True),
    closure(matched=False),
    REFUSAL,
)
BODIES = tuple(
    canonical({name: value for name, value in one.items() if not name.startswith("$")})
    for one in ENTRIES
)
NEEDED = frozenset(name for one in ENTRIES for name in one)
JUDGED = frozenset(one["kind"] for one in ENTRIES)


def learned() -> EntryReader:
    """A reader that has a pattern for each of the entries."""
    reader = EntryReader(JUDGED, NEEDED)
    for body in BODIES:
        reader.reader_of([body])(body)
    return reader


READER = learned()


def by_pattern(body: bytes, reader: EntryReader = READER) -> dict[str, Any] | str:
    """The needed fields, or what is wrong."""
    try:
        fields = reader.reader_of([body])(body)
    except ValueError as error:
        return str(error)
    assert fields is not None
    return {name: value for name, value in fields.items() if name in NEEDED}


def exactly(body: bytes) -> dict[str, Any] | str:
    try:
        fields = read_fields(body)
    except ValueError as error:
        return str(error)
    return {name: value for name, value in fields.items() if name in NEEDED}


@pytest.mark.parametrize("place", range(len(BODIES)))
def test_an_entry_is_read_by_its_pattern_as_without_one(place: int) -> None:
    body = BODIES[place]

    assert isinstance(exactly(body), dict)
    assert by_pattern(body) == exactly(body)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"by":', b'"by" :', id="a blank"),
        pytest.param(b'"number":1', b'"number":01', id="a leading zero"),
        pytest.param(b'"number":1', b'"number":-0', id="minus zero"),
        pytest.param(b'"number":1', b'"number":1.0', id="a point"),
        pytest.param(b'"number":1', b'"number":1e0', id="an exponent"),
        pytest.param(b'"number":1', b'"number":1,"number":1', id="a key that occurs twice"),
        pytest.param(b'"v":1', b'"v":2', id="another version"),
        pytest.param(b'"v":1', b'"v":true', id="a version that is no number"),
        pytest.param(b'"number":1', b'"number":NaN', id="no number"),
        pytest.param(b'"v":1}', b'"v":1} ', id="a blank at the end"),
        pytest.param(b'"v":1}', b'"v":1}}', id="more than one value"),
        pytest.param(b"per_ben", b"per\\u005fben", id="an escape that is not needed"),
        pytest.param(b"per_ben", b"per\tben", id="a control character"),
        pytest.param(b"per_ben", b"per\x1fben", id="the last control character"),
        pytest.param(b"per_ben", b"per\xffben", id="no UTF-8"),
        pytest.param(b"per_ben", b'per"ben', id="a quote"),
        pytest.param(b"12:00:00.000000Z", b"12:00:00.00000Z", id="five digits of a second"),
        pytest.param(b"12:00:00.000000Z", b"12:00:00.000000+", id="no zone"),
    ],
)
def test_what_is_not_in_the_one_form_is_refused_by_a_pattern_too(old: bytes, new: bytes) -> None:
    body = BODIES[ENTRIES.index(approval())].replace(old, new)

    assert new in body
    assert isinstance(exactly(body), str)
    assert by_pattern(body) == exactly(body)


@pytest.mark.parametrize("new", [b"per\xc3\xa9", b'per\\"ben', b"per\x7f", b"per\\\\ben"])
def test_what_no_pattern_describes_is_read_without_one(new: bytes) -> None:
    body = BODIES[ENTRIES.index(approval())].replace(b"per_ben", new)

    assert isinstance(exactly(body), dict)
    assert by_pattern(body) == exactly(body)


@given(
    st.sampled_from(BODIES),
    st.integers(0, 400),
    st.integers(0, 3),
    st.one_of(
        st.binary(max_size=2), st.sampled_from([b'"', b"\\", b",", b"[", b"]", b"{", b"0", b"-"])
    ),
)
def test_no_changed_byte_makes_a_difference_between_the_two(
    body: bytes, place: int, length: int, new: bytes
) -> None:
    changed = body[:place] + new + body[place + length :]

    assert by_pattern(changed) == exactly(changed)


def test_an_entry_that_nothing_judges_is_only_looked_at_for_its_form() -> None:
    reader = EntryReader({"decision"}, NEEDED)
    body = BODIES[ENTRIES.index(REFUSAL)]
    read = reader.reader_of([body])

    assert read(body) == read_fields(body)  # the first is read without a pattern
    assert read(body) is None
    with pytest.raises(ValueError, match="canonical"):
        read(body.replace(b'"v":1', b' "v":1'))


def test_an_export_that_somebody_made_up_makes_no_more_patterns_than_the_limit() -> None:
    reader = EntryReader((), ())
    for number in range(PATTERNS_MAX + 10):
        body = canonical({**REFUSAL, f"field_{number}": 1})
        assert reader.reader_of([body])(body) == read_fields(body)

    assert reader.reader_of([body])(body) == read_fields(body)
    first = canonical({**REFUSAL, "field_0": 1})
    assert reader.reader_of([first])(first) is None


def test_every_field_that_a_rule_asks_for_is_read() -> None:
    source = inspect.getsource(lives)
    asked = {*re.findall(r'fields(?:\.get\(|\[)"(\w+)"', source), *lives._REVISIONS}  # noqa: SLF001 - what the rules are about

    assert {"excluded", "valid_until", "catalogue_revision", "by"} <= asked
    assert asked <= lives._FIELDS  # noqa: SLF001 - the same
    assert LifeCheck.__module__ == lives.__name__
