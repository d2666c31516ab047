"""The one form of a JSON value that is hashed and signed: RFC 8785, and its SHA-256."""

import hashlib

import orjson
import rfc8785

EXACT_INTEGER_MAX = 2**53 - 1
"""Larger whole numbers are not the same in every JSON reader, so the canonical form has none."""

_PIECE_BYTES = 2_000
"""For more than that hashlib lets another thread in; getting back in takes far longer than hashing."""

_AS_THEY_ARE = frozenset({str, bool, type(None)})


def canonical(value: object) -> bytes:
    """The RFC 8785 form of a JSON value (tuples are lists).

    A float that is not finite, a whole number beyond 2^53, a lone surrogate, a key that is no text: ValueError.
    """
    if _is_plain(value):
        try:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError as error:  # lone surrogates, or nested deeper than it goes
            raise ValueError(f"no canonical form: {error}") from error
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # it checks the value itself, and says what is wrong
    except UnicodeEncodeError as error:
        raise ValueError(f"no canonical form: {error}") from error


def digest(content: bytes) -> str:
    """SHA-256 in lower-case hex."""
    if len(content) <= _PIECE_BYTES:
        return hashlib.sha256(content).hexdigest()
    pieces, whole = memoryview(content), hashlib.sha256()
    for begin in range(0, len(content), _PIECE_BYTES):
        whole.update(pieces[begin : begin + _PIECE_BYTES])
    return whole.hexdigest()


def _is_plain(value: object) -> bool:
    """Whether orjson with sorted keys gives the same bytes: no floats, exact integers, ASCII keys (they sort alike)."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return True
    if isinstance(value, int):
        return kind is int and -EXACT_INTEGER_MAX <= value <= EXACT_INTEGER_MAX
    if isinstance(value, dict):
        return kind is dict and all(type(key) is str and key.isascii() and _is_plain(item) for key, item in value.items())
    return isinstance(value, list | tuple) and kind in (list, tuple) and all(map(_is_plain, value))
