"""The canonical form of a JSON value, RFC 8785, which is hashed and signed; and its SHA-256."""

import hashlib
from typing import Any

import orjson
import rfc8785

EXACT_INTEGER_MAX = 2**53 - 1
"""Some JSON readers change larger whole numbers, so the canonical form has none."""

_PIECE_BYTES = 2_000
"""hashlib releases the GIL for more than about 2 kB, and taking it back costs more than the
hash. So larger input is hashed in pieces (docs/explanation/threads-and-the-gil.md)."""

_AS_THEY_ARE = frozenset({str, bool, type(None)})
_TEXT = frozenset({str})


def canonical(value: object) -> bytes:
    """Return the RFC 8785 form of a JSON value; a tuple becomes a list.

    Raises ValueError for a float that is not finite, a whole number beyond 2^53, a lone surrogate,
    and a key that is no text.
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
    """Return the SHA-256 in lower-case hexadecimal digits."""
    if len(content) <= _PIECE_BYTES:
        return hashlib.sha256(content).hexdigest()
    pieces, whole = memoryview(content), hashlib.sha256()
    for begin in range(0, len(content), _PIECE_BYTES):
        whole.update(pieces[begin : begin + _PIECE_BYTES])
    return whole.hexdigest()


def _is_plain(value: Any) -> bool:
    """Return whether orjson with sorted keys, which is much faster, gives the canonical bytes.

    It does for values without floats, with exact integers, and with ASCII keys, which it sorts as
    RFC 8785 does.
    """
    seen = [value]
    # The list grows while it is walked, so that one call is enough for a whole tree.
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
