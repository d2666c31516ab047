"""Every rule becomes a finding; what is unknown is the worst case; hiding a fact never pays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.decision.evaluate import evaluate, seen_as
from gate.core.decision.values import Band, Finding, FindingKind
from gate.core.facts import Fact, Facts, Origin, Value
from gate.core.policy.policy import Policy
from tests.core.policy_texts import FACTS, make_facts, make_policy, policies, when_policy

RULE, TITLE = FindingKind.RULE, "Larger changes fail more often"


@pytest.mark.parametrize(
    ("lines_added", "holds", "points", "step"),
    [
        pytest.param(9, False, 0, None, id="below the first step"),
        pytest.param(10, True, 8, 10, id="at the first step"),
        pytest.param(199, True, 8, 10, id="below the last step"),
        pytest.param(200, True, 30, 200, id="at the last step"),
        pytest.param(10**9, True, 30, 200, id="far above"),
        pytest.param(None, None, 30, None, id="unknown is the worst case"),
    ],
)
def test_the_largest_step_not_above_the_value_counts(
    lines_added: int | None,
    holds: bool | None,  # noqa: FBT001 - a row of the table
    points: int,
    step: int | None,
) -> None:
    found = evaluate(
        make_policy(), {} if lines_added is None else make_facts({"diff.lines_added": lines_added})
    )

    assert found.findings == (
        Finding(RULE, "size", TITLE, holds, points, ("diff.lines_added",), step),
    )
    assert (found.score, found.raw) == (points, points)


@pytest.mark.parametrize(
    ("points", "failed", "expected"),
    [
        pytest.param(5, 1, (True, 5), id="holds"),
        pytest.param(5, 0, (False, 0), id="does not hold"),
        pytest.param(5, None, (None, 5), id="unknown counts the highest"),
        pytest.param(-5, 1, (True, -5), id="holds and helps"),
        pytest.param(-5, None, (None, 0), id="unknown never helps"),
    ],
)
def test_a_rule_counts_its_points(
    points: int, failed: int | None, expected: tuple[bool | None, int]
) -> None:
    found = evaluate(
        when_policy("checks.failed > 0", points=points),
        {} if failed is None else make_facts({"checks.failed": failed}),
    )

    assert (found.findings[0].holds, found.findings[0].points) == expected


@pytest.mark.parametrize(("lines", "expected"), [(0, (True, -6)), (1, (False, 0)), (2, (True, 4))])
def test_a_step_without_points_does_not_hold(lines: int, expected: tuple[bool, int]) -> None:
    policy = make_policy(
        rules="[{id: it, title: It, points_by: diff.lines_added, steps: {0: -6, 1: 0, 2: 4}}]"
    )

    (found,) = evaluate(policy, make_facts({"diff.lines_added": lines})).findings

    assert (found.holds, found.points) == expected


def test_unknown_steps_that_only_help_count_nothing() -> None:
    policy = make_policy(
        rules="[{id: it, title: It, points_by: reviews.approvals, steps: {1: -10, 2: -5}}]"
    )

    assert evaluate(policy, {}).raw == 0


@pytest.mark.parametrize(
    ("lines_added", "shown", "band"),
    [
        (0, 0, Band.LOW),
        (29, 29, Band.LOW),
        (30, 30, Band.MODERATE),
        (60, 60, Band.HIGH),
        (89, 89, Band.HIGH),
        (90, 90, Band.CRITICAL),
    ],
)
def test_a_band_begins_at_its_lowest_score(lines_added: int, shown: int, band: Band) -> None:
    steps = ", ".join(f"{points}: {points}" for points in (29, 30, 60, 89, 90))
    policy = make_policy(
        rules=f"[{{id: it, title: It, points_by: diff.lines_added, steps: {{{steps}}}}}]"
    )
    found = evaluate(policy, make_facts({"diff.lines_added": lines_added}))

    assert (found.score, found.band) == (shown, band)


def test_a_score_below_zero_is_shown_as_zero() -> None:
    found = evaluate(when_policy("author.known", points=-7), make_facts({"author.known": True}))

    assert (found.score, found.raw, found.band) == (0, -7, Band.LOW)


@pytest.mark.parametrize(
    ("failed", "direction", "unmet"),
    [
        pytest.param(1, "forward", True, id="does not hold"),
        pytest.param(None, "forward", True, id="unknown does not hold"),
        pytest.param(1, None, True, id="an unknown excuse does not excuse"),
        pytest.param(0, None, False, id="holds"),
        pytest.param(1, "rollback", False, id="excused"),
        pytest.param(None, "rollback", False, id="excused although unknown"),
    ],
)
def test_a_requirement_holds_or_is_excused(
    failed: int | None,
    direction: str | None,
    unmet: bool,  # noqa: FBT001 - a row of the table
) -> None:
    policy = make_policy(
        "requirements: [{id: green, title: Green, require: [checks.failed == 0], unless: "
        "[change.direction == rollback]}]"
    )
    values: dict[str, Value] = {} if failed is None else {"checks.failed": failed}
    found = evaluate(
        policy,
        make_facts(values if direction is None else values | {"change.direction": direction}),
    )

    assert [one.id for one in found.unmet] == (["green"] if unmet else [])
    assert (found.findings[1].kind, found.findings[1].holds is True) == (
        FindingKind.REQUIREMENT,
        not unmet,
    )
    assert found.findings[1].facts == ("checks.failed", "change.direction")


def test_every_standard_change_is_looked_at() -> None:
    one = "title: A, owner: o, authorised_by: [a], up_to: low, earn: none"
    conditions = {"a": "checks.failed == 0", "b": "author.known", "c": "checks.failed < 2"}
    policy = make_policy(
        "standard_changes:",
        *(f"  - {{id: {name}, {one}, when: [{text}]}}" for name, text in conditions.items()),
    )
    found = evaluate(policy, make_facts({"checks.failed": 0}))

    assert [standard.id for standard in found.matched] == ["a", "c"]
    assert [(finding.rule, finding.holds) for finding in found.findings] == [
        ("size", None),
        ("a", True),
        ("b", None),
        ("c", True),
    ]


@pytest.mark.parametrize(
    ("trust", "origin", "holds"),
    [
        pytest.param("[]", Origin.CLAIMED, None, id="nobody trusts it"),
        pytest.param("[diff]", Origin.CLAIMED, None, id="another group is trusted"),
        pytest.param("[checks]", Origin.CLAIMED, True, id="the group is trusted"),
        *(
            pytest.param("[]", origin, True, id=origin.value)
            for origin in Origin
            if origin is not Origin.CLAIMED
        ),
    ],
)
def test_a_claim_counts_only_for_trusted_groups(
    trust: str,
    origin: Origin,
    holds: bool | None,  # noqa: FBT001 - a row of the table
) -> None:
    found = evaluate(
        when_policy("checks.failed == 0", trust=trust), make_facts({"checks.failed": 0}, origin)
    )

    assert found.findings[0].holds is holds


@pytest.mark.parametrize(
    ("trust", "files", "holds"),
    [
        pytest.param("[]", None, None, id="no list of files"),
        pytest.param("[]", Origin.CLAIMED, None, id="nobody trusts the list"),
        pytest.param("[checks]", Origin.CLAIMED, None, id="another group is trusted"),
        pytest.param("[diff]", Origin.CLAIMED, True, id="the list is trusted"),
        pytest.param("[]", Origin.VERIFIED, True, id="the code host has the list"),
    ],
)
@pytest.mark.parametrize("fact", ["history.path_failures", "history.similar_failures"])
def test_what_the_records_say_about_files_counts_where_the_list_of_files_does(
    trust: str,
    files: Origin | None,
    holds: bool | None,  # noqa: FBT001 - a row of the table
    fact: str,
) -> None:
    """A pipeline chooses by the files that it names which record is read."""
    policy = when_policy(f"{fact} == 0", trust=trust)
    named = make_facts({"diff.files": ("docs/a.md",)}, files) if files else {}
    facts = {**make_facts({fact: 0}, Origin.HISTORY), **named}

    assert evaluate(policy, facts).findings[0].holds is holds
    assert (seen_as(policy, facts, fact) == 0) is (holds is True)


def test_a_claim_of_a_group_that_nobody_may_claim_never_counts() -> None:
    """It cannot come from a request; should it come from a mistake of ours, it is not believed
    either.
    """
    found = evaluate(
        when_policy("history.failures > 0"), make_facts({"history.failures": 1}, Origin.CLAIMED)
    )

    assert found.findings[0].holds is None


@given(policies(), FACTS, st.data())
def test_hiding_a_fact_never_pays(policy: Policy, facts: Facts, data: st.DataObject) -> None:
    hidden = data.draw(st.sets(st.sampled_from(sorted(facts)))) if facts else set()
    all_known = evaluate(policy, facts)
    less_known = evaluate(
        policy, {name: fact for name, fact in facts.items() if name not in hidden}
    )

    assert less_known.raw >= all_known.raw
    assert less_known.band >= all_known.band
    assert {one.id for one in less_known.unmet} >= {one.id for one in all_known.unmet}
    assert {one.id for one in less_known.matched} <= {one.id for one in all_known.matched}


@given(policies(), FACTS)
def test_a_claim_never_pays_more_than_proof(policy: Policy, facts: Facts) -> None:
    claimed = evaluate(
        policy, {name: Fact(fact.value, Origin.CLAIMED) for name, fact in facts.items()}
    )
    verified = evaluate(
        policy, {name: Fact(fact.value, Origin.VERIFIED) for name, fact in facts.items()}
    )

    assert claimed.raw >= verified.raw
    assert {one.id for one in claimed.matched} <= {one.id for one in verified.matched}


@given(policies(), FACTS)
def test_findings_are_complete_and_add_up(policy: Policy, facts: Facts) -> None:
    found = evaluate(policy, facts)
    names = [rule.id for rule in policy.rules]
    names += [requirement.id for requirement in policy.requirements]
    names += [standard.id for standard in policy.standard_changes]

    assert [finding.rule for finding in found.findings] == names
    assert found.raw == sum(finding.points for finding in found.findings)
    assert found.band is max(band for band in Band if found.score >= policy.bands.get(band, 0))
    assert found == evaluate(policy, facts)
