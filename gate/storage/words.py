"""The words by which the log is searched: runs of letters and digits, lower case, no stemming."""

import re

WORDS_MAX = 400
"""How many different words of one text are kept; the first ones are."""

WORD_LENGTH_MAX = 64
"""Longer runs are cut, on the way in and when asked for alike."""

TEXT_LENGTH_MAX = 32_000
"""How much of a text is looked at."""

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The different words of a text in the order of their first occurrence."""
    found = (word[:WORD_LENGTH_MAX] for word in _WORD.findall(text[:TEXT_LENGTH_MAX].lower()))
    return list(dict.fromkeys(found))[:WORDS_MAX]
