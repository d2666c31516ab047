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
        (1, "1 line added; fewer than 10 gives no points"),
        (None, "unknown: lines added; counted as the worst case, 30 points"),
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
        ("checks.failed > 0", 2, "2 checks failed; any checks failed gives 5 points"),
        ("checks.failed > 0", 0, "no checks failed; points only if any checks failed"),
        (
            "checks.failed > 0",
            None,
            "unknown: checks failed; counted as the worst case, 5 points",
        ),
        ("not author.known", False, "an author is new here, which gives 5 points"),
        (
            "change.ref == main",
            "feature 1",
            'the ref is "feature 1"; points only if the ref is main',
        ),
        (
            "diff.entropy >= 1.5",
            12_500,
            "the entropy of the change is 1.25; points only if the entropy of the change is 1.5 or more",
        ),
        (
            'any diff.files matches "*.py"',
            ("a.md", "b.py"),
            "changed files: b.py; any of the changed files matches *.py gives 5 points",
        ),
        (
            'any diff.files matches "*.py"',
            ("a.md",),
            "none of the changed files (1); points only if any of the changed files matches *.py",
        ),
        (
            'any diff.files matches "*.py"',
            (),
            "no changed files; points only if any of the changed files matches *.py",
        ),
        (
            'any diff.files matches "*.py"',
            None,
            "unknown: changed files; counted as the worst case, 5 points",
        ),
        (
            'all diff.files matches "*.py"',
            ("a.py", "b.py"),
            "all of the changed files (2); all of the changed files match *.py gives 5 points",
        ),
        (
            'all diff.files matches "*.py"',
            ("a.md",),
            "changed files: a.md; points only if all of the changed files match *.py",
        ),
        (
            "service.owners contains a",
            ("b", "c"),
            "owners of the service: b, c; points only if the owners of the service has a",
        ),
        (
            "service.owners contains a",
            tuple("abcdefg"),
            "owners of the service: a, b, c, d, e and 2 more; the owners of the service has a gives 5 points",
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
        "claimed, not counted: checks failed (0); small trusts author, change, diff; "
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
        "2 checks failed, every author is known here, it reverts no commit, 7 commits; "
        "any checks failed and every author is known here and (it reverts a commit or more than 3 "
        "commits) gives 5 points"
    )
    assert (
        said(policy, make_facts({"checks.failed": 2, "author.known": False}))
        == "an author is new here; points only if every author is known here"
    )
    assert (
        said(policy, make_facts({"checks.failed": 2}))
        == "unknown: whether every author is known here; counted as the worst case, 5 points"
    )
    assert said(policy, make_facts({**known, "diff.commits": 1})) == (
        "it reverts no commit, 1 commit; points only if (it reverts a commit or more than 3 "
        "commits)"
    )


@pytest.mark.parametrize(
    ("values", "because"),
    [
        (
            {"checks.failed": 0, "checks.passed": 9},
            "no checks failed, 9 checks passed; as required",
        ),
        (
            {"checks.failed": 2, "change.direction": "forward"},
            "2 checks failed; required: no checks failed",
        ),
        (
            {"checks.failed": 0, "change.direction": "forward"},
            "unknown: checks passed; required: any checks passed",
        ),
        (
            {"checks.failed": 2},
            (
                "2 checks failed; required: no checks failed; unknown: direction, so it is not "
                "excused"
            ),
        ),
        ({"change.direction": "rollback"}, "the direction is rollback; not required then"),
        (
            {"checks.failed": 0, "checks.passed": 9, "change.direction": "rollback"},
            "no checks failed, 9 checks passed; as required",
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

    assert said(policy, make_facts({"reviews.approvals": 1}), 1) == "1 approving review; it matches"
    assert (
        said(policy, make_facts({"reviews.approvals": 0}), 1)
        == "no approving reviews; needed: any approving reviews"
    )
    assert said(policy, {}, 1) == "unknown: approving reviews; needed: any approving reviews"


@pytest.mark.parametrize(
    ("facts", "because"),
    [
        pytest.param(
            {"service.has_runbook": False},
            "the service has no runbook; required: the service has a runbook; "
            "add links.runbook to the service in catalog.yaml",
            id="it is missing",
        ),
        pytest.param(
            {},
            "unknown: whether the service has a runbook; required: the service has a runbook; "
            "add links.runbook to the service in catalog.yaml",
            id="unknown is the worst case",
        ),
        pytest.param(
            {"service.has_runbook": True},
            "the service has a runbook; as required",
            id="it is there",
        ),
    ],
)
def test_a_missing_link_says_where_to_add_it(facts: dict[str, Value], because: str) -> None:
    policy = make_policy(
        "requirements: [{id: runbook, title: R, require: [service.has_runbook], otherwise: reject}]"
    )

    assert said(policy, make_facts(facts), 1) == because


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
        == "812 lines added; gives 30 points"
    )
    assert (
        sentence(finding, {}, when_policy("author.known"))
        == "unknown: lines added; gives 30 points"
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


@pytest.mark.slow
@given(policies(), FACTS)
def test_every_finding_has_a_sentence_of_one_printable_line(policy: Policy, facts: Facts) -> None:
    for finding in evaluate(policy, facts).findings:
        because = sentence(finding, facts, policy)
        assert because.isprintable()
        assert json.dumps(because)
        assert (finding.holds is None) <= ("unknown" in because or "not counted" in because)
