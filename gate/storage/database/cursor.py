"""Opaque cursors: where a list goes on, for the same caller and the same filters alone.

A cursor is base64url(MAC ‖ position). The MAC covers who asks and what was filtered by, so a cursor
that was changed, taken over from somebody else or used with other filters is refused; the scope is
applied again to every page all the same.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

import orjson

from gate.core.instants import to_us
from gate.errors import BadRequest

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CURSOR_LENGTH_MAX = 400
"""The most characters of a cursor that are read. Those that the gate makes are shorter."""

_MAC_BYTES = 16
_PURPOSE = b"gate cursor 1"

Position: TypeAlias = tuple[int | str, ...]
"""The values that the list is ordered by, of the last row that was shown."""


def seal(key: bytes, *, scope: str, filters: str, position: Position) -> str:
    """Return the cursor for the part after this position.

    `scope` says who asks, `filters` is a `fingerprint`.
    """
    payload = orjson.dumps(position)
    return _encode(_mac(key, scope, filters, payload) + payload)


def unseal(key: bytes, cursor: str, *, scope: str, filters: str) -> Position:
    """Return the position in a cursor.

    Raises BadRequest `bad_cursor` for anything that `seal` did not make for this caller and these
    filters.
    """
    try:
        sealed = _decode(cursor)
    except ValueError:
        raise _refused() from None
    mac, payload = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, scope, filters, payload)):
        raise _refused()
    return tuple(orjson.loads(payload))


def fingerprint(
    filters: "DataclassInstance", begins: datetime | None = None, ends: datetime | None = None
) -> str:
    """Return a digest of the list, its filters and its time.

    The type of `filters` names the list. Without it a cursor of one list would be valid for every
    other list that has the same filters.
    """
    values = [[field.name, _plain(getattr(filters, field.name))] for field in fields(filters)]
    time = [_plain(begins), _plain(ends)]
    return hashlib.sha256(orjson.dumps([type(filters).__name__, values, time])).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, datetime):
        return to_us(value)
    return value.value if isinstance(value, Enum) else value


def _refused() -> BadRequest:
    return BadRequest(
        "the cursor is not one that this list gave to this caller with these filters; "
        "leave it out to begin at the newest item",
        problem="bad_cursor",
    )


def _mac(key: bytes, scope: str, filters: str, payload: bytes) -> bytes:
    parts = (_PURPOSE, scope.encode(), filters.encode(), payload)
    # Each part has its length in front, so that no two lists of parts give the same bytes.
    framed = b"".join(len(part).to_bytes(4) + part for part in parts)
    return hmac.digest(key, framed, "sha256")[:_MAC_BYTES]


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(cursor: str) -> bytes:
    """Return the bytes. Raises ValueError unless `_encode` gives these very characters for them."""
    if len(cursor) > CURSOR_LENGTH_MAX:
        raise ValueError(cursor)
    content = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    # The last character may have unused bits, so several texts would stand for the same bytes.
    if _encode(content) != cursor:
        raise ValueError(cursor)
    return content
