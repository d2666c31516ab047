"""Texts that a code host reports: a commit, a link, or one short line."""

import re
from typing import Any

from gate.core.facts import TEXT_LENGTH_MAX
from gate.integrations.http import shapes
from gate.integrations.http.shapes import Misshapen

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def is_commit(text: str) -> bool:
    """Return whether this is a whole commit hash."""
    return _COMMIT.fullmatch(text) is not None


def commit_at(payload: Any, *path: str) -> str:
    """Return the commit that stands there. Raises `Misshapen` for anything else."""
    found = shapes.text(payload, *path)
    if not is_commit(found):
        raise Misshapen(f"{'/'.join(path)} is no commit")
    return found


def https_link(url: str | None) -> str:
    """Return the address if a page may show it as a link, or an empty text."""
    if url is not None and url.startswith("https://") and len(url) <= TEXT_LENGTH_MAX:
        return url
    return ""


def short_text_at(payload: Any, *path: str) -> str:
    """Return the text that stands there. Raises `Misshapen` if it is too long, or no one line."""
    found = shapes.text(payload, *path)
    if len(found) > TEXT_LENGTH_MAX or not found.isprintable():
        raise Misshapen(
            f"{'/'.join(path)} has more than {TEXT_LENGTH_MAX} characters, or one that "
            "cannot be shown"
        )
    return found
