"""Packed bytes come back as they were, whatever was packed, and what was changed is seen."""

import hashlib
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.storage.tables.packed import MARK, pack, unpack

SAMPLE, ENTRY = (
    files("gate.storage.tables").joinpath(f"sample_{name}.json").read_bytes()
    for name in ("record", "entry")
)


@given(st.binary(max_size=4_000) | st.text().map(str.encode))
def test_what_was_packed_comes_back(content: bytes) -> None:
    assert unpack(pack(content)) == content


@given(st.binary(min_size=1))
def test_what_was_not_packed_is_left_as_it_is(content: bytes) -> None:
    plain = b"{" + content
    assert unpack(plain) == plain


@pytest.mark.parametrize("sample", [SAMPLE, ENTRY], ids=["a record", "an entry"])
def test_a_text_like_a_sample_takes_a_fifth_of_its_room(sample: bytes) -> None:
    content = sample.replace(b"checkout", b"warehouse").replace(b"production", b"staging")

    assert len(pack(content)) * 5 < len(content)


@given(st.data())
def test_a_changed_byte_is_no_error_of_the_reader(data: st.DataObject) -> None:
    content = SAMPLE[:1500] + data.draw(st.binary(max_size=40))
    kept = bytearray(pack(content))
    place = data.draw(st.integers(len(MARK), len(kept) - 1))
    kept[place] ^= data.draw(st.integers(1, 255))

    assert isinstance(unpack(bytes(kept)), bytes)


def test_the_samples_stay_because_what_was_packed_with_them_needs_them() -> None:
    """After the first release better samples get a mark of their own."""
    assert hashlib.sha256(SAMPLE + ENTRY).hexdigest() == SAMPLES_DIGEST


SAMPLES_DIGEST = "bd6101df351001593f8978e024d0cfccb8d4013e0f0b766b90f36571802ebd79"
