"""Figures, incidents and what is counted are read through an index, so that they cost the same in a
large database.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text

from gate.core.days import Days
from gate.storage.changes import change_list, post_reviews
from gate.storage.database.hot import Hot
from gate.storage.database.pages import Part
from gate.storage.figures import delivery, outcomes, places
from gate.storage.figures.delivery import Place
from gate.storage.figures.places import Periods
from gate.storage.incidents import incidents, links
from gate.storage.incidents.incidents import IncidentFilters
from gate.storage.policies import policy_sets
from tests.storage.stored import planned, reading

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLACE = Place("checkout", "production", Days(0, 400))
DAYS = Days(0, 84)


def ask(statement: Hot, parameters: int) -> Callable[[Connection], object]:
    """Send it as it is, with some values."""
    return lambda conn: statement.rows(conn, *["1"] * parameters)


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda conn: delivery.sums(conn, PLACE), id="the figures of a place"),
        pytest.param(
            lambda conn: places.of_places(conn, ["production"], Periods(DAYS, 7)),
            id="all places of a tier",
        ),
        pytest.param(lambda conn: places.of_place(conn, PLACE, 7), id="the weeks of a place"),
        pytest.param(
            lambda conn: places.by_day(conn, ["production"], "checkout", DAYS), id="days of a month"
        ),
        pytest.param(
            lambda conn: change_list.newest_failed(conn, "checkout", ["production"], 10),
            id="what failed last",
        ),
        pytest.param(lambda conn: post_reviews.due_of(conn, "checkout"), id="reviews of a service"),
        pytest.param(
            lambda conn: policy_sets.changes_between(conn, NOW, NOW), id="changes of the policies"
        ),
        pytest.param(
            lambda conn: incidents.incident_page(conn, IncidentFilters(), Part(50)),
            id="all incidents",
        ),
        pytest.param(
            lambda conn: incidents.incident_page(
                conn, IncidentFilters(service="checkout"), Part(50)
            ),
            id="those of a service",
        ),
        pytest.param(
            lambda conn: incidents.open_of_service(conn, "checkout"), id="those that go on"
        ),
        pytest.param(
            lambda conn: incidents.newest_of_series(conn, "api", "1"), id="one that is told again"
        ),
        pytest.param(
            lambda conn: incidents.suspects(conn, "checkout", ["production"], NOW),
            id="who is suspected",
        ),
        pytest.param(lambda conn: links.of_change(conn, "chg_1"), id="links of a change"),
        pytest.param(lambda conn: links.of_incidents(conn, ["inc_1"]), id="links of an incident"),
        pytest.param(lambda conn: links.due(conn, NOW, 100), id="links that count by now"),
        pytest.param(ask(outcomes._CHANGE, 1), id="what a change adds"),  # noqa: SLF001 - the statement is looked at, not used
        pytest.param(ask(outcomes._INCIDENTS, 1), id="its incidents"),  # noqa: SLF001 - as above
        pytest.param(ask(outcomes._NEXT_SUCCESS, 4), id="what recovered it"),  # noqa: SLF001 - as above
        pytest.param(ask(outcomes._UNRECOVERED, 2), id="what is not recovered"),  # noqa: SLF001 - as above
        pytest.param(ask(outcomes._FAILED_BEFORE, 3), id="what failed before"),  # noqa: SLF001 - as above
    ],
)
def test_no_table_is_read_from_end_to_end(
    sqlite_url: str, look: Callable[[Connection], object]
) -> None:
    with reading(sqlite_url) as conn:
        plans = planned(conn, look)

    assert plans
    assert [
        plan
        for plan in plans
        for step in plan.splitlines()
        if step.startswith("SCAN") and "USING" not in step
    ] == []


def test_a_table_that_is_read_from_end_to_end_is_seen(sqlite_url: str) -> None:
    with reading(sqlite_url) as conn:
        (plan,) = planned(
            conn, lambda conn: conn.execute(text("SELECT * FROM incidents WHERE title = 'x'")).all()
        )

    assert plan.startswith("SCAN")
