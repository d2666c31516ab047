"""Charts as geometry, from which a template draws SVG.

A chart is as wide as a phone screen, so that its text is readable there, and at most half as large
again on a wide screen. Colour never carries a meaning alone: a place or a word says the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gate.core.counting import percent
from gate.core.delivery import SpanCount
from gate.core.durations import span
from gate.core.instants import midnight
from gate.flow.answers.delivery import ShareAnswer
from gate.flow.answers.insights.over_time import PeriodAnswer, PolicyChangeAnswer

WIDTH = 360
ROW = 42
"""The height of a bar with the line of text above it and its interval below it."""

_LABEL_CHARACTERS = 34
_SCALES = (0.05, 0.1, 0.25, 0.5, 1.0)

COLUMNS_TOP = 30
"""The height for the marks of policy changes and for the number above the highest column."""

COLUMNS_HEIGHT = 100
"""The height of the highest column above the line and the lowest one below it together."""

_NUMBER, _LABEL = 12, 16
_GAP = 0.22
"""The share of a column's width that stays empty."""

_LABEL_WIDTH = 44
"""The width of the longest label below a column. If columns are narrower, some have no label."""

SPARK_WIDTH, SPARK_UP, SPARK_DOWN = 96, 16, 7
_SEEN = 1.5
"""The least height of a column that is not zero, so that it is visible."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column above the line with its part below it, and the positions of their numbers."""

    x: float
    width: float
    middle: float
    label_at: float
    up: float
    down: float
    label: str
    n: int
    failed: int


def bars(rows: Sequence[ShareAnswer]) -> dict[str, Any]:
    """Return a bar for each rate, with a line for its interval.

    The scale is the smallest round one that all intervals fit.
    """
    highest = max((one.high or 0 for one in rows), default=0)
    scale = next(step for step in _SCALES if highest <= step or step == _SCALES[-1])

    def x(share: float | None) -> float:
        return round(WIDTH * min((share or 0) / scale, 1), 1)

    drawn = [
        {
            "label": _short(str(one.value or "none")),
            "y": number * ROW,
            "bar": max(x(one.rate), 1),
            "low": x(one.low),
            "high": x(one.high),
            "text": f"{percent(one.rate)}, {one.failed} of {one.deployments}",
        }
        for number, one in enumerate(rows)
    ]
    return {"width": WIDTH, "height": len(rows) * ROW, "rows": drawn, "scale": percent(scale)}


def over_time(
    periods: Sequence[PeriodAnswer], changes: Iterable[PolicyChangeAnswer], today: date
) -> dict[str, Any]:
    """Return a column of deployments for each period, with failed ones below the line, and marks
    where other policies came into force.
    """
    place = WIDTH / max(len(periods), 1)
    every = -int(-_LABEL_WIDTH // place)
    named = [
        _day(one.begins) if (len(periods) - 1 - number) % every == 0 else ""
        for number, one in enumerate(periods)
    ]
    columns = _columns([one.deployments for one in periods], [one.failed for one in periods], named)
    marks = []
    if periods:
        begins, ends = (midnight(one) for one in (periods[0].begins, periods[-1].ends))
        marks = [round(WIDTH * ((one.at - begins) / (ends - begins)), 1) for one in changes]
    goes_on = [one.begins <= today < one.ends for one in periods]
    return {**columns, "marks": marks, "goes_on": goes_on}


def spread(counts: Sequence[SpanCount]) -> dict[str, Any]:
    """Return a column for each span of durations, with the end of the span as its label."""
    labels = [span(one.to_seconds) if one.to_seconds else "longer" for one in counts]
    return _columns([one.n for one in counts], [0] * len(counts), labels)


def spark(periods: Sequence[PeriodAnswer]) -> dict[str, Any]:
    """Return small columns without numbers, with failed deployments below the line."""
    most = max((one.deployments for one in periods), default=0) or 1
    place = SPARK_WIDTH / max(len(periods), 1)
    return {
        "width": SPARK_WIDTH,
        "height": SPARK_UP + SPARK_DOWN,
        "line": SPARK_UP,
        "columns": [
            {
                "x": round(number * place, 1),
                "width": round(place * (1 - _GAP), 1),
                "up": _height(one.deployments, most, SPARK_UP),
                "down": _height(one.failed, most, SPARK_DOWN),
            }
            for number, one in enumerate(periods)
        ],
    }


def in_words(one: SpanCount) -> str:
    """Return a span of durations in words, such as "under 5 min", "1 h to 4 h" or "30 d
    or longer".
    """
    if one.to_seconds is None:
        return f"{span(one.from_seconds)} or longer"
    if one.from_seconds == 0:
        return f"under {span(one.to_seconds)}"
    return f"{span(one.from_seconds)} to {span(one.to_seconds)}"


def _columns(counts: Sequence[int], failed: Sequence[int], labels: Sequence[str]) -> dict[str, Any]:
    most, most_failed = max(counts, default=0), max(failed, default=0)
    unit = COLUMNS_HEIGHT / max(most + most_failed, 1)
    place = WIDTH / max(len(counts), 1)
    line = round(COLUMNS_TOP + most * unit, 1)
    down = round(most_failed * unit, 1)
    half = _LABEL_WIDTH / 2
    columns = [
        Column(
            x=round((number + _GAP / 2) * place, 1),
            width=round(place * (1 - _GAP), 1),
            middle=round((number + 0.5) * place, 1),
            label_at=round(min(max((number + 0.5) * place, half), WIDTH - half), 1),
            up=_height(n, most, most * unit),
            down=_height(n_failed, most_failed, down),
            label=label,
            n=n,
            failed=n_failed,
        )
        for number, (n, n_failed, label) in enumerate(zip(counts, failed, labels, strict=True))
    ]
    below = line + down + (_NUMBER if most_failed else 0)
    return {
        "width": WIDTH,
        "height": round(below + _LABEL + 4, 1),
        "line": line,
        "labels": round(below + _LABEL, 1),
        "columns": columns,
    }


def _height(n: int, most: int, height: float) -> float:
    return max(round(height * n / most, 1), _SEEN) if n else 0


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _short(label: str) -> str:
    if len(label) <= _LABEL_CHARACTERS:
        return label
    return label[: _LABEL_CHARACTERS - 1] + "…"
