"""Messages are delivered at least once; whoever lost a claim can no longer mark one."""

from datetime import timedelta

from sqlalchemy import func, select

from gate.core.instants import to_us
from gate.core.messages.outgoing import Message
from gate.storage.database.pages import Part
from gate.storage.database.rows import EntryRow, MessageRow
from gate.storage.database.tx import Subscription, Tx
from gate.storage.ledger.ledger import append_entries
from gate.storage.messages import dead_letters
from gate.storage.messages.outbox import (
    CLAIMED_MAX,
    again,
    claim,
    dead,
    delete_done,
    delivered,
    due_targets,
    insert_messages,
)
from gate.storage.store import transaction
from gate.storage.tables import schema_work

LEASE = timedelta(minutes=1)
OVER = timedelta(0)


def test_f21_a_claimed_message_is_nobody_elses_until_the_lease_is_over(database_url: str) -> None:
    with transaction(database_url) as tx:
        put(tx, "a")
        assert ids(claim(tx, "chat", lease_for=LEASE)) == ["a"]
        assert claim(tx, "chat", lease_for=LEASE) == []


def test_f21_a_worker_that_slept_too_long_cannot_mark(database_url: str) -> None:
    with transaction(database_url) as tx:
        put(tx, "a")
        (late,) = claim(tx, "chat", lease_for=OVER)
        (next_one,) = claim(tx, "chat", lease_for=LEASE)

        assert not delivered(tx, *late)
        assert not again(tx, *late, after=OVER, error="late")
        assert not dead(tx, *late, error="late")
        assert delivered(tx, *next_one)
        assert next_one[0].attempts == 2


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
        assert again(tx, *message, after=timedelta(seconds=30), error="x" * 1000)
        assert claim(tx, "chat", lease_for=LEASE) == []

        assert tx.conn.exec_driver_sql("SELECT attempts, length(error) FROM outbox").one() == (
            1,
            500,
        )


def test_what_is_done_or_dead_is_never_claimed_again(database_url: str) -> None:
    with transaction(database_url) as tx:
        put(tx, "a")
        put(tx, "b")
        one, two = claim(tx, "chat", lease_for=OVER)
        assert delivered(tx, *one)
        assert dead(tx, *two, error="gone")

        assert claim(tx, "chat", lease_for=LEASE) == []


def test_a_claim_is_bounded(database_url: str) -> None:
    with transaction(database_url) as tx:
        for number in range(CLAIMED_MAX + 1):
            put(tx, f"{number:03}")

        assert len(claim(tx, "chat", lease_for=LEASE)) == CLAIMED_MAX


def test_without_a_subscriber_an_entry_writes_no_message(database_url: str) -> None:
    with transaction(database_url) as tx:
        append_entries(tx, [EntryRow(to_us(tx.now), "decision", "chg_a", b"{}")])
        tx.subscribers = {
            "closure": [Subscription("chat")],
            "decision": [Subscription("chat", b'"pending"')],
        }
        append_entries(tx, [EntryRow(to_us(tx.now), "decision", "chg_a", b"{}")])

        assert tx.conn.scalar(select(func.count()).select_from(schema_work.outbox)) == 0


def test_every_subscriber_of_a_kind_has_a_message_of_its_own(database_url: str) -> None:
    with transaction(database_url) as tx:
        tx.subscribers = {"decision": [Subscription("chat", b'"v":1'), Subscription("hook:lake")]}
        append_entries(tx, [EntryRow(to_us(tx.now), "decision", "chg_a", b'{"v":1}')])

        assert due_targets(tx.conn, tx.now) == ["chat", "hook:lake"]
        ((one, _),), ((other, _),) = (
            claim(tx, "chat", lease_for=LEASE),
            claim(tx, "hook:lake", lease_for=LEASE),
        )
        assert one.id != other.id
        assert (
            (one.change_id, bytes(one.body))
            == (other.change_id, bytes(other.body))
            == ("chg_a", b'{"v":1}')
        )


def test_targets_without_anything_due_are_left_alone(database_url: str) -> None:
    with transaction(database_url) as tx:
        put(tx, "later", due_in=timedelta(hours=1))
        put(tx, "done", target="mail")
        delivered(tx, *claim(tx, "mail", lease_for=LEASE)[0])

        assert due_targets(tx.conn, tx.now) == []


def test_health_counts_what_waits_and_what_is_dead(database_url: str) -> None:
    with transaction(database_url) as tx:
        for name in ("a", "b", "c"):
            put(tx, name)
        put(tx, "d", target="mail")
        one, two = claim(tx, "chat", lease_for=LEASE)[:2]
        dead(tx, *one, error="refused")
        delivered(tx, *two)

        assert [(one.target, one.waiting, one.dead) for one in dead_letters.health(tx.conn)] == [
            ("chat", 1, 1),
            ("mail", 1, 0),
        ]
        (letter,) = dead_letters.dead_letter_page(tx.conn, Part(10)).rows
        assert (letter.id, letter.target, letter.attempts, letter.error) == (
            "a",
            "chat",
            1,
            "refused",
        )


def test_only_a_dead_message_is_sent_again_and_keeps_its_id(database_url: str) -> None:
    with transaction(database_url) as tx:
        put(tx, "a")
        put(tx, "b")
        dead(tx, *claim(tx, "chat", lease_for=LEASE, at_most=1)[0], error="refused")

        assert not dead_letters.send_again(tx, "b")
        assert not dead_letters.send_again(tx, "nowhere")
        assert dead_letters.send_again(tx, "a")
        assert not dead_letters.send_again(tx, "a")
        assert sorted(ids(claim(tx, "chat", lease_for=LEASE))) == ["a", "b"]


def test_what_was_delivered_long_ago_is_deleted_and_nothing_else(database_url: str) -> None:
    with transaction(database_url) as tx:
        for name in ("delivered", "fresh", "waiting"):
            put(tx, name)
        old, fresh = claim(tx, "chat", lease_for=LEASE)[:2]
        delivered(tx, *old)
        delivered(tx, *fresh)
        earlier = schema_work.outbox.update().where(schema_work.outbox.c.id == "delivered")
        tx.conn.execute(
            earlier.values(
                delivered_at=schema_work.outbox.c.delivered_at - 2 * 24 * 3600 * 1_000_000
            )
        )
        delete_done(tx)

        assert list(
            tx.conn.scalars(select(schema_work.outbox.c.id).order_by(schema_work.outbox.c.id))
        ) == [
            "fresh",
            "waiting",
        ]


def put(tx: Tx, name: str, *, target: str = "chat", due_in: timedelta = OVER) -> None:
    insert_messages(tx, [MessageRow(name, tx.now, target, None, b"{}", tx.now + due_in)])


def ids(messages: list[tuple[Message, str]]) -> list[str]:
    return [message.id for message, _ in messages]
