"""The values of flags: how each is written, and the message for a value that is wrong."""

from __future__ import annotations

import json
import re
import urllib.parse
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any

FORMATS = ("text", "json", "github", "gitlab")
RESULTS = ("successful", "successful_issues", "unsuccessful", "rolled_back")
WAIT_SECONDS_MAX = 7 * 24 * 3600

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,6})([smhd]?)")
_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{32,128}")
_CHANGE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LISTS = frozenset({"diff.files", "checks.failed_names"})
_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def read_url(text: str) -> str:
    """Return an address without parts that do not belong there. A user name would end
    up in logs.
    """
    try:
        parts = urllib.parse.urlsplit(text.strip())
        fine = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if (
        not fine
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
        or not text.strip().isprintable()
        or " " in text.strip()
    ):
        raise ArgumentTypeError(
            "allowed is an address such as https://gate.example.com, without user name and query"
        )
    return text.strip().rstrip("/")


def read_duration(text: str) -> int:
    """Return a duration in whole seconds."""
    found = _DURATION.fullmatch(text.strip())
    seconds = int(found.group(1)) * _UNITS[found.group(2)] if found else -1
    if not 0 <= seconds <= WAIT_SECONDS_MAX:
        raise ArgumentTypeError(
            f"found {text!r}, allowed are seconds or a duration such as 90s, 30m or 24h, at most 7d"
        )
    return seconds


def read_artifact(text: str) -> dict[str, str]:
    """Return name and digest of `NAME=DIGEST`. A name may contain an equals sign, a digest does
    not.
    """
    name, _, digest = text.rpartition("=")
    if not name or not _DIGEST.fullmatch(digest):
        raise ArgumentTypeError(
            f"found {text!r}, allowed is NAME=DIGEST with a digest such as sha256:0a1b…, "
            "all of it, in lower case"
        )
    return {"name": name, "digest": digest}


def read_label(text: str) -> tuple[str, str]:
    """Return key and value of `KEY=VALUE`."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ArgumentTypeError(f"found {text!r}, allowed is KEY=VALUE")
    return key, value


def read_fact(text: str) -> tuple[str, str, Any]:
    """Return group, name and value of `group.name=VALUE`.

    The value is true, false, null, a number, a list in JSON or with commas, or text. The server
    knows the types.
    """
    name, equals, value = text.partition("=")
    group, dot, short = name.partition(".")
    if not (group and dot and short and equals):
        raise ArgumentTypeError(
            f"found {text!r}, allowed is group.name=VALUE, such as checks.passed=12"
        )
    return group, short, value if group == "labels" else _value(name, value)


def _value(name: str, text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_number)
    except ValueError:
        value = text
    if name in _LISTS and not isinstance(value, list) and value is not None:
        return [item.strip() for item in text.split(",") if item.strip()]
    return text if isinstance(value, (dict, str)) else value


def read_change(text: str) -> str:
    """Return the id of a change, which is safe in an address."""
    if not _CHANGE.fullmatch(text):
        raise ArgumentTypeError(f"found {text!r}, allowed is the id of a change, such as chg_…")
    return text


def read_flag(text: str) -> bool:
    """Return the value of a switch in the environment."""
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise ArgumentTypeError(f"found {text!r}, allowed is true or false")


def read_word(*words: str) -> Callable[[str], str]:
    """Return a function that accepts one of these words."""

    def read(text: str) -> str:
        if text not in words:
            raise ArgumentTypeError(f"found {text!r}, allowed is {' or '.join(words)}")
        return text

    return read


def _no_number(word: str) -> object:
    raise ValueError(word)
