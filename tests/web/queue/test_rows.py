"""The one reason that a row of the queue shows."""

import pytest

from gate.core.decision.values import FindingKind
from gate.flow.answers.reasons import ExplainedReason
from gate.web.queue.rows import plain

GATE, RULE = FindingKind.GATE, FindingKind.RULE
TOO_HIGH = ("review", "risk 83 is high, Routine release goes up to low", GATE, 0)
OTHER_BASE = ("base-differs", "another commit runs here; measure it from there", GATE, 0)
SIZE = ("size", "1 line added; 1 or more gives 5 points", RULE, 5)
FAILED = ("green", "1 check failed; required: no checks failed", FindingKind.REQUIREMENT, 0)
REPAIR = ("repairs", "it fixes a defect, which gives 13 points", RULE, 13)


def reason(rule: str, because: str, kind: FindingKind, points: int) -> ExplainedReason:
    """One that speaks against the change."""
    return ExplainedReason(
        rule=rule,
        title="",
        because=because,
        points=points,
        holds=kind is RULE,
        facts={},
        kind=kind,
        against=True,
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param([SIZE, REPAIR, FAILED], "1 check failed", id="a requirement before points"),
        pytest.param([TOO_HIGH, SIZE, REPAIR], "it fixes a defect", id="the most points"),
        pytest.param([TOO_HIGH, SIZE], "1 line added", id="without its limit"),
        pytest.param([TOO_HIGH, OTHER_BASE], "another commit runs here", id="not the risk again"),
        pytest.param([TOO_HIGH], TOO_HIGH[1], id="unless there is nothing else"),
    ],
)
def test_a_row_shows_the_strongest_reason_alone(
    given: list[tuple[str, str, FindingKind, int]], said: str
) -> None:
    assert plain([reason(*one) for one in given]) == said
