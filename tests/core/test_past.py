"""Imported deployments: which of them failed, and when that was known."""

from datetime import UTC, datetime, timedelta

from gate.core.change import Result
from gate.core.past import PastDeployment, PastIncident, failures
from tests.builders import commit_of

BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=6)


def deployed(key: str = "1", result: Result = Result.SUCCESSFUL, hours: int = 0) -> PastDeployment:
    """One that took six minutes, so many hours after the first."""
    later = timedelta(hours=hours)
    return PastDeployment(
        "csv", key, "checkout", "production", commit_of(key), BEGAN + later, ENDED + later, result
    )


def broke(hours: float) -> PastIncident:
    """So many hours after the first deployment."""
    at = BEGAN + timedelta(hours=hours)
    return PastIncident("csv", "i", "checkout", None, at, None)


def test_what_was_taken_back_or_did_not_go_well_failed_when_it_ended() -> None:
    seen = [deployed("1"), deployed("2", Result.ROLLED_BACK), deployed("3", Result.UNSUCCESSFUL)]

    assert failures(seen, []) == {"csv/2": ENDED, "csv/3": ENDED}


def test_an_incident_is_put_down_to_the_deployment_shortly_before_it() -> None:
    seen = [deployed("1"), deployed("2", hours=2)]

    assert failures(seen, [broke(2.5)]) == {"csv/2": BEGAN + timedelta(hours=2.5)}
    assert failures(seen, [broke(7)]) == {}
    assert failures(seen, [broke(-1)]) == {}


def test_the_first_sign_of_a_failure_counts() -> None:
    seen = [deployed("1", Result.UNSUCCESSFUL)]

    assert failures(seen, [broke(0.05), broke(1)]) == {"csv/1": BEGAN + timedelta(hours=0.05)}
