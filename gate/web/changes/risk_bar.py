"""The risk bar: the points of a change stacked against the bands of its policy, as geometry from
which a template draws SVG.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gate.core.decision.values import FindingKind
from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.reasons import ExplainedReason

WIDTH = 360
SEGMENTS_MAX = 12
"""The most rules with a segment of their own. All others share one more segment."""

_LETTER = 8.0
"""The width of a letter of a label, on a phone."""

_BEYOND = 1.15
"""The scale reaches this much beyond the largest value, so that the end of the bar is visible."""


@dataclass(frozen=True)
class Zone:
    """The part of the scale that one band takes, with the label that fits below it."""

    band: str
    label: str
    x: float
    width: float


@dataclass(frozen=True)
class Segment:
    """The points that one rule adds."""

    title: str
    points: int
    x: float
    width: float


@dataclass(frozen=True)
class RiskBar:
    """The geometry of the bar.

    `mark` is the position of the score. It lies left of the end of the segments if rules take
    points away.
    """

    zones: tuple[Zone, ...]
    segments: tuple[Segment, ...]
    mark: float
    less: int


def risk_bar(
    change: ChangeAnswer, explained: Sequence[ExplainedReason], bands: Mapping[str, int]
) -> RiskBar:
    """Return the bar of a change. If no policy decided there are no bands, and so no zones."""
    rules = [one for one in explained if one.kind is FindingKind.RULE]
    adding = sorted((one for one in rules if one.points > 0), key=lambda one: -one.points)
    added = sum(one.points for one in adding)
    farthest = max(added, change.risk.score, *bands.values(), 1) * _BEYOND
    shown = [(one.title or one.rule, one.points) for one in adding[:SEGMENTS_MAX]]
    rest = sum(one.points for one in adding[SEGMENTS_MAX:])
    if rest:
        shown.append((f"{len(adding) - SEGMENTS_MAX} more rules", rest))

    def x(points: float) -> float:
        return round(WIDTH * points / farthest, 1)

    return RiskBar(
        zones=_zones(bands, farthest),
        segments=tuple(
            Segment(title, points, x(sum(each for _, each in shown[:place])), x(points))
            for place, (title, points) in enumerate(shown)
        ),
        mark=x(change.risk.score),
        less=added - change.risk.score,
    )


def _zones(bands: Mapping[str, int], farthest: float) -> tuple[Zone, ...]:
    begins = [0, *bands.values()] if bands else []
    names = ["low", *bands]
    ends = [*begins[1:], farthest]
    found = []
    for name, begin, end in zip(names, begins, ends, strict=False):
        x, width = WIDTH * begin / farthest, WIDTH * (end - begin) / farthest
        # The last label may reach to the left: there is nothing on its other side.
        most = WIDTH if end == farthest else width
        labels = (f"{name} {begin}", str(begin)) if begin else (name,)
        label = next((one for one in labels if len(one) * _LETTER <= most), "")
        found.append(Zone(name, label, round(x, 1), round(width, 1)))
    return tuple(found)
