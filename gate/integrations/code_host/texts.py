"""Texts that a code host reports, such as a commit or a link, and texts that are written there."""

import re
from collections.abc import Sequence
from typing import Any

from gate.core.facts import TEXT_LENGTH_MAX
from gate.integrations.http import shapes
from gate.integrations.http.shapes import Misshapen

COMMENT_LENGTH_MAX = 1_024
"""The longest comment that GitHub accepts; GitLab accepts longer ones."""

_MORE = "…"
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


def comment(words: Sequence[str], reasons: Sequence[str], url: str) -> str:
    """Return an answer of the gate as Markdown, cut to the limit.

    Texts of others are in a fenced block, in which no image, link, mention or HTML has an effect.
    """
    begins, ends = "Change gate\n\n```text\n", "\n```" + (f"\n\n{url}" if url else "")
    characters_left = COMMENT_LENGTH_MAX - len(begins) - len(ends)
    lines = "\n".join(fenced(one) for one in (*words, *(f"- {reason}" for reason in reasons)))
    if len(lines) > characters_left:
        lines = lines[: characters_left - len(_MORE)] + _MORE
    return begins + lines + ends


def fenced(text: str) -> str:
    """Return the text as one line that cannot end the fenced block."""
    return one_line(text).replace("`", "'")


def one_line(text: str) -> str:
    """Return the text with a blank for each character that cannot be shown."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
