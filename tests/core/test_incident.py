"""Which change an incident is put down to, and which alerts are put down to changes at all."""

from datetime import UTC, datetime, timedelta

import pytest

from gate.core.change import Result
from gate.core.incident import CLOCK_SLACK, LINK_WINDOW, Method, Suspect, counts, suspected

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def suspect(
    change: str = "a", admitted_at: datetime = AT, result: Result | None = Result.SUCCESSFUL
) -> Suspect:
    """A change whose deployment took an hour, unless it goes on."""
    return Suspect(change, admitted_at, None if result is None else admitted_at + HOUR, result)


def test_without_a_deployment_there_is_nobody_to_suspect() -> None:
    assert suspected([], AT) is None


@pytest.mark.parametrize(
    ("began_at", "tied"),
    [
        pytest.param(AT - CLOCK_SLACK - SECOND, False, id="before the deployment"),
        pytest.param(AT - CLOCK_SLACK, True, id="as far before it as clocks may differ"),
        pytest.param(AT, True, id="with it"),
        pytest.param(AT + HOUR + LINK_WINDOW, True, id="at the end of the window"),
        pytest.param(AT + HOUR + LINK_WINDOW + SECOND, False, id="after it"),
    ],
)
def test_an_incident_is_put_down_to_a_deployment_that_it_follows_soon(
    began_at: datetime,
    tied: bool,  # noqa: FBT001 - a case of the table
) -> None:
    assert suspected([suspect()], began_at) == (("a", Method.WINDOW) if tied else None)


def test_a_deployment_that_was_never_closed_is_looked_at_from_its_admission() -> None:
    going_on = suspect(result=None)

    assert suspected([going_on], AT + LINK_WINDOW) == ("a", Method.WINDOW)
    assert suspected([going_on], AT + LINK_WINDOW + SECOND) is None


def test_the_newest_deployment_is_suspected() -> None:
    assert suspected([suspect("a"), suspect("b", AT + HOUR)], AT + 2 * HOUR) == ("b", Method.WINDOW)


def test_one_that_was_rolled_back_is_suspected_before_a_newer_one() -> None:
    found = suspected(
        [suspect("a", result=Result.ROLLED_BACK), suspect("b", AT + HOUR)], AT + 2 * HOUR
    )

    assert found == ("a", Method.ROLLBACK)


def test_one_that_was_rolled_back_long_ago_is_not() -> None:
    assert suspected([suspect("a", AT - 24 * HOUR, Result.ROLLED_BACK), suspect("b")], AT) == (
        "b",
        Method.WINDOW,
    )


@pytest.mark.parametrize(
    ("severity", "threshold", "counted"),
    [
        pytest.param("info", None, True, id="no threshold"),
        pytest.param("warning", "critical", False, id="below"),
        pytest.param("critical", "critical", True, id="at it"),
        pytest.param("P1", "high", True, id="another word for it, above"),
        pytest.param("terrible", "critical", True, id="a word that nobody knows is the worst"),
        pytest.param("critical", "odd", True, id="a threshold that nobody knows is the worst"),
        pytest.param("high", "odd", False, id="and high is below that"),
    ],
)
def test_an_alert_counts_from_the_severity_of_its_service(
    severity: str,
    threshold: str | None,
    counted: bool,  # noqa: FBT001 - a case of the table
) -> None:
    assert counts(severity, threshold) is counted
