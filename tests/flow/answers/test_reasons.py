"""A reason that was kept is the reason that would be made anew."""

from collections.abc import Sequence

import pytest
from hypothesis import given

from gate.core.decision.evaluate import evaluate
from gate.core.decision.values import Finding, FindingKind
from gate.core.facts import Facts
from gate.core.policy.policy import Policy
from gate.flow.answers import reasons as reasons_module
from gate.flow.answers.reasons import KeptReasons, reasons
from gate.flow.answers.written import written
from tests.core.policy_texts import FACTS, make_facts, policies, when_policy

REVISION = "a" * 64
GUARD = Finding(FindingKind.GATE, "review", "Review", holds=False, seen=(("because", "so it is"),))


def same(
    kept: KeptReasons, findings: Sequence[Finding], facts: Facts, policy: Policy | None
) -> bool:
    """Whether kept reasons are those made anew, byte for byte; twice, because the second time they
    were kept before.
    """
    anew = written(reasons(findings, facts, policy))
    return all(written(kept.of(findings, facts, policy, REVISION)) == anew for _ in range(2))


@given(policies(), FACTS, FACTS)
def test_a_reason_that_was_kept_is_the_same(policy: Policy, facts: Facts, others: Facts) -> None:
    kept = KeptReasons()

    for known in (facts, others):
        assert same(kept, [GUARD, *evaluate(policy, known).findings], known, policy)


def test_without_a_policy_reasons_are_written_too() -> None:
    assert same(KeptReasons(), [GUARD], {}, None)


def test_a_guard_says_what_it_says_now() -> None:
    policy, kept = when_policy("author.known"), KeptReasons()
    because = (("because", "because of something else"),)
    other = Finding(FindingKind.GATE, "review", "Review", holds=False, seen=because)

    assert same(kept, [GUARD], {}, policy)
    assert same(kept, [other], {}, policy)


def test_a_reason_under_other_policies_is_not_one_of_before() -> None:
    """The rule, the title and what was seen are equal; only the words of the condition differ."""
    before, after = when_policy("diff.lines_added > 5"), when_policy("diff.lines_added > 7")
    facts, kept = make_facts({"diff.lines_added": 9}), KeptReasons()
    (first,), (second,) = evaluate(before, facts).findings, evaluate(after, facts).findings
    assert first == second

    kept.of([first], facts, before, REVISION)

    found = written(kept.of([second], facts, after, "b" * 64))
    assert found == written(reasons([second], facts, after))


def test_only_so_many_reasons_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasons_module, "REASONS_KEPT_MAX", 3)
    policy, kept = when_policy("diff.lines_added > 5"), KeptReasons()

    for count in range(10):
        facts = make_facts({"diff.lines_added": count})
        assert same(kept, evaluate(policy, facts).findings, facts, policy)
        assert 0 < len(kept) <= 3


def test_a_list_is_not_kept() -> None:
    policy, kept = when_policy('any diff.files matches "*.py"'), KeptReasons()
    facts = make_facts({"diff.files": ("a.py",)})

    assert same(kept, evaluate(policy, facts).findings, facts, policy)
    assert len(kept) == 0
