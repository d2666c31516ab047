"""What a change owes customers, by which day, and what is overdue."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gate.core.calendar.calendar import Calendar
from gate.core.decision.values import Finding, FindingKind
from gate.core.notices import (
    DUTIES,
    NoticeClass,
    Status,
    Times,
    classified,
    owed,
)
from gate.core.policy.set import read_policies
from tests.flow.shop import policy_text

CALENDAR = Calendar(holidays=frozenset({date(2026, 6, 8)}))
START = datetime(2026, 6, 15, 10, tzinfo=UTC)  # a Monday
FINISH = datetime(2026, 6, 17, 10, tzinfo=UTC)
EARLY = datetime(2026, 1, 5, tzinfo=UTC)
TRF, ADP = NoticeClass.TRANSFORMATIVE, NoticeClass.ADAPTIVE


def statuses(
    notice: NoticeClass, times: Times, now: datetime, **given: datetime
) -> dict[str, tuple[str | None, str]]:
    """The day and the status of each duty, by its requirement."""
    spelled = {name.replace("_", "-"): at for name, at in given.items()}
    return {
        one.duty.requirement: (None if one.due is None else str(one.due), one.status.value)
        for one in owed(notice, times, spelled, CALENDAR, now)
    }


def test_the_duties_are_those_of_the_rules() -> None:
    found = {
        notice.value: [(one.requirement, one.counted_from.value, one.days) for one in duties]
        for notice, duties in DUTIES.items()
    }

    assert found == {
        "adaptive": [("SCN-ADP-NTF", "finish", 10)],
        "transformative": [
            ("SCN-TRF-NIP", "start", 30),
            ("SCN-TRF-NFP", "start", 10),
            ("SCN-TRF-NAF", "finish", 5),
            ("SCN-TRF-NAV", "verification", 5),
            ("SCN-TRF-UPD", "finish", 30),
        ],
    }


def test_what_is_planned_owes_notices_before_it_starts() -> None:
    assert statuses(TRF, Times(planned_start=START), EARLY) == {
        "SCN-TRF-NIP": ("2026-05-01", "due"),
        "SCN-TRF-NFP": ("2026-05-29", "due"),
        "SCN-TRF-NAF": (None, "open"),
        "SCN-TRF-NAV": (None, "open"),
        "SCN-TRF-UPD": (None, "open"),
    }


def test_without_a_plan_it_may_start_at_any_moment_and_is_too_late_already() -> None:
    found = statuses(TRF, Times(), EARLY)

    assert (found["SCN-TRF-NIP"][1], found["SCN-TRF-NFP"][1]) == ("overdue", "overdue")


@pytest.mark.parametrize(
    ("hours", "status"), [pytest.param(0, "due", id="its last day"), (24, "overdue")]
)
def test_a_notice_is_overdue_after_its_last_day(hours: int, status: str) -> None:
    now = datetime(2026, 7, 1, tzinfo=UTC) + timedelta(hours=hours)

    found = statuses(ADP, Times(started_at=START, finished_at=FINISH), now)

    assert found == {"SCN-ADP-NTF": ("2026-07-01", status)}


def test_what_was_given_is_in_time_or_late_for_good() -> None:
    times = Times(started_at=START, finished_at=FINISH)
    in_time, late = datetime(2026, 6, 24, 23, tzinfo=UTC), datetime(2026, 6, 25, tzinfo=UTC)

    assert statuses(TRF, times, FINISH, after_finishing=in_time)["SCN-TRF-NAF"] == (
        "2026-06-24",
        "given",
    )
    assert statuses(TRF, times, FINISH, after_finishing=late)["SCN-TRF-NAF"][1] == "late"


def test_an_emergency_owes_nothing_in_advance_and_everything_afterwards() -> None:
    times = Times(started_at=START, finished_at=FINISH, emergency=True)
    found = statuses(TRF, times, FINISH)

    assert [status for _, status in found.values()] == [
        "not_needed",
        "not_needed",
        "due",
        "open",
        "due",
    ]


def test_what_never_began_owes_nothing() -> None:
    found = statuses(TRF, Times(planned_start=START, never=True), FINISH)

    assert {status for _, status in found.values()} == {Status.NOT_NEEDED.value}


NETWORK = "{id: network, title: Network, when: [change.age_hours > 9], points: 0, control: ["
MINOR = (
    "{id: minor, title: Minor, when: [change.age_hours > 1], points: 0, control: [fedramp:SCN-ADP]}"
)


def policy(*rules: str) -> Any:
    text = policy_text(rules=f"[{', '.join(rules)}]")
    return read_policies({"production.yaml": text}).named("production")


def finding(rule: str, *, holds: bool | None) -> Finding:
    return Finding(FindingKind.RULE, rule, rule.capitalize(), holds)


@pytest.mark.parametrize(
    ("network", "minor", "notice", "because"),
    [
        pytest.param(True, True, TRF, ["network"], id="the class that owes more"),
        pytest.param(False, True, ADP, ["minor"], id="the one that holds"),
        pytest.param(None, False, TRF, ["network"], id="unknown is the worst case"),
        pytest.param(False, False, None, [], id="none"),
    ],
)
def test_the_class_follows_from_what_the_policy_found(
    network: bool | None,  # noqa: FBT001 - what was found
    minor: bool,  # noqa: FBT001 - the same
    notice: NoticeClass | None,
    because: list[str],
) -> None:
    both = policy(f"{NETWORK}soc2:CC8.1, fedramp:SCN-TRF]}}", MINOR)

    found = classified(both, [finding("network", holds=network), finding("minor", holds=minor)])

    assert (found and found.notice) is notice
    assert [one.rule for one in found.because] == because if found else because == []


def test_without_a_policy_or_a_control_there_is_no_class() -> None:
    holds = [finding("network", holds=True)]

    assert classified(None, holds) is None
    assert classified(policy(f"{NETWORK}nist:CM-3]}}"), holds) is None
