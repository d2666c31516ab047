"""When a decision that was made again is another one, and which approvals outlive it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.core.change import Planned, Subject
from gate.core.decision.asked import RequestDetails
from gate.core.decision.decide import Case, People
from gate.core.decision.record import Record, Revisions
from gate.core.decision.redecision import keeps_approvals, same
from gate.core.decision.values import (
    Band,
    ChangeType,
    Decision,
    Finding,
    FindingKind,
    Hold,
    Outcome,
    Required,
    Route,
    Terms,
)

SIZE = Finding(
    FindingKind.RULE, "size", "Size", holds=True, points=8, facts=("diff.lines_added",), step=10
)
GREEN = Finding(FindingKind.REQUIREMENT, "green", "Green", holds=True)
REVIEW = Finding(FindingKind.GATE, "review", "Review", holds=False)
ONE = (Required(("release-managers",), 1),)
BEFORE = Decision(
    Outcome.PENDING,
    ChangeType.NORMAL,
    Route.REVIEW,
    8,
    Band.MODERATE,
    "production",
    (REVIEW, SIZE, GREEN),
    required=ONE,
)
AT = datetime(2026, 12, 20, tzinfo=UTC)
HOLD = Hold("w", "Closing", AT, ())
SUNDAY = Planned(AT, AT + timedelta(hours=2))
BY_ADA = People(("ada",), named=True)


def now(**different: Any) -> Decision:
    """The same decision with something different."""
    return BEFORE._replace(**different)


def recorded(
    decision: Decision = BEFORE, planned: Planned = SUNDAY, people: People = BY_ADA
) -> Record:
    """The record of that decision, for these times and about these people."""
    subject = Subject(None, "a" * 40, (), "web", "production", emergency=False)
    case = Case({}, AT, people=people)
    return Record(
        "chg",
        1,
        AT,
        subject,
        RequestDetails(planned=planned),
        Revisions("", "", ""),
        case,
        decision,
        "",
    )


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"outcome": Outcome.APPROVED}, id="outcome"),
        pytest.param({"type": ChangeType.EMERGENCY}, id="type"),
        pytest.param({"band": Band.HIGH}, id="band"),
        pytest.param({"required": (Required(("release-managers",), 2),)}, id="approvals"),
        pytest.param(
            {"findings": (REVIEW, replace(SIZE, holds=False), GREEN)}, id="a rule no longer fires"
        ),
        pytest.param(
            {"findings": (REVIEW, SIZE, replace(GREEN, holds=None))},
            id="a requirement is unknown now",
        ),
        pytest.param({"findings": (REVIEW, SIZE)}, id="a finding is gone"),
        pytest.param(
            {"findings": (replace(REVIEW, rule="frozen"), SIZE, GREEN)}, id="something else decided"
        ),
        pytest.param({"hold": HOLD}, id="something holds it"),
    ],
)
def test_what_a_person_would_see_is_another_decision(different: dict[str, Any]) -> None:
    assert not same(recorded(), recorded(now(**different)))


@pytest.mark.parametrize(
    "people",
    [
        pytest.param(People(("ada", "ben"), named=True), id="one more is excluded"),
        pytest.param(People(("ada",), named=False), id="nobody is named"),
        pytest.param(People(("ada",), named=True, verified=True), id="the host confirms them"),
        pytest.param(People(("ada",), named=True, shared=True), id="an identity is shared"),
    ],
)
def test_other_people_are_another_decision(people: People) -> None:
    assert not same(recorded(), recorded(people=people))


@pytest.mark.parametrize(
    "planned", [Planned(), Planned(AT, None), Planned(AT, AT + timedelta(hours=3))]
)
def test_b9_other_planned_times_are_another_decision_and_keep_no_approval(planned: Planned) -> None:
    assert not same(recorded(), recorded(planned=planned))
    assert keeps_approvals(recorded(), BEFORE, SUNDAY)
    assert not keeps_approvals(recorded(), BEFORE, planned)


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"score": 9}, id="the score within its band"),
        pytest.param(
            {"findings": (REVIEW, replace(SIZE, points=9, step=20), GREEN)},
            id="another step of a rule that holds",
        ),
        pytest.param({"hold": replace(HOLD, until=None)}, id="the end of a hold"),
        pytest.param({"terms": Terms(valid_for_seconds=1)}, id="terms"),
        pytest.param({"shadows": (BEFORE,)}, id="what shadows say"),
    ],
)
def test_what_nobody_would_act_on_is_the_same_decision(different: dict[str, Any]) -> None:
    assert same(recorded(now(hold=HOLD)), recorded(now(hold=HOLD)._replace(**different)))


UNMET = replace(GREEN, holds=False)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        pytest.param(BEFORE, BEFORE, True, id="the same"),
        pytest.param(BEFORE, now(band=Band.LOW), True, id="less risk"),
        pytest.param(BEFORE, now(band=Band.HIGH), False, id="more risk"),
        pytest.param(
            BEFORE, now(findings=(REVIEW, SIZE, UNMET)), False, id="a requirement is no longer met"
        ),
        pytest.param(
            BEFORE,
            now(findings=(REVIEW, SIZE, replace(GREEN, holds=None))),
            False,
            id="a requirement is unknown now",
        ),
        pytest.param(
            now(findings=(REVIEW, SIZE, UNMET)), BEFORE, True, id="a requirement is met now"
        ),
        pytest.param(
            now(findings=(UNMET,)),
            now(findings=(replace(UNMET, rule="other"),)),
            False,
            id="another one is unmet",
        ),
        pytest.param(BEFORE, now(type=ChangeType.EMERGENCY), False, id="an emergency now"),
        pytest.param(BEFORE, now(outcome=Outcome.REJECTED), False, id="rejected"),
        pytest.param(
            BEFORE,
            now(findings=(REVIEW, replace(SIZE, holds=None), GREEN)),
            True,
            id="a rule is unknown, the band as before",
        ),
    ],
)
def test_approvals_outlive_what_is_not_worse(before: Decision, after: Decision, kept: bool) -> None:  # noqa: FBT001 - a column of the table
    assert keeps_approvals(recorded(before), after, SUNDAY) is kept
