"""Durations as people write them: `90s 30m 24h 7d`, and the whole seconds they mean."""

import re

DURATION_SECONDS_MAX = 3_650 * 86_400
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
DURATION_PATTERN = "^[1-9][0-9]{0,8}[smhd]$"
ALLOWED = "a duration such as 90s, 30m, 24h or 7d, at most 3650d"

_DURATION = re.compile(DURATION_PATTERN)


def read_duration(text: str) -> int | None:
    """Return whole seconds, or None if the text is no duration or over the limit."""
    if not _DURATION.fullmatch(text) or not text.isascii():
        return None
    seconds = int(text[:-1]) * UNITS[text[-1]]
    return seconds if seconds <= DURATION_SECONDS_MAX else None
