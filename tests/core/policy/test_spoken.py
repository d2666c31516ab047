"""A condition as a part of a sentence, for people who are judged by it."""

import pytest
from hypothesis import given

from gate.core.facts import FACTS, FactType
from gate.core.policy.grammar import parse
from gate.core.policy.policy import Policy
from gate.core.policy.spoken import YES_AND_NO, spoken
from tests.core.policy_texts import make_policy, policies


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("checks.failed > 0", "any checks failed"),
        ("checks.failed == 0", "no checks failed"),
        ("checks.failed != 0", "any checks failed"),
        ("checks.passed >= 3", "3 or more checks passed"),
        ("diff.lines_added < 100", "fewer than 100 lines added"),
        ("diff.lines_added <= 100", "at most 100 lines added"),
        ("diff.lines_added == 7", "exactly 7 lines added"),
        ("diff.lines_added > 1", "more than 1 line added"),
        ("diff.directories <= 1", "at most 1 directory touched"),
        ("reviews.changes_requested == 1", "exactly 1 review that requests changes"),
        (
            "author.subsystem_changes < 2",
            "fewer than 2 earlier changes of the author in the subsystems",
        ),
        ("history.days_since_failure == 1", "exactly 1 day since the last failure here"),
        ("service.tier == 1", "the service tier is 1"),
        ("service.tier in (1, 2, 3)", "the service tier is 1, 2 or 3"),
        ("service.tier not in (1, 2)", "the service tier is none of 1 or 2"),
        ("diff.entropy >= 1.5", "the entropy of the change is 1.5 or more"),
        ("change.direction == rollback", "the direction is rollback"),
        ("not change.has_rollback_plan", "it has no rollback plan"),
        ("change.has_rollback_plan == true", "it has a rollback plan"),
        ("change.has_rollback_plan != true", "it has no rollback plan"),
        ("change.has_rollback_plan == false", "it has no rollback plan"),
        ("author.known is unknown", "whether every author is known here is unknown"),
        ("not diff.files is known", "the changed files are unknown"),
        (
            'any diff.files matches "**/migrations/**"',
            "any of the changed files matches **/migrations/**",
        ),
        ("all diff.files matches /^docs/", "all of the changed files match /^docs/"),
        ("none diff.files == a.py", "none of the changed files is a.py"),
        ("none diff.files != a.py", "all of the changed files are a.py"),
        ("labels.team == web", "the label team is web"),
    ],
)
def test_a_condition_is_said_in_english(condition: str, said: str) -> None:
    assert spoken(parse(condition)) == said


def test_every_fact_that_is_true_or_false_has_a_sentence_for_each() -> None:
    assert YES_AND_NO.keys() == {
        name for name, fact in FACTS.items() if fact.type is FactType.BOOLEAN
    }
    assert all(yes != no for yes, no in YES_AND_NO.values())


def test_groups_say_how_their_conditions_join() -> None:
    groups = "{any_of: [author.known, {none_of: [diff.reverts, service.known]}]}"
    policy = make_policy(rules=f"[{{id: it, title: It, when: [{groups}], points: 5}}]")

    (rule,) = policy.rules
    assert rule.when is not None
    assert rule.when.spoken == (
        "(every author is known here or it is not so that it reverts a commit or the service is in "
        "the catalogue)"
    )


@given(policies())
def test_no_policy_leaves_a_condition_unsaid(policy: Policy) -> None:
    clauses = [rule.when for rule in policy.rules] + [one.require for one in policy.requirements]

    for clause in filter(None, clauses):
        assert all(part.spoken for part in clause.parts)
        assert not any(f" {op} " in clause.spoken for op in ("==", "!=", ">=", "<="))
