"""Entry bytes: one form, at most 16 KiB, and nothing but that form reads back (A70)."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.canonical import canonical, digest
from gate.ledger.format import (
    ENTRY_BYTES_MAX,
    LISTED_NAMES_MAX,
    NEEDED,
    EntryError,
    Kind,
    entry,
    instant,
    listed,
    read_entry,
)

AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
CLOSURE = b'{"at":"2026-01-31T12:00:00.000000Z","change":"chg_1","kind":"closure","result":"successful","v":1}'


@pytest.mark.parametrize("kind", [kind for kind in Kind if NEEDED[kind]])
def test_an_entry_without_what_its_kind_needs_is_refused(kind: Kind) -> None:
    with pytest.raises(EntryError, match=f"needs {NEEDED[kind][0]}"):
        entry(kind, AT, "chg_1")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "cannot be read", id="empty"),
        pytest.param(CLOSURE.replace(b":1}", b":2}"), "version 2", id="another version"),
        pytest.param(CLOSURE.replace(b"closure", b"closing"), "no kind", id="another kind"),
        pytest.param(
            CLOSURE.replace(b"2026-01-31T12:00:00.000000Z", b"yesterday"), "at is", id="no time"
        ),
        pytest.param(
            CLOSURE.replace(b"12:00:00.000000Z", b"12:00:00.000000"), "no zone", id="no zone"
        ),
        pytest.param(
            CLOSURE.replace(b'"chg_1"', b"1"), "change is no text", id="a change that is a number"
        ),
        pytest.param(CLOSURE.replace(b'"v":1', b'"v": 1'), "canonical", id="white space"),
        pytest.param(
            CLOSURE.replace(b"00.000000Z", b"00Z"), "canonical", id="a time of another form"
        ),
        pytest.param(CLOSURE.replace(b'"chg_1"', b"null"), "canonical", id="a null"),
        pytest.param(
            CLOSURE.replace(b'"kind"', b'"kind":"closure","kind"'), "twice", id="a key twice"
        ),
        pytest.param(b" " * (ENTRY_BYTES_MAX + 1), "at most", id="too large"),
    ],
)
def test_other_bytes_than_the_one_form_are_refused(content: bytes, says: str) -> None:
    with pytest.raises(EntryError, match=says):
        read_entry(content)


def test_an_entry_over_16_kib_is_refused_and_one_of_exactly_16_kib_is_not() -> None:
    characters_left = ENTRY_BYTES_MAX - len(entry(Kind.CANCELLATION, AT, "chg_1", note=""))

    assert len(entry(Kind.CANCELLATION, AT, "chg_1", note="x" * characters_left)) == ENTRY_BYTES_MAX
    with pytest.raises(EntryError, match="at most 16384"):
        entry(Kind.CANCELLATION, AT, "chg_1", note="x" * (characters_left + 1))


def test_a_field_cannot_stand_in_for_what_an_entry_says_by_itself() -> None:
    with pytest.raises(EntryError, match="v by itself"):
        entry(Kind.CANCELLATION, AT, "chg_1", v=2)


def test_a_list_is_listed_up_to_its_limit_and_sealed_beyond_it() -> None:
    names = [f"person-{k}" for k in range(LISTED_NAMES_MAX + 1)]

    assert listed("excluded", names[:-1], len(names) - 1) == {"excluded": names[:-1]}
    assert listed("excluded", names, len(names)) == {
        "excluded_beyond": {"names": LISTED_NAMES_MAX + 1, "sha256": digest(canonical(names))}
    }


def test_an_entry_has_exactly_these_bytes() -> None:
    assert entry(Kind.CLOSURE, AT, "chg_1", result="successful", notes=None) == CLOSURE


def test_an_instant_is_utc_with_microseconds_and_needs_a_zone() -> None:
    assert (
        instant(datetime(2026, 1, 31, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1))))
        == "2026-01-31T12:00:00.000005Z"
    )
    with pytest.raises(EntryError, match="zone"):
        instant(datetime(2026, 1, 31))  # noqa: DTZ001 - the naive time is the case


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.none() | st.text(max_size=20),
    st.dictionaries(
        st.text(min_size=5, max_size=8),
        st.booleans() | st.integers(0, 9) | st.text(max_size=9) | st.lists(st.text(max_size=3)),
    ),
)
def test_an_entry_reads_back_as_what_was_written(
    at: datetime, change: str | None, fields: dict[str, Any]
) -> None:
    fields = {name: value for name, value in fields.items() if name != "change"}
    found = read_entry(entry(Kind.CANCELLATION, at, change, **fields))

    assert (found.kind, found.at, found.change, dict(found.fields)) == (
        Kind.CANCELLATION,
        at,
        change,
        fields,
    )
    assert json.loads(entry(Kind.CANCELLATION, at, change))["kind"] == "cancellation"
