"""The scorecard of a place is read without looking at all of its changes."""

from gate.storage.figures import scorecard
from gate.storage.figures.places import PlaceInTime
from tests.storage.stored import DAY, NOW, planned, reading


def test_what_waits_is_found_among_what_waits(sqlite_url: str) -> None:
    with reading(sqlite_url) as conn:
        (plan,) = planned(conn, lambda conn: scorecard.waiting(conn, "shop", "production"))

    assert "changes USING COVERING INDEX ix_changes_pending (state=? AND service=?" in plan
    assert "TEMP B-TREE" not in plan


def test_what_people_were_asked_about_is_found_among_that(sqlite_url: str) -> None:
    here = PlaceInTime("shop", "production", NOW - DAY, NOW)
    with reading(sqlite_url) as conn:
        (plan,) = planned(conn, lambda conn: scorecard.reviewed(conn, here))

    assert "changes USING INDEX ix_changes_reviewed (service=? AND environment=?" in plan
