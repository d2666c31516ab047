"""Durations as people write them, `90s 30m 24h 7d`, and as they read them, `2 h 5 min`."""

import re

DURATION_SECONDS_MAX = 3_650 * 86_400
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
DURATION_PATTERN = "^[1-9][0-9]{0,8}[smhd]$"
ALLOWED = "a duration such as 90s, 30m, 24h or 7d, at most 3650d"

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_HOURS_SHOWN = 48 * _HOUR

_DURATION = re.compile(DURATION_PATTERN)


def read_duration(text: str) -> int | None:
    """Return whole seconds, or None if the text is no duration or over the limit."""
    if not _DURATION.fullmatch(text) or not text.isascii():
        return None
    seconds = int(text[:-1]) * UNITS[text[-1]]
    return seconds if seconds <= DURATION_SECONDS_MAX else None


def span(seconds: float) -> str:
    """Return a duration in at most two units, such as "3 d 4 h", "2 h 5 min" or "40 s"."""
    whole = max(int(seconds), 0)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _HOURS_SHOWN:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def after(seconds: float) -> str:
    """Return how long something took, such as "after 2 h", or "at once" below one second."""
    return f"after {span(seconds)}" if seconds >= 1 else "at once"


def _two(many: int, unit: str, few: int, small: str) -> str:
    return f"{many} {unit} {few} {small}" if few else f"{many} {unit}"
