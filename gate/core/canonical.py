"""The one form of a JSON value that is hashed and signed: RFC 8785, and its SHA-256."""

import hashlib
from typing import Any

import orjson
import rfc8785

EXACT_INTEGER_MAX = 2**53 - 1
"""Larger whole numbers are not the same in every JSON reader, so the canonical form has none."""

_PIECE_BYTES = 2_000
"""For more than that hashlib releases the GIL, and taking it back costs more than the hash
(docs/explanation/threads-and-the-gil.md)."""

_AS_THEY_ARE = frozenset({str, bool, type(None)})
_TEXT = frozenset({str})


def canonical(value: object) -> bytes:
    """The RFC 8785 form of a JSON value (tuples are lists).

    A float that is not finite, a whole number beyond 2^53, a lone surrogate, a key that is no text:
    ValueError.
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


def _is_plain(value: Any) -> bool:
    """Whether orjson with sorted keys gives the same bytes: no floats, exact integers, ASCII keys
    (they sort alike).
    """
    seen = [value]
    # Which grows meanwhile: one call for a whole tree.
    for item in seen:
        kind = type(item)
        if kind in _AS_THEY_ARE:
            continue
        if kind is dict:
            if not _TEXT.issuperset(map(type, item)) or not "".join(item).isascii():
                return False
            seen += item.values()
        elif kind is list or kind is tuple:
            seen += item
        elif kind is not int or not -EXACT_INTEGER_MAX <= item <= EXACT_INTEGER_MAX:
            return False
    return True
