"""A change moves only from where it was read, by the decision it was read with, and while its time
lasts.
"""

from datetime import timedelta

import pytest

from gate.core.change import State
from gate.core.decision.values import Hold
from gate.storage.changes.changes import existing
from gate.storage.changes.moves import lock_place, move
from tests.storage.stored import HOUR, put_change, writing


def test_a_move_that_the_states_do_not_know_is_a_bug(database_url: str) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, valid_until=None)
        with pytest.raises(ValueError, match="no change moves from approved to closed"):
            move(tx, change, from_state=State.APPROVED, of_decision=1, state=State.CLOSED)


@pytest.mark.parametrize("state", [state for state in State if state is not State.PENDING])
def test_a_change_that_stands_elsewhere_does_not_move(database_url: str, state: State) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, state=state)

        assert not move(tx, change, from_state=State.PENDING, of_decision=1, state=State.CANCELED)
        assert (existing(tx.conn, change).state, tx.topics) == (state, set())


def test_a_change_that_was_decided_again_does_not_move(database_url: str) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, valid_until=None, decision=2)

        assert not move(tx, change, from_state=State.APPROVED, of_decision=1, state=State.DEPLOYING)
        assert existing(tx.conn, change).state is State.APPROVED


@pytest.mark.parametrize(
    ("state", "ends"), [("pending", "expires_at"), ("approved", "valid_until")]
)
def test_a_change_whose_time_is_over_can_only_expire(
    database_url: str, state: str, ends: str
) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, **{"valid_until": None, "state": state, ends: tx.now})
        waiting = State(state)

        assert not move(tx, change, from_state=waiting, of_decision=1, state=State.CANCELED)
        assert not move(tx, change, from_state=waiting, of_decision=1, score=4)
        assert move(tx, change, from_state=waiting, of_decision=1, state=State.EXPIRED)
        assert existing(tx.conn, change).state is State.EXPIRED
        assert existing(tx.conn, change).settled_at == tx.now


@pytest.mark.parametrize("left", [timedelta(microseconds=1), None])
def test_a_change_whose_time_is_not_over_cannot_expire(
    database_url: str, left: timedelta | None
) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, valid_until=None if left is None else tx.now + left)

        assert not move(tx, change, from_state=State.APPROVED, of_decision=1, state=State.EXPIRED)
        assert move(tx, change, from_state=State.APPROVED, of_decision=1, state=State.CANCELED)


def test_columns_are_set_as_they_are_read(database_url: str) -> None:
    hold = Hold("year-end", "t" * 64, None, ("release-managers",), stop=True)
    with writing(database_url) as tx:
        change = put_change(tx.conn, state="pending", valid_until=None, expires_at=tx.now + HOUR)
        moved = move(
            tx,
            change,
            from_state=State.PENDING,
            of_decision=1,
            state=State.APPROVED,
            decision=2,
            hold=hold,
            matched=("a", "b"),
            expires_at=None,
            time_left=timedelta(seconds=5),
            decided_at=tx.now,
        )
        found = existing(tx.conn, change)

        assert moved
        assert (found.state, found.decision, found.hold, found.matched) == (
            State.APPROVED,
            2,
            hold,
            ("a", "b"),
        )
        assert (found.expires_at, found.time_left, found.decided_at) == (
            None,
            timedelta(seconds=5),
            tx.now,
        )
        assert tx.topics == {change}


def test_a_place_can_be_locked_again_by_whoever_has_it(database_url: str) -> None:
    with writing(database_url) as tx:
        lock_place(tx, "shop", "production")
        lock_place(tx, "shop", "production")
        lock_place(tx, "it's", "100%")


def test_nobody_else_gets_the_lock_of_a_place(postgres_url: str) -> None:
    with writing(postgres_url) as first, writing(postgres_url) as second:
        lock_place(first, "shop", "production")
        lock_place(second, "shop", "staging")
        free = second.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", ("shop\nproduction",)
        ).fetchone()

    assert free == (False,)


def test_when_it_was_settled_is_the_last_word_on_it_and_not_its_deployment(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, state=State.PENDING, valid_until=None)
        times = [existing(tx.conn, change).settled_at]
        for before, after in [
            (State.PENDING, State.APPROVED),
            (State.APPROVED, State.PENDING),
            (State.PENDING, State.APPROVED),
            (State.APPROVED, State.DEPLOYING),
        ]:
            assert move(tx, change, from_state=before, of_decision=1, state=after)
            times.append(existing(tx.conn, change).settled_at)

    assert times == [None, tx.now, None, tx.now, tx.now]


@pytest.mark.parametrize("state", [State.REJECTED, State.CANCELED])
def test_what_ends_before_its_deployment_is_settled_then(database_url: str, state: State) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn, state=State.PENDING, valid_until=None)

        assert move(tx, change, from_state=State.PENDING, of_decision=1, state=state)
        assert existing(tx.conn, change).settled_at == tx.now
