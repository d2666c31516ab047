"""Shares of the changes of an export, so that several processes judge it as one would.

Only the standard library is used, so that anybody can run this.
"""

from contextlib import suppress
from typing import NamedTuple

from gate.ledger.reading import canonical, read_fields

_CHANGE = b'"change":"'
_FOR_ALL = (b'"kind":"registration"', b'"kind":"activation"')


class Share(NamedTuple):
    """A part of all changes, so that several processes may judge one export."""

    number: int = 0
    of: int = 1

    def has(self, index: int, body: bytes) -> bool:
        """Whether the entry is about a change of this share, or for everybody.

        What is about no change is for one of them, and what puts policies in force for all. The
        word may stand inside an object first, where it says nothing, so such an entry is read.
        """
        begin = body.find(_CHANGE)
        if begin >= 0 and body.find(b"{", 1, begin) < 0:
            return self._has_text(body, begin + len(_CHANGE))
        change = _change_of(body) if begin >= 0 else None
        if change is not None:
            return self._has_text(canonical(change), 1)
        return index % self.of == self.number or any(one in body for one in _FOR_ALL)

    def _has_text(self, body: bytes, begin: int) -> bool:
        """Whether the text that begins here is the id of a change of this share."""
        return body[body.find(b'"', begin) - 1] % self.of == self.number


EVERYTHING = Share()


def _change_of(body: bytes) -> str | None:
    """Return the change of an entry, or None if it is about none or cannot be read."""
    with suppress(ValueError):
        change = read_fields(body).get("change")
        return change if isinstance(change, str) else None
    return None
