"""The order of a decision: what stops the automatic path, and the one line that approves."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.decision.decide import Case, People, decide
from gate.core.decision.guards import InTheWay
from gate.core.decision.standard import StandardStatus
from gate.core.decision.values import (
    Band,
    ChangeType,
    Contradiction,
    Decision,
    Hold,
    Outcome,
    Required,
    Route,
    WouldBe,
)
from gate.core.facts import Fact, Origin, Value
from gate.core.policy.set import read_policies

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PRODUCTION = """
policy: production
applies_to: [environment.tier == production]
trust_claims: [diff]
bands: {moderate: 30, high: 60, critical: 90}
rules:
  - {id: size, title: Larger changes fail more often, points_by: diff.lines_added, steps: {10: 8, 200: 30, 500: 60, 900: 90}}
requirements:
  - {id: signed, title: Artifacts are signed, require: [artifact.signed], otherwise: reject, unless: [change.direction == rollback]}
  - {id: green, title: Checks are green, require: [checks.failed == 0], otherwise: review}
standard_changes:
  - {id: rollback, title: Rollback, owner: platform, authorised_by: [release-managers], when: [change.direction == rollback],
     up_to: critical, earn: none, during_freeze: true}
  - {id: routine, title: Routine release, owner: platform, authorised_by: [release-managers], when: [reviews.approvals >= 1],
     up_to: low, earn: {successes: 5, settle: 24h}, review_by: 2026-06-01}
review:
  - {from_band: low, approvals: 1, by: [release-managers, owners]}
  - {from_band: high, approvals: 2, by: [release-managers, owners]}
  - {from_band: critical, approvals: 2, by: [change-authority]}
  - {from_band: critical, approvals: 1, by: [owners]}
