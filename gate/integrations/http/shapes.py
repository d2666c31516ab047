"""What another system answered, read field by field: whatever has another shape than its documents
say is no answer.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gate.core.facts import INTEGER_MAX, TEXT_LENGTH_MAX
from gate.core.instants import ALLOWED, in_utc
from gate.errors import SourceUnavailable

SHOWN_LENGTH = 40


class Misshapen(SourceUnavailable):
    """A field is missing, or not of the kind that the documents promise."""


def the(value: Any, *path: str | int) -> Any:
    """What stands there; None where any part of the way is missing or null."""
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
    """A text that is not empty."""
    found = maybe_text(value, *path)
    if found is None:
        raise _misshapen(value, path, "a text")
    return found


def maybe_text(value: Any, *path: str | int) -> str | None:
    """Return a text, or None where it is absent, null or empty. Raises `Misshapen` for anything
    else.
    """
    found = the(value, *path)
    if found is None or found == "":
        return None
    if not isinstance(found, str):
        raise _misshapen(value, path, "a text")
    return found


def one_line(value: Any, *path: str | int) -> str:
    """A short text for eyes alone; empty where it is absent, or anything else than one short
    line.
    """
    found = the(value, *path)
    is_line = isinstance(found, str) and len(found) <= TEXT_LENGTH_MAX and found.isprintable()
    return str(found) if is_line else ""


def number(value: Any, *path: str | int) -> int:
    """A whole number that is not negative."""
    found = the(value, *path)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= INTEGER_MAX:
        raise _misshapen(value, path, "a whole number")
    return found


def flag(value: Any, *path: str | int) -> bool:
    """True or false."""
    found = the(value, *path)
    if not isinstance(found, bool):
        raise _misshapen(value, path, "true or false")
    return found


def items(value: Any, *path: str | int) -> Sequence[Any]:
    """A list."""
    found = the(value, *path)
    if not isinstance(found, list):
        raise _misshapen(value, path, "a list")
    return found


def fields(value: Any, *path: str | int) -> Mapping[str, Any]:
    """An object."""
    found = the(value, *path)
    if not isinstance(found, dict):
        raise _misshapen(value, path, "an object")
    return found


def instant(value: Any, *path: str | int) -> datetime:
    """A time with its zone, in UTC."""
    found = text(value, *path)
    try:
        read = datetime.fromisoformat(found)
    except ValueError:
        raise _misshapen(value, path, "a time") from None
    at = in_utc(read.replace(tzinfo=read.tzinfo or UTC))
    if at is None:
        raise _misshapen(value, path, ALLOWED)
    return at


def _misshapen(value: Any, path: tuple[str | int, ...], wanted: str) -> Misshapen:
    place = "/".join(map(str, path)) or "the whole"
    found = the(value, *path)
    return Misshapen(f"{place} is {repr(found)[:SHOWN_LENGTH]}, {wanted} was promised")
