"""Hidden characters made visible: those that cannot be seen or that turn the reading direction are
shown by their number.

Otherwise a name or a reason could look like something else than it is.
"""

import re
import unicodedata
from functools import lru_cache

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_ALLOWED = frozenset("\n\t")
_PLAIN = re.compile(r"[\t\n\x20-\x7e]*")
_FILLERS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\ufe0e\uffa0"
)
"""Letters and marks that are invisible on a page although their category is not hidden."""

_CACHE_TEXTS = 4_096
_MIXED_WORTHY = frozenset(
    {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "GEORGIAN", "HEBREW", "ARABIC"}
)


def visible(text: str) -> str:
    """Return the text with each hidden character as its number, such as ⟨U+202E⟩. Line breaks and
    tabs stay.
    """
    return text if _PLAIN.fullmatch(text) else _visible(text)


@lru_cache(_CACHE_TEXTS)
def _visible(text: str) -> str:
    return "".join(f"⟨U+{ord(char):04X}⟩" if _hides(char) else char for char in text)


def _hides(char: str) -> bool:
    return char not in _ALLOWED and (
        unicodedata.category(char) in _HIDDEN_CATEGORIES or char in _FILLERS
    )


def scripts(text: str) -> tuple[str, ...]:
    """Return the alphabets of a name if it mixes several, which an honest name rarely does."""
    return () if text.isascii() else _scripts(text)


@lru_cache(_CACHE_TEXTS)
def _scripts(text: str) -> tuple[str, ...]:
    found = {
        unicodedata.name(char, "").partition(" ")[0] for char in text if char.isalpha()
    } & _MIXED_WORTHY
    if len(found) > 1:
        return tuple(sorted(word.capitalize() for word in found))
    return ()
