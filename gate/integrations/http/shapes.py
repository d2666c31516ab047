"""Reads the answers of other systems field by field.

A field of another shape than the documents of the system promise makes the whole answer unusable.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gate.core.facts import INTEGER_MAX, TEXT_LENGTH_MAX
from gate.core.instants import ALLOWED, in_utc
from gate.errors import SourceUnavailable

SHOWN_LENGTH = 40
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Misshapen(SourceUnavailable):
    """A field is missing, or has another type than the documents promise."""


def the(value: Any, *path: str | int) -> Any:
    """Return the value at a path, or None if any part of the path is missing or null."""
    for step in path:
        if isinstance(step, int):
            value = (
                value[step]
                if isinstance(value, list) and -len(value) <= step < len(value)
                else None
            )
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def text(value: Any, *path: str | int) -> str:
    """Return a text that is not empty."""
    found = maybe_text(value, *path)
    if found is None:
        raise _misshapen(value, path, "a text")
    return found


def maybe_text(value: Any, *path: str | int) -> str | None:
    """Return a text, or None if it is absent, null or empty."""
    found = the(value, *path)
    if found is None or found == "":
        return None
    if not isinstance(found, str):
        raise _misshapen(value, path, "a text")
    return found


def name(value: Any, *path: str | int) -> str:
    """Return a text that is not empty and has no control character.

    PostgreSQL stores no NUL, and a terminal obeys other such characters.
    """
    found = text(value, *path)
    if _CONTROL.search(found):
        raise _misshapen(value, path, "a text without control characters")
    return found


def one_line(value: Any, *path: str | int) -> str:
    """Return a short line that is only shown, or an empty text for anything else."""
    found = the(value, *path)
    is_line = isinstance(found, str) and len(found) <= TEXT_LENGTH_MAX and found.isprintable()
    return str(found) if is_line else ""


def number(value: Any, *path: str | int) -> int:
    """Return a whole number that is not negative."""
    found = the(value, *path)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= INTEGER_MAX:
        raise _misshapen(value, path, "a whole number")
    return found


def flag(value: Any, *path: str | int) -> bool:
    """Return true or false."""
    found = the(value, *path)
    if not isinstance(found, bool):
        raise _misshapen(value, path, "true or false")
    return found


def items(value: Any, *path: str | int) -> Sequence[Any]:
    """Return a list."""
    found = the(value, *path)
    if not isinstance(found, list):
        raise _misshapen(value, path, "a list")
    return found


def fields(value: Any, *path: str | int) -> Mapping[str, Any]:
    """Return an object."""
    found = the(value, *path)
    if not isinstance(found, dict):
        raise _misshapen(value, path, "an object")
    return found


def instant(value: Any, *path: str | int) -> datetime:
    """Return an instant in UTC; the text must have a time zone."""
    found = text(value, *path)
    try:
        read = datetime.fromisoformat(found)
    except ValueError:
        raise _misshapen(value, path, "a time") from None
    at = in_utc(read.replace(tzinfo=read.tzinfo or UTC))
    if at is None:
        raise _misshapen(value, path, ALLOWED)
    return at


def maybe_instant(value: Any, *path: str | int) -> datetime | None:
    """Return an instant in UTC, or None if it is absent or null."""
    return None if the(value, *path) is None else instant(value, *path)


def _misshapen(value: Any, path: tuple[str | int, ...], wanted: str) -> Misshapen:
    place = "/".join(map(str, path)) or "the whole"
    found = the(value, *path)
    return Misshapen(f"{place} is {repr(found)[:SHOWN_LENGTH]}, {wanted} was promised")