emergency: {by: [on-call], approvals: 1, valid_for: 1h, review_within: 72h}
"""
POLICIES = read_policies({"production.yaml": PRODUCTION})
GOOD: dict[str, Value] = {
    "environment.tier": "production",
    "service.owners": ("team-payments",),
    "change.direction": "forward",
    "diff.lines_added": 12,
    "artifact.signed": True,
    "checks.failed": 0,
    "reviews.approvals": 1,
}
EARNED = {
    "production/routine": StandardStatus(earned=True),
    "production/rollback": StandardStatus(earned=True),
}
ASKED = Case(
    facts={name: Fact(value, Origin.VERIFIED) for name, value in GOOD.items()},
    at=NOW,
    people=People(named=True, verified=True),
    standard_statuses=EARNED,
)
FREEZE = Hold("year-end", "closing", NOW + timedelta(days=3), ("change-authority",))
STOP = Hold("stop", "fire", None, (), stop=True)
OWNERS_AND_MANAGERS = ("release-managers", "team-payments")


def with_facts(case: Case = ASKED, **facts: Value | None) -> Case:
    """The case with some facts changed; None makes one unknown. Dots are written as `__`."""
    changed = dict(case.facts)
    for name, value in facts.items():
        full = name.replace("__", ".")
        changed.pop(full, None)
        if value is not None:
            changed[full] = Fact(value, Origin.VERIFIED)
    return case._replace(facts=changed)


def because(decision: Decision) -> str:
    """The sentence of what decided, or which requirement did."""
    first = decision.findings[0]
    return dict(first.seen).get("because", first.rule)


ROLLBACK = with_facts(change__direction="rollback")


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        pytest.param(
            with_facts(environment__tier="staging"),
            "no enforced policy applies; write one whose applies_to holds here, or none at all",
            id="nothing matches",
        ),
        pytest.param(
            with_facts(environment__tier=None),
            "environment.tier is unknown, so it is open whether the policy production applies; "
            "list service and environment in the catalogue",
            id="whether it applies is unknown",
        ),
    ],
)
def test_without_a_policy_two_release_managers_decide(case: Case, reason: str) -> None:
    decision = decide(POLICIES, case)

    assert (decision.outcome, decision.required, because(decision)) == (
        Outcome.PENDING,
        (Required(("release-managers",), 2),),
        reason,
    )


def test_an_error_while_evaluating_never_approves() -> None:
    bent = with_facts(diff__lines_added=("not", "a number"))
    failed: list[Exception] = []

    decision = decide(POLICIES, bent, failed.append)

    assert (decision.outcome, decision.band, decision.required) == (
        Outcome.PENDING,
        Band.CRITICAL,
        (Required(("release-managers",), 2),),
    )
    assert (
        because(decision)
        == "the policies could not be evaluated (TypeError); two release managers decide"
    )
    assert [type(error) for error in failed] == [TypeError], (
        "whoever operates the gate needs the cause"
    )
    assert decision == decide(POLICIES, bent)


@pytest.mark.parametrize("emergency", [False, True])
@pytest.mark.parametrize("signed", [False, None])
def test_a_rejecting_requirement_rejects_emergencies_too(
    signed: bool | None,  # noqa: FBT001 - columns of the table
    emergency: bool,  # noqa: FBT001 - columns of the table
) -> None:
    decision = decide(POLICIES, with_facts(artifact__signed=signed)._replace(emergency=emergency))

    assert (decision.outcome, decision.route, because(decision)) == (
        Outcome.REJECTED,
        Route.AUTOMATIC,
        "signed",
    )
    assert decision.required == ()
    assert [finding.rule for finding in decision.findings].count("signed") == 1


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        pytest.param(
            ASKED._replace(holds=(FREEZE,)),
            "frozen by year-end, until 2026-03-05T12:00+00:00",
            id="frozen",
        ),
        pytest.param(
            ASKED._replace(holds=(STOP,)),
            "the line is stopped, until somebody lifts it",
            id="stopped",
        ),
        pytest.param(
            ROLLBACK._replace(holds=(STOP, FREEZE)),
            "the line is stopped, until somebody lifts it",
            id="a stop holds a rollback",
        ),
        pytest.param(
            ASKED._replace(holds=(STOP,), emergency=True),
            "the line is stopped, until somebody lifts it",
            id="a stop holds an emergency",
        ),
        pytest.param(
            ASKED._replace(emergency=True),
            "an emergency is approved by the people on call, and reviewed afterwards",
            id="emergency",
        ),
        pytest.param(
            ASKED._replace(holds=(FREEZE,), emergency=True),
            "an emergency is approved by the people on call, and reviewed afterwards",
            id="a freeze does not hold an emergency",
        ),
        pytest.param(with_facts(checks__failed=1), "green", id="a check failed"),
        pytest.param(with_facts(checks__failed=None), "green", id="checks unknown"),
        pytest.param(
            ASKED._replace(
                in_flight=1, deploying=1, in_the_way=(InTheWay("chg_b", deploying=True),)
            ),
            "chg_b is deploying here; wait until it is closed, or let people decide",
            id="another one is deploying",
        ),
        pytest.param(
            ASKED._replace(in_flight=1, in_the_way=(InTheWay("chg_a", deploying=False),)),
            "chg_a was approved by people and is not deployed yet; deploy or cancel it, or "
            "let people decide",
            id="people approved another one",
        ),
        pytest.param(
            ASKED._replace(
                in_flight=3,
                deploying=1,
                in_the_way=(InTheWay("chg_a", deploying=False), InTheWay("chg_b", deploying=True)),
            ),
            "chg_b is deploying here (and 2 more in flight); wait until it is closed, or "
            "let people decide",
            id="the one that deploys is named before the others",
        ),
        pytest.param(
            ROLLBACK._replace(
                in_flight=2,
                deploying=1,
                in_the_way=(InTheWay("chg_a", deploying=True), InTheWay("chg_b", deploying=False)),
            ),
            "chg_b was approved by people and is not deployed yet; deploy or cancel it, or "
            "let people decide",
            id="an approved change stops a rollback, a deploying one does not",
        ),
        pytest.param(
            ASKED._replace(in_flight=2),
            "2 other changes are in flight here; wait until nothing is in flight, or let people decide",
            id="in flight, and nobody knows which",
        ),
        pytest.param(
            ASKED._replace(contradictions=(Contradiction("diff.lines_added", 12, 900),)),
            "diff.lines_added was claimed as 12, the code host says 900",
            id="a claim is contradicted",
        ),
        pytest.param(
            ASKED._replace(rejection="chg_1"),
            "a person rejected this commit here as chg_1; only people let it pass",
            id="a5 a person rejected the commit here",
        ),
        pytest.param(
            ASKED._replace(overdue_reviews=2),
            "overdue reviews of the owners' emergencies: 2; hold them first",
            id="debt",
        ),
        pytest.param(
            ASKED._replace(people=People()),
            "neither author, requester nor actor is known; name them, or let two people decide",
            id="A05 nobody",
        ),
        pytest.param(
            with_facts(diff__lines_added=200),
            "risk 30 is moderate, Routine release goes up to low",
            id="the band is over the limit",
        ),
        pytest.param(
            with_facts(diff__lines_added=None),
            "risk 90 is critical, Routine release goes up to low",
            id="unknown is the worst case",
        ),
        pytest.param(
            with_facts(reviews__approvals=0),
            "risk 8 is low, and no standard change matches",
            id="no standard change matches",
        ),
        pytest.param(
            ASKED._replace(
                standard_statuses={
                    "production/routine": StandardStatus(
                        earned=False, because="2 of 5 successes in a row"
                    )
                }
            ),
            "Routine release is not earned here yet: 2 of 5 successes in a row",
            id="not earned",
        ),
        pytest.param(
            ASKED._replace(standard_statuses={}),
            "Routine release is not earned here yet: nothing is recorded",
            id="nothing is known of earning",
        ),
        pytest.param(
            ASKED._replace(
                standard_statuses={
                    "production/routine": StandardStatus(
                        earned=True, suspended=True, because="2 of the last 20 failed"
                    )
                }
            ),
            "Routine release is suspended here: 2 of the last 20 failed",
            id="suspended",
        ),
        pytest.param(
            ASKED._replace(at=datetime(2026, 6, 2, tzinfo=UTC)),
            "Routine release was to be reviewed by 2026-06-01, and is suspended until it is",
            id="its review is overdue",
        ),
    ],
)
def test_everything_else_waits_for_people(case: Case, reason: str) -> None:
    decision = decide(POLICIES, case)

    assert (decision.outcome, because(decision)) == (Outcome.PENDING, reason)
    assert decision.required


@pytest.mark.parametrize(
    ("case", "standard_change", "reason"),
    [
        pytest.param(
            ASKED, "routine", "Routine release, risk 8 is low", id="a reviewed small change"
        ),
        pytest.param(
            ASKED._replace(at=datetime(2026, 6, 1, 23, tzinfo=UTC)),
            "routine",
            "Routine release, risk 8 is low",
            id="on the last day",
        ),
        pytest.param(ROLLBACK, "rollback", "Rollback, risk 8 is low", id="a rollback"),
        pytest.param(
            with_facts(ROLLBACK, artifact__signed=None, diff__lines_added=None),
            "rollback",
            "Rollback, risk 90 is critical",
            id="a rollback is excused, and goes up to critical",
        ),
        pytest.param(
            ROLLBACK._replace(holds=(FREEZE,)),
            "rollback",
            "Rollback, risk 8 is low",
            id="a rollback in a freeze",
        ),
        pytest.param(
            ROLLBACK._replace(in_flight=1, deploying=1, overdue_reviews=1, rejection="chg_1"),
            "rollback",
            "Rollback, risk 8 is low",
            id="neither a deployment nor debt stops a rollback",
        ),
    ],
)
def test_a_standard_change_passes(case: Case, standard_change: str, reason: str) -> None:
    decision = decide(POLICIES, case)

    assert (decision.outcome, decision.type, decision.route) == (
        Outcome.APPROVED,
        ChangeType.STANDARD,
        Route.AUTOMATIC,
    )
    assert (decision.standard_change, because(decision)) == (standard_change, reason)
    assert decision.hold is None


@pytest.mark.parametrize(
    ("case", "required"),
    [
        pytest.param(
            with_facts(diff__lines_added=200), (Required(OWNERS_AND_MANAGERS, 1),), id="moderate"
        ),
        pytest.param(
            with_facts(diff__lines_added=500), (Required(OWNERS_AND_MANAGERS, 2),), id="high"
        ),
        pytest.param(
            with_facts(diff__lines_added=900),
            (Required(("change-authority",), 2), Required(("team-payments",), 1)),
            id="critical",
        ),
        pytest.param(
            with_facts(diff__lines_added=200, service__owners=None),
            (Required(("release-managers",), 1),),
            id="nobody owns the service",
        ),
        pytest.param(
            ASKED._replace(emergency=True),
            (Required(("on-call",), 1),),
            id="an emergency whose actor is proved",
        ),
        pytest.param(
            with_facts(diff__lines_added=200)._replace(people=People(named=True)),
            (Required(OWNERS_AND_MANAGERS, 2),),
            id="A05 nobody verified who wrote it",
        ),
        pytest.param(
            ASKED._replace(emergency=True, people=People()),
            (Required(("on-call",), 2),),
            id="A05 an emergency of nobody",
        ),
        pytest.param(
            with_facts(diff__lines_added=200)._replace(
                people=People(named=True, verified=True, shared=True)
            ),
            (Required(OWNERS_AND_MANAGERS, 2),),
            id="A02 an identity of several people",
        ),
    ],
)
def test_approvals_by_band(case: Case, required: tuple[Required, ...]) -> None:
    assert decide(POLICIES, case).required == required


def test_shadow_policies_are_recorded_and_decide_nothing() -> None:
    shadow = PRODUCTION.replace("policy: production", "policy: stricter\nmode: evaluate").replace(
        "10: 8", "10: 40"
    )
    policies = read_policies({"production.yaml": PRODUCTION, "stricter.yaml": shadow})

    decision = decide(policies, ASKED)

    assert decision.outcome is Outcome.APPROVED
    assert [(one.policy, one.outcome, one.band) for one in decision.shadows] == [
        ("stricter", Outcome.PENDING, Band.MODERATE)
    ]


def rank(decision: Decision) -> tuple[int, int]:
    """Outcomes from best to worst: approved, pending with fewer approvals, pending with more,
    rejected.
    """
    order = (Outcome.APPROVED, Outcome.PENDING, Outcome.REJECTED)
    return order.index(decision.outcome), sum(entry.count for entry in decision.required)


VALUES = {
    "environment.tier": st.sampled_from(["production", "staging"]),
    "change.direction": st.sampled_from(["forward", "rollback", "redeploy"]),
    "diff.lines_added": st.sampled_from([0, 9, 10, 199, 200, 500, 900]),
    "artifact.signed": st.booleans(),
    "checks.failed": st.integers(0, 2),
    "reviews.approvals": st.integers(0, 2),
}
FACTS = st.fixed_dictionaries({}, optional=VALUES)


@given(
    facts=FACTS,
    hidden=st.sampled_from(sorted(VALUES)),
    emergency=st.booleans(),
    held=st.booleans(),
    deploying=st.integers(0, 1),
)
def test_withholding_a_fact_never_improves_an_outcome(
    facts: dict[str, Value],
    hidden: str,
    emergency: bool,  # noqa: FBT001 - drawn
    held: bool,  # noqa: FBT001 - drawn
    deploying: int,
) -> None:
    case = ASKED._replace(
        facts={name: Fact(value, Origin.VERIFIED) for name, value in facts.items()},
        emergency=emergency,
        holds=(FREEZE,) if held else (),
        in_flight=deploying,
        deploying=deploying,
    )
    fewer = case._replace(facts={name: fact for name, fact in case.facts.items() if name != hidden})

    assert rank(decide(POLICIES, fewer)) >= rank(decide(POLICIES, case))


@given(
    st.builds(
        Case._replace,
        st.sampled_from(
            [
                ASKED,
                ROLLBACK,
                with_facts(artifact__signed=False),
                with_facts(environment__tier=None),
                with_facts(diff__lines_added=600),
            ]
        ),
        emergency=st.booleans(),
        holds=st.sampled_from([(), (FREEZE,), (STOP,)]),
        in_flight=st.integers(0, 2),
        overdue_reviews=st.integers(0, 1),
        people=st.builds(People, st.just(()), st.booleans(), st.booleans(), st.booleans()),
        standard_statuses=st.sampled_from([{}, EARNED]),
    )
)
def test_h2_an_observing_gate_decides_alike_and_holds_nobody_up(case: Case) -> None:
    enforced, observed = decide(POLICIES, case), decide(POLICIES, case._replace(observing=True))

    would_be = WouldBe(
        enforced.outcome, enforced.type, enforced.route, enforced.required, enforced.hold
    )
    assert enforced.observed is None
    assert observed == enforced._replace(
        outcome=Outcome.APPROVED, route=Route.OBSERVED, required=(), hold=None, observed=would_be
    )
