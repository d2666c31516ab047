"""Figures of a place are read without looking at all of its changes."""

from gate.storage.figures import insights
from tests.storage.stored import planned, reading


def test_only_changes_that_people_were_asked_about_are_looked_at(sqlite_url: str) -> None:
    # Where people are never asked, every change of the place would be read to find none.
    with reading(sqlite_url) as conn:
        (plan,) = planned(
            conn, lambda conn: insights.seconds_to_last_word(conn, "shop", "production")
        )

    assert "changes USING INDEX ix_changes_reviewed (service=? AND environment=?)" in plan
