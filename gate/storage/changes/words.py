"""The words by which the log is searched: runs of letters and digits, lower case, no stemming."""

import re

WORDS_MAX = 400
"""The most different words of one text that are kept, in the order of the text."""

WORD_LENGTH_MAX = 64
"""Longer runs are cut, both when they are kept and when they are searched for."""

TEXT_LENGTH_MAX = 32_000
"""The most characters of a text that are looked at."""

_WORD = re.compile(rf"([^\W_]{{1,{WORD_LENGTH_MAX}}})[^\W_]*")


def words(text: str) -> list[str]:
    """Return the different words of a text in the order of their first occurrence."""
    return list(dict.fromkeys(_WORD.findall(text[:TEXT_LENGTH_MAX].lower())))[:WORDS_MAX]
