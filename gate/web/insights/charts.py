"""Charts as geometry, from which a template draws SVG: a bar for each rate, and a line for its
interval.
"""

from collections.abc import Sequence
from typing import Any

from gate.flow.answers.delivery import ShareAnswer

WIDTH, ROW, TOP = 640, 30, 6
LABEL, VALUE = 190, 70
_LABEL_CHARACTERS = 26
_SCALES = (0.05, 0.1, 0.25, 0.5, 1.0)


def bars(rows: Sequence[ShareAnswer]) -> dict[str, Any]:
    """Each row has `value rate low high`; the scale is the smallest round one that all intervals
    fit.
    """
    highest = max((one.high or 0 for one in rows), default=0)
    scale = next(step for step in _SCALES if highest <= step or step == _SCALES[-1])
    plot_width = WIDTH - LABEL - VALUE

    def x(share: float | None) -> float:
        return round(LABEL + plot_width * min((share or 0) / scale, 1), 1)

    drawn = [
        {
            "label": _short(str(one.value or "none")),
            "y": TOP + number * ROW,
            "bar": max(x(one.rate) - LABEL, 1),
            "low": x(one.low),
            "high": x(one.high),
            "text": percent(one.rate),
        }
        for number, one in enumerate(rows)
    ]
    return {
        "width": WIDTH,
        "height": TOP * 2 + len(rows) * ROW,
        "left": LABEL,
        "right": WIDTH - VALUE,
        "rows": drawn,
        "scale": percent(scale),
    }


def percent(share: float | None) -> str:
    """12.5 %; a hyphen where nothing was counted."""
    if share is None:
        return "-"
    return f"{share * 100:.1f} %".replace(".0 %", " %")


def _short(label: str) -> str:
    if len(label) <= _LABEL_CHARACTERS:
        return label
    return label[: _LABEL_CHARACTERS - 1] + "…"
