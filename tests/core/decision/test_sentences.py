"""A finding says what was seen and what the limit was."""

import json

import pytest
from hypothesis import given

from gate.core.decision.evaluate import evaluate
from gate.core.decision.sentences import sentence, shown
from gate.core.decision.values import Finding, FindingKind
from gate.core.facts import Facts, Origin, Value
from gate.core.policy.policy import Policy
from tests.core.policy_texts import FACTS, make_facts, make_policy, policies, when_policy


def said(policy: Policy, facts: Facts, number: int = 0) -> str:
    """The sentence of the finding of that number."""
    return sentence(evaluate(policy, facts).findings[number], facts, policy)


@pytest.mark.parametrize(
    ("lines_added", "because"),
    [
        (812, "812 lines added; 200 or more gives 30 points"),
        (200, "200 lines added; 200 or more gives 30 points"),
        (199, "199 lines added; 10 or more gives 8 points"),
        (9, "9 lines added; fewer than 10 gives no points"),
        (1, "lines added: 1; fewer than 10 gives no points"),
        (None, "diff.lines_added is unknown; counted as the worst case, 30 points"),
    ],
)
def test_steps_say_the_value_and_the_step(lines_added: int | None, because: str) -> None:
    assert (
        said(
            make_policy(),
            {} if lines_added is None else make_facts({"diff.lines_added": lines_added}),
        )
        == because
    )


def test_decimals_and_measures_stand_behind_their_words() -> None:
    rate = make_policy(
        rules="[{id: it, title: It, points_by: history.recent_failure_rate, steps: {0.25: -1}}]"
    )
    hour = make_policy(rules="[{id: it, title: It, points_by: calendar.hour, steps: {12: 0}}]")

    assert said(rate, make_facts({"history.recent_failure_rate": 3_333})) == (
        "failure rate of the last 100 changes here: 0.3333; 0.25 or more takes 1 point off"
    )
    assert (
        said(hour, make_facts({"calendar.hour": 14}))
        == "hour of the day: 14; 12 or more gives no points"
    )


@pytest.mark.parametrize(
    ("condition", "value", "because"),
    [
        ("checks.failed > 0", 2, "checks.failed is 2; checks.failed > 0 gives 5 points"),
        ("checks.failed > 0", 0, "checks.failed is 0; checks.failed > 0 does not hold, no points"),
        (
            "checks.failed > 0",
            None,
            "checks.failed is unknown; counted as the worst case, 5 points",
        ),
        ("not author.known", False, "author.known is false; not author.known gives 5 points"),
        (
            "change.ref == main",
            "feature 1",
            'change.ref is "feature 1"; change.ref == main does not hold, no points',
        ),
        (
            "diff.entropy >= 1.5",
            12_500,
            "diff.entropy is 1.25; diff.entropy >= 1.5 does not hold, no points",
        ),
        (
            'any diff.files matches "*.py"',
            ("a.md", "b.py"),
            'diff.files has b.py; any diff.files matches "*.py" gives 5 points',
        ),
        (
            'any diff.files matches "*.py"',
            ("a.md",),
            'none of the 1 in diff.files; any diff.files matches "*.py" does not hold, no points',
        ),
        (
            'any diff.files matches "*.py"',
            (),
            'diff.files is empty; any diff.files matches "*.py" does not hold, no points',
        ),
        (
            'any diff.files matches "*.py"',
            None,
            "diff.files is unknown; counted as the worst case, 5 points",
        ),
        (
            'all diff.files matches "*.py"',
            ("a.py", "b.py"),
            'all of the 2 in diff.files; all diff.files matches "*.py" gives 5 points',
        ),
        (
            'all diff.files matches "*.py"',
            ("a.md",),
            'diff.files has a.md; all diff.files matches "*.py" does not hold, no points',
        ),
        (
            "service.owners contains a",
            ("b", "c"),
            "service.owners is b, c; service.owners contains a does not hold, no points",
        ),
        (
            "service.owners contains a",
            tuple("abcdefg"),
            "service.owners is a, b, c, d, e and 2 more; service.owners contains a gives 5 points",
        ),
    ],
)
def test_a_condition_says_what_was_seen(condition: str, value: Value | None, because: str) -> None:
    fact = next(word for word in condition.split() if "." in word)

    assert (
        said(when_policy(condition), {} if value is None else make_facts({fact: value})) == because
    )


def test_a_claim_that_does_not_count_is_shown() -> None:
    facts = make_facts({"checks.failed": 0}, Origin.CLAIMED)

    assert said(when_policy("checks.failed > 0"), facts) == (
        "checks.failed is claimed (0), not counted: small trusts author, change, diff; "
        "counted as the worst case, 5 points"
    )
    assert "small trusts no claims;" in said(when_policy("checks.failed > 0", trust="[]"), facts)


