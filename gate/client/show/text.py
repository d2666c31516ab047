"""Text of others made safe to print: it cannot move the cursor, reorder a line or give
a command.
"""

from __future__ import annotations

import re
import time
import unicodedata

SHOWN_LENGTH_MAX = 2_000

_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])|\x9b[0-?]*[ -/]*[@-~]"
)
_SPACES = re.compile(r"[\t\n\r\x0b\x0c\x85\u2028\u2029]+")
_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def visible(text: object, *, length_max: int = SHOWN_LENGTH_MAX) -> str:
    r"""Return the text as one line that is safe to print.

    Terminal sequences are removed, line breaks become spaces, and other invisible characters become
    \u escapes.
    """
    line = _SPACES.sub(" ", _ANSI.sub("", str(text)))
    if len(line) > length_max:
        line = f"{line[: length_max - 1]}…"
    if not line.isprintable():
        line = "".join(map(_shown, line))
    # Break commands to a GitHub runner. It finds the older form anywhere in a line, the newer one
    # only at its beginning.
    line = line.replace("##[", "# #[")
    if line.lstrip().startswith("::"):
        return line.replace("::", ": :", 1)
    return line


def clock(text: object) -> str:
    """Return a time of the gate, RFC 3339 in UTC, as people say it; other text as visible text."""
    said = str(text)
    try:
        at = time.strptime(said[:16], "%Y-%m-%dT%H:%M")
    except ValueError:
        return visible(text)
    if not said.endswith("Z"):
        return visible(text)
    return f"{at.tm_mday} {time.strftime('%b %Y, %H:%M', at)} UTC"


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category not in _HIDDEN:
        # Blanks of every width become one plain blank.
        return " " if category == "Zs" else character
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004 - four digits or eight


def counted(number: int, word: str) -> str:
    """Return a number with its word, such as `1 approval` or `2 approvals`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
