"""Reads names, lines and times from the payloads of other systems, within the gate's limits.

Each reader takes the payload and the path of a field. It raises `Invalid` with the path if the
field has another shape.
"""

import re
import reprlib
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson

from gate.core.facts import TEXT_LENGTH_MAX
from gate.core.instants import in_utc
from gate.errors import BadRequest, Fault, Invalid
from gate.integrations.http.shapes import the

CHANGES_NAMED_MAX = 10
"""The most changes that one report may name as the cause of an incident."""

OPENED_MAX = 50_000
"""The most `{` and `[` of a body. Each takes twenty times its size in memory once it is read, and
the largest delivery of those systems has a few thousand."""

_CHANGE = re.compile(r"(?<![0-9A-Za-z_])chg_[0-9A-Za-z]{26}(?![0-9A-Za-z])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_WORD = re.compile(r"[^a-z0-9_]+")
_SHOWN_LENGTH = 60
_SHOWN = reprlib.Repr()
"""Writes only the beginning of a value, however large or deep it is."""

_SHOWN.maxstring = _SHOWN.maxother = 2 * _SHOWN_LENGTH


def json_of(body: bytes) -> Any:
    """Return the JSON value of a body. Raises `BadRequest`, and `Invalid` for one with more than
    `OPENED_MAX` of `{` and `[`, those in its texts counted, too.
    """
    opened = body.count(b"{") + body.count(b"[")
    if opened > OPENED_MAX:
        raise Invalid(
            f"the body has {opened} of {{ and [, at most {OPENED_MAX} are allowed; send fewer "
            "objects and lists at once"
        )
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is no JSON: {error}.") from None


def name(value: Any, *path: str | int) -> str:
    """Return a name of one line and at most 200 characters.

    A longer one is refused and not cut, because names are compared.
    """
    found = maybe_name(value, *path)
    if found is None:
        raise misshapen(value, path, f"a name of 1 to {TEXT_LENGTH_MAX} characters on one line")
    return found


def maybe_name(value: Any, *path: str | int) -> str | None:
    """Return a name, or None if it is absent or empty."""
    found = the(value, *path)
    if found is None or found == "":
        return None
    if not isinstance(found, str) or len(found) > TEXT_LENGTH_MAX or _CONTROL.search(found):
        raise misshapen(value, path, f"a name of 1 to {TEXT_LENGTH_MAX} characters on one line")
    return found


def line(value: Any, *path: str | int) -> str:
    """Return a text for readers as one line of at most 200 characters, or an empty text."""
    found = the(value, *path)
    if isinstance(found, str):
        return _CONTROL.sub(" ", found).strip()[:TEXT_LENGTH_MAX]
    return ""


def severity(value: Any, *path: str | int) -> str:
    """Return a severity as one word in lower case, such as `sev1` for `SEV-1`, or an empty text."""
    return _WORD.sub("", line(value, *path).lower())[:40]


def changes_in(*texts: Any) -> tuple[str, ...]:
    """Return the ids of changes that occur in these texts, each once, in order.

    Values that are no text are ignored.
    """
    found = (name for text in texts if isinstance(text, str) for name in _CHANGE.findall(text))
    return tuple(islice(dict.fromkeys(found), CHANGES_NAMED_MAX))


def link(value: Any, *path: str | int) -> str:
    """Return an https address, or an empty text for anything else."""
    found = line(value, *path)
    if found.startswith("https://") and len(found) < TEXT_LENGTH_MAX and " " not in found:
        return found
    return ""


def instant(value: Any, *path: str | int) -> datetime:
    """Return an instant in UTC."""
    found = maybe_instant(value, *path)
    if found is None:
        raise misshapen(value, path, "a time such as 2026-11-23T10:00:00Z")
    return found


def maybe_instant(value: Any, *path: str | int) -> datetime | None:
    """Return an instant, or None if it is absent or out of range, because Go writes the year 1 for
    `never`.
    """
    found = the(value, *path)
    if found is None or found == "":
        return None
    try:
        read = datetime.fromisoformat(found)
    except (TypeError, ValueError):
        raise misshapen(value, path, "a time such as 2026-11-23T10:00:00Z") from None
    return in_utc(read.replace(tzinfo=read.tzinfo or UTC))


def misshapen(value: Any, path: tuple[str | int, ...], wanted: str) -> Invalid:
    """Return the error with the path, what was found there and what is allowed."""
    where = "".join(f"/{step}" for step in path)
    found = the(value, *path)
    return Invalid(
        f"{where or '/'}: found {_SHOWN.repr(found)[:_SHOWN_LENGTH]}, allowed is {wanted}",
        faults=[Fault(f"not {wanted}", where)],
    )
