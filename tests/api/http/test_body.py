"""Strict JSON: whatever two readers could understand differently is refused, and nothing else
(A60).
"""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message

from gate.api.http import body
from gate.api.http.body import (
    BODY_BYTES_MAX,
    DEPTH_MAX,
    check_media_type,
    read_body,
    read_model,
    strict_json,
)
from gate.core.facts import INTEGER_MAX
from gate.errors import BadRequest, Invalid, TooLarge

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(b'{"a": 1, "a": 2}', '"a" stands twice', id="A60 a name twice"),
        pytest.param(
            b'{"x": ":", "a": {"b": 1, "b": 1}}',
            '"b" stands twice',
            id="A60 a name twice, deeper, with the same value",
        ),
        pytest.param(
            b'{"a": 1, "\\u0061": 2}', '"a" stands twice', id="A60 a name twice, once escaped"
        ),
        pytest.param(
            b'{"a": "\\u003a", "b": 1, "b": 2}',
            '"b" stands twice',
            id="A60 an escaped colon does not make up for it",
        ),
        pytest.param(
            b'[{"a": [], "a": []}]', '"a" stands twice', id="A60 a name twice inside a list"
        ),
        pytest.param(b"[NaN]", "no JSON", id="A60 NaN"),
        pytest.param(b"[Infinity]", "no JSON", id="A60 Infinity"),
        pytest.param(b"[-Infinity]", "no JSON", id="A60 -Infinity"),
        pytest.param(b"[1e400]", "no JSON", id="A60 a number beyond every float"),
        pytest.param(b"[9007199254740992]", "9007199254740992", id="A60 2^53"),
        pytest.param(b"[-9007199254740992]", "-9007199254740992", id="A60 -2^53"),
        pytest.param(
            b"[" + b"9" * 300 + b"]", "at most 9007199254740991", id="A60 a number of 300 digits"
        ),
        pytest.param(b'["\\ud800"]', "no JSON", id="A60 a lone high surrogate"),
        pytest.param(b'["\\udc00"]', "no JSON", id="A60 a lone low surrogate"),
        pytest.param(b'["\xed\xa0\x80"]', "no JSON", id="A60 a surrogate in UTF-8"),
        pytest.param(b'["\xff"]', "no JSON", id="A60 no UTF-8"),
        pytest.param('["ä"]'.encode("utf-16"), "no JSON", id="A60 UTF-16"),
        pytest.param(b"\xef\xbb\xbf{}", "no JSON", id="A60 a byte order mark"),
        pytest.param(b"{} {}", "no JSON", id="A60 something after the end"),
        pytest.param(b"", "no JSON", id="A60 nothing"),
        pytest.param(b"{'a': 1}", "no JSON", id="A60 single quotes"),
        pytest.param(b'{"a": 1,}', "no JSON", id="A60 a comma too many"),
        pytest.param(b"[01]", "no JSON", id="A60 a leading zero"),
        pytest.param(
            b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1),
            "deeper than 32",
            id="A60 one level too deep",
        ),
        pytest.param(
            b'{"a":' * (DEPTH_MAX + 1) + b"1" + b"}" * (DEPTH_MAX + 1),
            "deeper than 32",
            id="A60 one level of objects too deep",
        ),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "no JSON", id="A60 100,000 levels"),
    ],
)
def test_json_that_could_be_read_in_two_ways_is_refused(text: bytes, says: str) -> None:
    with pytest.raises(BadRequest) as caught:
        strict_json(text)

    assert caught.value.problem == "bad_json"
    assert says in caught.value.detail
    assert len(caught.value.detail) < 300


@pytest.mark.parametrize("text", [b'{"a": ["x", "y\\u0000"]}', b'{"a": {"\\u0000": 1}}'])
def test_a_nul_is_refused_because_no_database_keeps_it(text: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        strict_json(text)

    assert caught.value.faults[0].where.startswith("#/a")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX, id="as deep as allowed"),
        pytest.param(b"[" + b"[]," * 99 + b"[]]", id="wide, not deep"),
        pytest.param(b'["' + b"[" * 99 + b'"]', id="brackets in a text"),
        pytest.param(f"[{INTEGER_MAX}, -{INTEGER_MAX}]".encode(), id="the largest whole numbers"),
        pytest.param(b'["1234567890123456789"]', id="many digits in a text"),
        pytest.param(b"[0.12345678901234567890]", id="many digits behind the point"),
        pytest.param(b'{"a:b": "c:d", "e": "\\":"}', id="colons in names and texts"),
        pytest.param(b'{"a": "\\u00e4", "b": "\\ud83d\\ude00"}', id="escapes"),
        pytest.param(b' \t\r\n{"a" : 1 } ', id="white space"),
    ],
)
def test_json_that_only_looks_suspicious_is_read(text: bytes) -> None:
    assert strict_json(text) == json.loads(text)


