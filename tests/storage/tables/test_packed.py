"""Packed bytes come back as they were, whatever was packed, and what was changed is seen."""

import hashlib
from importlib.resources import files

from hypothesis import given
from hypothesis import strategies as st

from gate.storage.tables.packed import MARK, pack, unpack

SAMPLE = files("gate.storage.tables").joinpath("sample_record.json").read_bytes()


@given(st.binary(max_size=4_000) | st.text().map(str.encode))
def test_what_was_packed_comes_back(content: bytes) -> None:
    assert unpack(pack(content)) == content


@given(st.binary(min_size=1))
def test_what_was_not_packed_is_left_as_it_is(content: bytes) -> None:
    plain = b"{" + content
    assert unpack(plain) == plain


def test_a_record_takes_a_fifth_of_its_room() -> None:
    record = SAMPLE.replace(b"checkout", b"warehouse").replace(b"kofi", b"lena")

    assert len(pack(record)) * 5 < len(record)


@given(st.data())
def test_a_changed_byte_is_no_error_of_the_reader(data: st.DataObject) -> None:
    content = SAMPLE[:1500] + data.draw(st.binary(max_size=40))
    kept = bytearray(pack(content))
    place = data.draw(st.integers(len(MARK), len(kept) - 1))
    kept[place] ^= data.draw(st.integers(1, 255))

    assert isinstance(unpack(bytes(kept)), bytes)


def test_the_sample_stays_because_what_was_packed_with_it_needs_it() -> None:
    """After the first release a better sample gets a mark of its own."""
    assert hashlib.sha256(SAMPLE).hexdigest() == SAMPLE_DIGEST


SAMPLE_DIGEST = "fa1db477a032feb5eaa09624e101ef57c4329c9b7a0d199776bae07a858b3bc5"
