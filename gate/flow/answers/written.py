"""Answers as bytes, wherever one is sent or kept."""

from typing import Any

import orjson

_OPTIONS = orjson.OPT_UTC_Z


def written(answer: Any) -> bytes:
    """The answer as JSON: fields in their order, instants in UTC with a Z."""
    return orjson.dumps(answer, option=_OPTIONS)


def named(answer: object) -> dict[str, Any]:
    """The fields of an answer by their names on the wire: `from`, which is a word of Python, is
    `from_` here.
    """
    return {name.removesuffix("_"): value for name, value in vars(answer).items()}


def written_line(answer: Any) -> bytes:
    """The answer as one line of a stream."""
    return orjson.dumps(answer, option=_OPTIONS | orjson.OPT_APPEND_NEWLINE)


def indented(answer: Any) -> str:
    """The answer as JSON for people."""
    return orjson.dumps(answer, option=_OPTIONS | orjson.OPT_INDENT_2).decode()
