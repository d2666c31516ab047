"""Answers as bytes, wherever one is sent or kept."""

from typing import Any

import orjson

_OPTIONS = orjson.OPT_UTC_Z


def written(answer: Any) -> bytes:
    """The answer as JSON: fields in their order, instants in UTC with a Z."""
    return orjson.dumps(answer, option=_OPTIONS)


def written_line(answer: Any) -> bytes:
    """The answer as one line of a stream."""
    return orjson.dumps(answer, option=_OPTIONS | orjson.OPT_APPEND_NEWLINE)


def indented(answer: Any) -> str:
    """The answer as JSON for people."""
    return orjson.dumps(answer, option=_OPTIONS | orjson.OPT_INDENT_2).decode()
