"""Reviews that are owed after an emergency."""

from gate.storage.changes import post_reviews
from gate.storage.changes.post_reviews import OVERDUE_MAX
from tests.storage.stored import DAY, HOUR, NOW, put_change, writing


def test_many_overdue_reviews_of_others_do_not_hide_one(database_url: str) -> None:
    with writing(database_url) as tx:
        for _ in range(OVERDUE_MAX):
            post_reviews.owe(tx, put_change(tx.conn), NOW - DAY, ("platform",))
        post_reviews.owe(tx, put_change(tx.conn), NOW - HOUR, ("team-web",))
        post_reviews.owe(tx, put_change(tx.conn), NOW + HOUR, ("team-shop",))

        found = post_reviews.overdue(tx.conn, NOW)

    assert len(found) == OVERDUE_MAX + 1
    assert set(found) == {frozenset({"platform"}), frozenset({"team-web"})}
