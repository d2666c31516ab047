"""A rule says why it is there, which controls it serves, and when somebody looks at it again; none
of it decides anything.
"""

from datetime import date

import pytest

from gate.core.decision.evaluate import evaluate
from gate.core.policy.grounds import Grounds
from gate.errors import Invalid
from tests.core.policy_texts import make_facts, make_policy

RULE = "id: size, title: Size, points_by: diff.lines_added, steps: {10: 8}"
REQUIREMENT = "id: green, title: Green, require: [checks.failed == 0]"
STANDARD = (
    "id: usual, title: Usual, owner: o, authorised_by: [a], when: [diff.lines_added < 9], "
    "up_to: low, earn: none"
)
GROUNDS = "why: It failed before, control: [soc2:CC8.1, own:17], review_by: 2026-12-31"
READ = Grounds("It failed before", ("soc2:CC8.1", "own:17"), date(2026, 12, 31))


def test_every_kind_of_entry_has_them() -> None:
    policy = make_policy(
        f"requirements: [{{{REQUIREMENT}, {GROUNDS}}}]",
        f"standard_changes: [{{{STANDARD}, {GROUNDS}}}]",
        rules=f"[{{{RULE}, {GROUNDS}}}]",
    )

    found = [one.grounds for one in policy.rules]
    found += [one.grounds for one in policy.requirements]
    found += [one.grounds for one in policy.standard_changes]
    assert found == [READ, READ, READ]


def test_they_change_no_decision() -> None:
    facts = make_facts({"diff.lines_added": 12})

    with_grounds = evaluate(make_policy(rules=f"[{{{RULE}, {GROUNDS}}}]"), facts)

    assert with_grounds == evaluate(make_policy(rules=f"[{{{RULE}}}]"), facts)


@pytest.mark.parametrize(
    ("grounds", "said"),
    [
        pytest.param(
            "control: [CC8.1]", "allowed is a framework and its clause", id="no framework"
        ),
        pytest.param("control: ['soc2: CC8.1']", "a framework and its clause", id="a space"),
        pytest.param("control: [soc2:CC8.1, soc2:CC8.1]", "twice", id="twice"),
        pytest.param("control: soc2:CC8.1", "allowed is a list", id="no list"),
        pytest.param(f"control: [{', '.join(f'o:{n}' for n in range(21))}]", "are 20", id="many"),
        pytest.param(f"control: [o:{'x' * 70}]", "a framework and its clause", id="long"),
        pytest.param("why: ''", "empty text", id="no reason"),
        pytest.param(f"why: {'w' * 401}", "allowed are 400", id="a long reason"),
        pytest.param("review_by: tomorrow", "allowed is a day", id="no day"),
        pytest.param("reviewby: 2026-12-31", "did you mean review_by", id="misspelt"),
    ],
)
def test_what_is_wrong_with_them_is_said(grounds: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        make_policy(rules=f"[{{{RULE}, {grounds}}}]")

    assert any(said in fault.detail for fault in caught.value.faults), caught.value.faults


@pytest.mark.parametrize(
    ("today", "overdue"),
    [(date(2026, 12, 30), False), (date(2026, 12, 31), False), (date(2027, 1, 1), True)],
)
def test_a_review_is_overdue_the_day_after(today: date, overdue: bool) -> None:  # noqa: FBT001 - one column of the table
    assert READ.overdue(today) is overdue
    assert not Grounds().overdue(today)
