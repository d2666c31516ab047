"""Messages are delivered at least once; whoever lost a claim can no longer mark one."""

from datetime import timedelta

from gate.core.instants import to_us
from gate.storage.outbox import CLAIMED_MAX, Message, again, claim, dead, delivered, insert_messages
from gate.storage.rows import MessageRow
from gate.storage.store import transaction
from gate.storage.tx import Tx

LEASE = timedelta(minutes=1)
OVER = timedelta(0)


def test_a_claimed_message_is_nobody_elses_until_the_lease_is_over(database_url: str) -> None:
    with transaction(database_url) as tx:
        put(tx, "a")
        assert ids(claim(tx, "chat", lease_for=LEASE)) == ["a"]
        assert claim(tx, "chat", lease_for=LEASE) == []


def test_a_worker_that_slept_too_long_cannot_mark(database_url: str) -> None:
    with transaction(database_url) as tx:
        put(tx, "a")
        (late,) = claim(tx, "chat", lease_for=OVER)
        (next_one,) = claim(tx, "chat", lease_for=LEASE)

        assert not delivered(tx, late)
        assert not again(tx, late, at=tx.now, error="late")
        assert not dead(tx, late, error="late")
        assert delivered(tx, next_one)
        assert next_one.attempts == 2


def test_only_due_messages_of_the_target_are_claimed_oldest_first(database_url: str) -> None:
    with transaction(database_url) as tx:
        put(tx, "later", due_in=timedelta(hours=1))
        put(tx, "second")
        put(tx, "first", due_in=-timedelta(hours=1))
        put(tx, "other", target="mail")

        assert ids(claim(tx, "chat", lease_for=LEASE)) == ["first", "second"]


def test_what_failed_waits_for_its_next_time(database_url: str) -> None:
    with transaction(database_url) as tx:
        put(tx, "a")
        (message,) = claim(tx, "chat", lease_for=LEASE)
        assert again(tx, message, at=tx.now + timedelta(seconds=30), error="x" * 1000)
        assert claim(tx, "chat", lease_for=LEASE) == []

        assert tx.conn.exec_driver_sql("SELECT attempts, length(error) FROM outbox").one() == (1, 500)


def test_what_is_done_or_dead_is_never_claimed_again(database_url: str) -> None:
    with transaction(database_url) as tx:
        put(tx, "a")
        put(tx, "b")
        one, two = claim(tx, "chat", lease_for=OVER)
        assert delivered(tx, one)
        assert dead(tx, two, error="gone")

        assert claim(tx, "chat", lease_for=LEASE) == []


def test_a_claim_is_bounded(database_url: str) -> None:
    with transaction(database_url) as tx:
        for number in range(CLAIMED_MAX + 1):
            put(tx, f"{number:03}")

        assert len(claim(tx, "chat", lease_for=LEASE)) == CLAIMED_MAX


def put(tx: Tx, name: str, *, target: str = "chat", due_in: timedelta = OVER) -> None:
    insert_messages(tx, [MessageRow(name, to_us(tx.now), target, None, b"{}", to_us(tx.now + due_in))])


def ids(messages: list[Message]) -> list[str]:
    return [message.id for message in messages]
