"""The order of the places on the scorecard, and the words in which a folded one is said."""

from dataclasses import replace

import pytest

from gate.flow.answers.delivery import (
    CardAnswer,
    FlowAnswer,
    QualityAnswer,
    ScoreAnswer,
    StabilityAnswer,
)
from gate.web.insights.scorecard import badness, signs

VERDICTS_WORST_FIRST = (
    "faster and less stable",
    "slower and more stable",
    "unchanged",
    "too few to compare",
    "faster and more stable",
    "faster",
)


def score(value: float | None = None, n: int = 0) -> ScoreAnswer:
    """A figure of this time without changes."""
    return ScoreAnswer(value, None, n, ())


def card(
    verdict: str = "unchanged", failed: float = 0, incidents: int = 0, oldest: int | None = None
) -> CardAnswer:
    """The card of a place with eight deployments."""
    nothing = score()
    return CardAnswer(
        "web",
        "production",
        (),
        verdict,
        FlowAnswer(nothing, nothing, nothing, score(oldest)),
        QualityAnswer(score(failed, 8), nothing, nothing),
        StabilityAnswer(score(incidents), nothing, None),
        (),
    )


def test_places_that_became_worse_stand_first() -> None:
    cards = [card(verdict) for verdict in reversed(VERDICTS_WORST_FIRST)]

    assert [one.verdict for one in sorted(cards, key=badness)] == list(VERDICTS_WORST_FIRST)


def test_of_places_with_one_verdict_the_one_that_fails_most_stands_first() -> None:
    calm, broken, failing = card(), card(incidents=2), card(failed=0.25)

    assert sorted([calm, broken, failing], key=badness) == [failing, broken, calm]


def test_a_verdict_that_came_later_than_this_page_breaks_no_order() -> None:
    assert badness(replace(card(), verdict="something new")) > badness(card("faster"))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (card(), "nothing failed, nothing waits"),
        (card(failed=0.25), "25 % of 8 failed"),
        (card(incidents=1, oldest=3_600), "1 incident, a change has waited 1 h"),
        (
            card(failed=0.125, incidents=2, oldest=60),
            "2 incidents, 12.5 % of 8 failed, a change has waited 1 min",
        ),
    ],
)
def test_a_folded_place_says_its_signs(place: CardAnswer, said: str) -> None:
    assert signs(place) == said
