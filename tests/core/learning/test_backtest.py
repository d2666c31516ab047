"""Other policies over changes whose end is known."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gate.core.decision.decide import Case, People, decide
from gate.core.decision.standard import StandardStatus
from gate.core.decision.values import Hold, Outcome
from gate.core.facts import Fact, Origin, Value, facts_of
from gate.core.learning.backtest import (
    BackTest,
    Count,
    Past,
    PastRow,
    back_test,
    back_test_rows,
)
from gate.core.policy.set import Policies, read_policies

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
POLICY = """
policy: production
applies_to: [environment.tier == production]
trust_claims: [diff]
bands: {{moderate: {moderate}, high: 60, critical: 90}}
rules:
  - {{id: size, title: Larger changes fail more often, points_by: diff.lines_added, steps: {{10: 10, 100: 40}}}}
  - {{id: repair, title: Repairs fail more often, when: [change.fixes_defect], points: 5}}
standard_changes:
  - {{id: {standard}, title: Routine, owner: platform, authorised_by: [release-managers],
     when: [reviews.approvals >= 1], up_to: low, earn: {{successes: 5, settle: 24h}}}}
"""


def policies(moderate: int = 30, standard: str = "routine") -> Policies:
    return read_policies({"production.yaml": POLICY.format(moderate=moderate, standard=standard)})


IN_FORCE, STRICTER = policies(), policies(moderate=10)
EARNED = {"production/routine": StandardStatus(earned=True)}
SUSPENDED = {"production/routine": StandardStatus(earned=True, suspended=True, because="2 failed")}


def past(lines: int | None, *, failed: bool = False, tier: str = "production", **case: Any) -> Past:
    known: dict[str, Value | None] = {
        "environment.tier": tier,
        "diff.lines_added": lines,
        "reviews.approvals": 1,
        "change.fixes_defect": False,
    }
    facts = {name: Fact(one, Origin.VERIFIED) for name, one in known.items() if one is not None}
    people = People(named=True, verified=True)
    whole: dict[str, Any] = {
        "facts": facts,
        "at": NOW,
        "people": people,
        "standard_statuses": EARNED,
        **case,
    }
    return Past(Case(**whole), failed)


def tried(candidate: Policies, history: Iterable[Past], in_force: Policies = IN_FORCE) -> BackTest:
    return back_test(in_force, candidate, history)


SMALL, MIDDLE, LARGE = past(1), past(20), past(500)
HISTORY = [SMALL, MIDDLE, MIDDLE._replace(failed=True), LARGE._replace(failed=True)]


def test_what_a_stricter_candidate_escalates_is_counted_with_its_failures() -> None:
    found = tried(STRICTER, HISTORY)

    assert found.all == Count(4, 2)
    assert found.newly_escalated == Count(2, 1)
    assert found.newly_approved == Count(0, 0)


def test_what_a_looser_candidate_lets_pass_is_counted_with_its_failures() -> None:
    found = tried(policies(moderate=50), HISTORY)

    assert found.newly_approved == Count(1, 1)
    assert found.newly_escalated == Count(0, 0)


def test_a_standard_change_that_was_suspended_passes_by_neither() -> None:
    suspended = past(1, standard_statuses=SUSPENDED)

    assert tried(policies(moderate=50), [suspended]).newly_approved == Count(0, 0)


def test_a_standard_change_that_only_the_candidate_has_counts_as_earned() -> None:
    not_earned = past(1, standard_statuses={"production/routine": StandardStatus(earned=False)})

    found = tried(policies(standard="other"), [not_earned])

    assert found.newly_approved == Count(1, 0)


def test_what_was_only_observed_is_judged_as_if_it_had_been_enforced() -> None:
    found = tried(STRICTER, [past(20, observing=True)])

    assert found.newly_escalated == Count(1, 0)


def test_a_freeze_of_that_time_holds_under_both() -> None:
    frozen = past(20, holds=(Hold("year-end", "closing", None, ()),))

    assert tried(STRICTER, [frozen]).newly_escalated == Count(0, 0)


def test_a_change_that_no_policy_decides_is_the_riskiest_and_never_passes() -> None:
    unknown = past(1, tier="staging", failed=True)

    found = tried(policies(moderate=50), [unknown, *[SMALL] * 9])

    assert found.newly_approved == Count(0, 0)
    assert found.candidate.recall(0.1) == 1


def test_a_rule_is_judged_by_what_failed_where_it_gave_points() -> None:
    size, repair = tried(IN_FORCE, HISTORY).rules

    assert (size.policy, size.rule, size.count) == ("production", "size", Count(3, 2))
    assert size.lift == (2 / 3) / (2 / 4)
    assert (repair.count, repair.lift) == (Count(0, 0), None)


def test_without_a_change_nothing_is_said() -> None:
    found = tried(STRICTER, [])

    assert (found.all, found.candidate.recall(0.5)) == (Count(0, 0), None)


PASTS = st.builds(
    past,
    st.none() | st.integers(0, 600),
    failed=st.booleans(),
    tier=st.sampled_from(["production", "staging"]),
    standard_statuses=st.sampled_from([EARNED, SUSPENDED]),
    observing=st.booleans(),
)


@given(st.lists(PASTS, max_size=30), st.sampled_from([10, 20, 30, 45, 59]))
def test_both_together_say_of_every_change_what_a_decision_would(
    history: list[Past], moderate: int
) -> None:
    candidate = policies(moderate)

    found = tried(candidate, history)

    moved = {True: [0, 0], False: [0, 0]}
    for one in history:
        case = one.case._replace(observing=False)
        now = decide(candidate, case).outcome is Outcome.APPROVED
        if now != (decide(IN_FORCE, case).outcome is Outcome.APPROVED):
            moved[now][0] += 1
            moved[now][1] += one.failed
    assert found.newly_approved == Count(*moved[True])
    assert found.newly_escalated == Count(*moved[False])
    assert found.all == Count(len(history), sum(one.failed for one in history))


ROWS = st.fixed_dictionaries(
    {"environment.tier": st.sampled_from(["production", "staging"])},
    optional={
        "diff.lines_added": st.integers(0, 600),
        "change.fixes_defect": st.booleans(),
        "reviews.approvals": st.integers(0, 2),
        "checks.failed": st.integers(0, 1),
    },
)
REQUIRING = (
    POLICY
    + """
requirements:
  - {{id: green, title: All checks passed, require: [checks.failed == 0], otherwise: review}}
"""
)
STRICT = read_policies(
    {
        "production.yaml": REQUIRING.format(moderate=20, standard="routine").replace(
            "low", "moderate"
        )
    }
)


@given(st.lists(st.tuples(ROWS, st.booleans()), max_size=30), st.sampled_from([STRICTER, STRICT]))
def test_rows_of_a_table_are_decided_as_changes_are(
    rows: list[tuple[dict[str, Value], bool]], candidate: Policies
) -> None:
    """The short way through the closures finds what decisions find."""
    cases = [
        Past(
            Case(
                facts=facts_of(values, Origin.VERIFIED),
                at=NOW,
                people=People(named=True, verified=True),
                standard_statuses=EARNED,
            ),
            failed,
        )
        for values, failed in rows
    ]
    table = [PastRow(values, failed) for values, failed in rows]

    assert back_test_rows(IN_FORCE, candidate, table) == back_test(IN_FORCE, candidate, cases)
