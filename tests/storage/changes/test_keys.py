"""Idempotency keys are remembered for their time and then removed, a bounded number at once."""

from gate.core.instants import to_us
from gate.storage.changes.keys import EXPIRED_A_TURN_MAX, delete_expired, insert_keys
from gate.storage.store import transaction
from tests.storage.making import make_change, make_key
from tests.storage.stored import planned


def test_expired_keys_are_removed_some_at_a_time(database_url: str) -> None:
    with transaction(database_url) as tx:
        now = to_us(tx.now)
        change = make_change(1)
        insert_keys(
            tx,
            [
                make_key(change, f"old{n}", expires_at=now - n)
                for n in range(EXPIRED_A_TURN_MAX + 1)
            ],
        )
        insert_keys(tx, [make_key(change, "new", expires_at=now + 1)])

        assert [delete_expired(tx), delete_expired(tx), delete_expired(tx)] == [
            EXPIRED_A_TURN_MAX,
            1,
            0,
        ]
        assert tx.execute("SELECT key FROM idempotency").fetchall() == [("new",)]


def test_expired_keys_are_found_by_an_index(sqlite_url: str) -> None:
    with transaction(sqlite_url) as tx:
        change = make_change(1)
        insert_keys(tx, [make_key(change, f"old{n}", expires_at=0) for n in range(3)])
        plans = planned(tx.conn, lambda _: delete_expired(tx))

    assert [plan for plan in plans if "SCAN idempotency" in plan] == []
    assert len(plans) == 2
