"""The patterns of `matches`: a glob over the whole text, or `/re/` anywhere in it.

Both are run by RE2, which takes time linear in the text whatever the pattern is, because policies
and paths may come from an attacker. A list of paths is matched in one pass over all its lines,
because a change may have thousands of paths and most lists contain no match.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

PATTERN_BYTES_MAX = 500
PROGRAM_SIZE_MAX = 2_000
"""Instructions of a compiled pattern; 500 bytes of pattern can compile to a hundred thousand."""
COMPILE_MEMORY_BYTES_MAX = 1 << 20


class BadPattern(Exception):
    """The text is no pattern. The message says why and what is allowed."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. `first` returns the first item of a list that matches, or None."""

    test: Callable[[str], bool]
    first: Callable[[Sequence[str]], str | None]
    everything: bool = False
    expression: bool = False


@lru_cache(maxsize=1024)
def glob(text: str) -> Pattern:
    """Compile a glob: `*` and `?` are characters of one name, `**` is any number of folders.

    Raises `BadPattern`.
    """
    _measure(text)
    odd = re.search(r"[\[\]{}\\!]", text)
    if odd:
        raise BadPattern(
            f"found {odd[0]} in a glob, allowed are *, ** and ?; write /{re.escape(text)}/ "
            "for a regular expression"
        )
    compiled = _compiled(f"(?m)^{_translated(text)}$")
    needed = max(re.split(r"[/*?]", text), key=len)

    def first(items: Sequence[str]) -> str | None:
        lines = "\n".join(items)
        # Most lists contain no match, and this finds out at a tenth of the price.
        if needed not in lines or not items:
            return None
        # An item contains a line break. It is replaced, because an item must stay one line; no glob
        # can match either character.
        if lines.count("\n") >= len(items):
            lines = "\n".join([item.replace("\n", "\r") for item in items])
        encoded = lines.encode(errors="replace")
        found = compiled.search(encoded)
        if found:
            return items[encoded.count(b"\n", 0, found.start())]
        return None

    return Pattern(
        test=lambda text: first((text,)) is not None, first=first, everything=text == "**"
    )


@lru_cache(maxsize=1024)
def expression(text: str) -> Pattern:
    """Compile a regular expression, which is searched anywhere in the text unless it is anchored.

    Raises `BadPattern`.
    """
    _measure(text)
    # A path may contain a line break, and a dot means that character too. Otherwise a file could
    # hide from a rule by its name.
    compiled = _compiled(text, dot_is_any=True)
    # What matches in an item matches in its line too. Most lists contain no match, and then one
    # search over all lines is enough.
    anywhere = None if _LINES_DIFFER.search(text) else _compiled(f"(?m){text}")

    def test(text: str) -> bool:
        return compiled.search(text.encode(errors="replace")) is not None

    def first(items: Sequence[str]) -> str | None:
        lines = "\n".join(items)
        # Otherwise an item contains a line break, so lines are not items.
        whole = lines.count("\n") < len(items)
        if (
            anywhere is not None
            and whole
            and anywhere.search(lines.encode(errors="replace")) is None
        ):
            return None
        return next((item for item in items if test(item)), None)

    return Pattern(test=test, first=first, expression=True)


_LINES_DIFFER = re.compile(r"\\[AzQC]|\(\?[^:]")
"""Anchors of the whole text, and flags: with these a match in an item may be none in its line."""


def _measure(text: str) -> None:
    size = len(text.encode())
    if not 0 < size <= PATTERN_BYTES_MAX:
        raise BadPattern(f"found a pattern of {size} bytes, allowed are 1 to {PATTERN_BYTES_MAX}")


def _translated(text: str) -> str:
    """Return the glob as a regular expression whose matches stay within one line."""
    names = text.split("/")
    parts: list[str] = []
    for number, name in enumerate(names):
        last = number == len(names) - 1
        if name == "**":
            # At the beginning and in the middle: any number of whole folders, or none. At the end:
            # everything below.
            parts.append(
                r"[^\n]*" if last and number == 0 else r"[^\n]+" if last else r"(?:[^\n]*/)?"
            )
        elif "**" in name:
            raise BadPattern(
                f"found {name} in a glob, ** stands alone between slashes; write * for "
                "characters of one name"
            )
        else:
            parts.append(
                "".join(_ONE.get(character) or re.escape(character) for character in name)
                + ("" if last else "/")
            )
    return "".join(parts)


_ONE = {"*": r"[^/\n]*", "?": r"[^/\n]"}


def _compiled(text: str, *, dot_is_any: bool = False) -> Any:
    import re2  # noqa: PLC0415 - costs what a command that reads no policy should not pay

    options = re2.Options()
    options.max_mem = COMPILE_MEMORY_BYTES_MAX
    options.log_errors = False
    options.dot_nl = dot_is_any
    try:
        compiled = re2.compile(text.encode(), options)
    except re2.error as error:
        reason = (
            error.args[0].decode(errors="replace")
            if error.args and isinstance(error.args[0], bytes)
            else str(error)
        )
        raise BadPattern(
            f"found a pattern that is none of RE2 ({reason}); look-around and back "
            "references are not allowed"
        ) from None
    if compiled.programsize > PROGRAM_SIZE_MAX:
        raise BadPattern(
            f"found a pattern of {compiled.programsize} steps, allowed are "
            f"{PROGRAM_SIZE_MAX}; shorten its repetitions"
        )
    return compiled
