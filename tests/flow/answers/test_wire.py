"""What is written in a hurry is what is written at leisure."""

from collections.abc import Sequence, Sized

import orjson
import pytest
from hypothesis import given

from gate.core.decision.evaluate import evaluate
from gate.core.decision.values import Finding, FindingKind
from gate.core.facts import Facts
from gate.core.policy.policy import Policy
from gate.flow.answers import wire
from gate.flow.answers.wire import reasons, written_reasons
from tests.core.policy_texts import FACTS, make_facts, policies, when_policy

GUARD = Finding(FindingKind.GATE, "review", "Review", holds=False, seen=(("because", "so it is"),))


def same(findings: Sequence[Finding], facts: Facts, policy: Policy | None) -> bool:
    """Whether both ways give the same bytes; twice, because the second time they were written
    before.
    """
    slowly = orjson.dumps(reasons(findings, facts, policy))
    return [orjson.dumps(written_reasons(findings, facts, policy)) for _ in range(2)] == [
        slowly,
        slowly,
    ]


def kept(finding: Finding) -> Sized:
    """What is remembered of a finding."""
    return finding.told or ()


@given(policies(), FACTS, FACTS)
def test_a_reason_that_was_written_before_is_the_same(
    policy: Policy, facts: Facts, others: Facts
) -> None:
    for known in (facts, others):
        assert same([GUARD, *evaluate(policy, known).findings], known, policy)


def test_without_a_policy_reasons_are_written_too() -> None:
    assert same([GUARD], {}, None)


def test_a_guard_says_what_it_says_now() -> None:
    policy = when_policy("author.known")
    other = Finding(
        FindingKind.GATE,
        "review",
        "Review",
        holds=False,
        seen=(("because", "because of something else"),),
    )

    assert same([GUARD], {}, policy)
    assert same([other], {}, policy)


def test_only_so_many_reasons_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "REASONS_KEPT_MAX", 3)
    policy = when_policy("diff.lines_added > 5")

    for count in range(10):
        facts = make_facts({"diff.lines_added": count})
        assert same(evaluate(policy, facts).findings, facts, policy)
        assert all(len(kept(finding)) <= 3 for finding in evaluate(policy, facts).findings)


def test_a_list_is_not_kept() -> None:
    policy = when_policy('any diff.files matches "*.py"')
    facts = make_facts({"diff.files": ("a.py",)})

    assert same(evaluate(policy, facts).findings, facts, policy)
    assert not any(map(kept, evaluate(policy, facts).findings))