@given(value=VALUES, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
def test_every_honest_value_is_read_as_it_was_written(
    value: Any,
    ascii_only: bool,  # noqa: FBT001 - drawn
    indent: int | None,
) -> None:
    assert strict_json(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()) == value


@given(
    names=st.lists(TEXTS, min_size=1, max_size=6),
    values=st.lists(VALUES, min_size=6, max_size=6),
    ascii_only=st.booleans(),
    outer=st.sampled_from(["%s", '{"x": %s}', '[":", %s]', '{"\\u003a": [%s, "\\u003A"]}']),
)
def test_an_object_is_read_exactly_when_its_names_differ(
    names: list[str],
    values: list[Any],
    ascii_only: bool,  # noqa: FBT001 - drawn
    outer: str,
) -> None:
    members = (
        f"{json.dumps(name, ensure_ascii=ascii_only)}:{json.dumps(value, ensure_ascii=ascii_only)}"
        for name, value in zip(names, values, strict=False)
    )
    text = (outer % ("{" + ",".join(members) + "}")).encode()

    if len(set(names)) == len(names):
        assert strict_json(text) == json.loads(text)
    else:
        with pytest.raises(BadRequest):
            strict_json(text)


@pytest.mark.parametrize(
    "value",
    [
        b"application/json; charset=latin-1",
        b"application/json;charset=utf-16",
        b"application/json; v=1",
    ],
)
def test_json_in_another_charset_is_refused(value: bytes) -> None:
    with pytest.raises(BadRequest):
        check_media_type(value)


@pytest.mark.parametrize(
    "value", [b"text/plain", b"application/x-www-form-urlencoded", b"", b"text/json", b"\xff"]
)
def test_another_kind_of_body_is_refused(value: bytes) -> None:
    with pytest.raises(HTTPException) as caught:
        check_media_type(value)

    assert caught.value.status_code == 415


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"application/json",
        b"Application/JSON; Charset=UTF-8",
        b'application/json;charset="utf-8"',
    ],
)
def test_json_in_utf_8_is_taken(value: bytes | None) -> None:
    check_media_type(value)


class Optional(BaseModel):
    """A body of which nothing is required."""

    comment: str = ""


def test_no_body_is_an_empty_object_where_nothing_is_required() -> None:
    assert read_model(b"", Optional) == Optional()


@pytest.mark.parametrize("text", [b"[]", b'"x"', b"1", b"null"])
def test_a_body_that_is_no_object_is_invalid(text: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read_model(text, Optional)

    assert "an object is allowed" in caught.value.detail


@pytest.mark.anyio
async def test_a_body_in_pieces_is_read_whole() -> None:
    assert await read_body(Arriving([b"ab", b"", b"cd"])) == b"abcd"


@pytest.mark.anyio
async def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert len(await read_body(Arriving([b"x" * BODY_BYTES_MAX]))) == BODY_BYTES_MAX


@pytest.mark.anyio
@pytest.mark.parametrize(
    "pieces", [[b"x" * (BODY_BYTES_MAX + 1)], [b"x" * BODY_BYTES_MAX, b"x"], [b"x" * 1000] * 2000]
)
async def test_a_body_is_refused_as_soon_as_it_is_over_the_limit(pieces: list[bytes]) -> None:
    arriving = Arriving(pieces)

    with pytest.raises(TooLarge):
        await read_body(arriving)

    assert arriving.handed_out <= BODY_BYTES_MAX + 1000


@pytest.mark.anyio
async def test_a_body_that_does_not_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS_MAX", 0)  # the clock is the event loop's own

    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(HTTPException) as caught:
        await read_body(never)

    assert caught.value.status_code == 408


@pytest.mark.anyio
async def test_a_caller_who_hangs_up_is_noticed() -> None:
    with pytest.raises(ClientDisconnect):
        await read_body(Arriving([b"ab"], hangs_up=True))


class Arriving:
    """A body as a server hands it over."""

    def __init__(self, pieces: list[bytes], *, hangs_up: bool = False) -> None:
        self._pieces = list(pieces)
        self._hangs_up = hangs_up
        self.handed_out = 0

    async def __call__(self) -> Message:
        """The next piece."""
        if not self._pieces:
            return {"type": "http.disconnect"}
        piece = self._pieces.pop(0)
        self.handed_out += len(piece)
        return {
            "type": "http.request",
            "body": piece,
            "more_body": bool(self._pieces) or self._hangs_up,
        }
