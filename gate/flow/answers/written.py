"""Answers as bytes, to be sent or stored."""

from typing import Any

import orjson

_OPTIONS = orjson.OPT_UTC_Z


def written(answer: Any) -> bytes:
    """Return the answer as JSON, with fields in their order and instants in UTC with a Z."""
    return orjson.dumps(answer, option=_OPTIONS)


def named(answer: object) -> dict[str, Any]:
    """Return the fields of an answer by their names on the wire.

    The field `from` is called `from_` in Python, where `from` is a keyword.
    """
    return {name.removesuffix("_"): value for name, value in vars(answer).items()}


def written_line(answer: Any) -> bytes:
    """Return the answer as one line of a stream."""
    return orjson.dumps(answer, option=_OPTIONS | orjson.OPT_APPEND_NEWLINE)


def indented(answer: Any) -> str:
    """Return the answer as indented JSON for people."""
    return orjson.dumps(answer, option=_OPTIONS | orjson.OPT_INDENT_2).decode()
