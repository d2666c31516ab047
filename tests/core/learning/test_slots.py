"""The points of a policy as tables say the same as the policy itself."""

import pytest
from hypothesis import given

from gate.core.decision.evaluate import score_of
from gate.core.facts import Facts
from gate.core.learning.slots import Change, Points, judge_of, points_of, scores
from gate.core.policy.policy import Policy
from tests.core.policy_texts import FACTS, policies


@pytest.mark.slow
@given(policies(), FACTS)
def test_slots_give_the_score_that_the_policy_gives(policy: Policy, facts: Facts) -> None:
    values = {name: fact.value for name, fact in facts.items()}
    change = Change("", judge_of(policy)(values), failed=False)

    assert scores(points_of(policy), [change]) == [score_of(policy, values)]


def test_unknown_counts_the_highest_points_and_never_less_than_nothing() -> None:
    rises, falls = Points("a", "A", (1, 7, 3), (1, 2, 3)), Points("b", "B", (-5, -9), (1, 2))

    assert (rises.by_slot, rises.worst) == ((0, 1, 7, 3, 7), 2)
    assert (falls.by_slot, falls.worst) == ((0, -5, -9, 0), 0)