def test_of_several_conditions_the_one_that_decided_is_named() -> None:
    policy = make_policy(
        rules="[{id: it, title: It, when: [checks.failed > 0, author.known, {any_of: "
        "[diff.reverts, diff.commits > 3]}], points: 5}]"
    )
    known: dict[str, Value] = {
        "checks.failed": 2,
        "author.known": True,
        "diff.reverts": False,
        "diff.commits": 7,
    }

    assert said(policy, make_facts(known)) == (
        "checks.failed is 2, author.known is true, diff.reverts is false, diff.commits is 7; "
        "checks.failed > 0 and author.known and any of (diff.reverts; diff.commits > 3) "
        "gives 5 points"
    )
    assert (
        said(policy, make_facts({"checks.failed": 2, "author.known": False}))
        == "author.known is false; author.known does not hold, no points"
    )
    assert (
        said(policy, make_facts({"checks.failed": 2}))
        == "author.known is unknown; counted as the worst case, 5 points"
    )
    assert said(policy, make_facts({**known, "diff.commits": 1})) == (
        "diff.reverts is false, diff.commits is 1; any of (diff.reverts; diff.commits > 3) "
        "does not hold, no points"
    )


@pytest.mark.parametrize(
    ("values", "because"),
    [
        (
            {"checks.failed": 0, "checks.passed": 9},
            "checks.failed is 0, checks.passed is 9; as required",
        ),
        (
            {"checks.failed": 2, "change.direction": "forward"},
            "checks.failed is 2; required is checks.failed == 0",
        ),
        (
            {"checks.failed": 0, "change.direction": "forward"},
            "checks.passed is unknown; required is checks.passed > 0",
        ),
        (
            {"checks.failed": 2},
            (
                "checks.failed is 2; required is checks.failed == 0; change.direction is "
                "unknown, so it is not excused"
            ),
        ),
        ({"change.direction": "rollback"}, "change.direction is rollback; not required then"),
        (
            {"checks.failed": 0, "checks.passed": 9, "change.direction": "rollback"},
            "checks.failed is 0, checks.passed is 9; as required",
        ),
    ],
)
def test_a_requirement_says_what_was_seen_and_required(
    values: dict[str, Value], because: str
) -> None:
    policy = make_policy(
        "requirements: [{id: green, title: G, require: [checks.failed == 0, checks.passed "
        "> 0], unless: [change.direction == rollback]}]"
    )

    assert said(policy, make_facts(values), 1) == because


def test_a_standard_change_says_what_it_asks_for() -> None:
    policy = make_policy(
        "standard_changes: [{id: s, title: S, owner: o, authorised_by: [a], when: "
        "[reviews.approvals >= 1], up_to: low, earn: none}]"
    )

    assert (
        said(policy, make_facts({"reviews.approvals": 1}), 1)
        == "reviews.approvals is 1; it matches"
    )
    assert (
        said(policy, make_facts({"reviews.approvals": 0}), 1)
        == "reviews.approvals is 0; it asks for reviews.approvals >= 1"
    )
    assert said(policy, {}, 1) == "reviews.approvals is unknown; it asks for reviews.approvals >= 1"


def test_a_guard_of_the_gate_says_what_it_was_given() -> None:
    def guard(*seen: tuple[str, str]) -> str:
        return sentence(
            Finding(FindingKind.GATE, "frozen", "Frozen", holds=False, seen=seen), {}, None
        )

    assert guard(("window", "x"), ("because", "frozen by x")) == "frozen by x"
    assert guard(("claimed", "1"), ("verified", "2")) == "claimed: 1; verified: 2"
    assert guard() == "Frozen"


def test_without_its_policy_a_finding_still_says_what_was_seen() -> None:
    finding = evaluate(make_policy(), make_facts({"diff.lines_added": 812})).findings[0]

    assert (
        sentence(finding, make_facts({"diff.lines_added": 812}), None)
        == "diff.lines_added is 812; gives 30 points"
    )
    assert (
        sentence(finding, {}, when_policy("author.known"))
        == "diff.lines_added is unknown; gives 30 points"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("main", "main"),
        ("a b", '"a b"'),
        ("", '""'),
        ('say "x"', '"say \\"x\\""'),
        ("größe", '"größe"'),
        ("\x1b[31mred", '"\\u001b[31mred"'),
        ("\u202egnp.exe", '"\\u202egnp.exe"'),
        ("x" * 121, "x" * 120 + "…"),
    ],
)
def test_a_text_in_a_sentence_cannot_act(value: str, text: str) -> None:
    assert shown("change.ref", value) == text


@given(policies(), FACTS)
def test_every_finding_has_a_sentence_of_one_printable_line(policy: Policy, facts: Facts) -> None:
    for finding in evaluate(policy, facts).findings:
        because = sentence(finding, facts, policy)
        assert because.isprintable()
        assert json.dumps(because)
        assert (finding.holds is None) <= ("unknown" in because or "not counted" in because)
