"""Reading and writing together: shared commits, one's own errors, what others hear, an orderly
end.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, text

from gate.errors import Conflict, Unavailable
from gate.storage.changes.units import NEW, Recording
from gate.storage.database import listener, writer
from gate.storage.database.tx import Tx
from gate.storage.database.watch import EVERYTHING, Topics
from gate.storage.messages import leases
from gate.storage.store import Store, transaction
from tests.storage.making import busy, make_change, make_unit

pytestmark = pytest.mark.anyio
T = TypeVar("T")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    yield opened
    opened.close()


async def test_calls_that_wait_together_share_one_transaction(store: Store) -> None:
    async with busy(store):
        units = [store.record(make_unit(number)) for number in range(20)]
        writes = [store.write(note, f"n{number}") for number in range(10)]
        inside = store.write(count_changes)
        nows = [store.write(now) for _ in range(5)]
        outside = await store.read(count_changes_outside)

    assert outside == 0
    assert await inside == 20
    assert len(set(await all_of(nows))) == 1
    assert await all_of(units) == [NEW] * 20
    assert await all_of(writes) == [f"n{number}" for number in range(10)]


async def test_nobody_gets_an_answer_before_the_commit(store: Store) -> None:
    loop = asyncio.get_running_loop()
    seen = loop.create_future()

    checked = threading.Event()

    def check() -> None:
        seen.set_result([unit.done(), first.done()])
        checked.set()

    def look(_: Tx) -> None:
        loop.call_soon_threadsafe(
            check
        )  # an answer that was given already would have been posted before this
        checked.wait()

    async with busy(store):
        unit = asyncio.ensure_future(store.record(make_unit(1)))
        first = asyncio.ensure_future(store.write(note, "first"))
        last = store.write(look)

    assert await seen == [False, False]
    assert await all_of([unit, first, last]) == [NEW, "first", None]


async def test_what_was_answered_is_there_for_whoever_reads_next(store: Store) -> None:
    for number in range(5):
        await store.record(make_unit(number))

        assert await store.read(count_changes_outside) == number + 1


async def test_one_that_fails_takes_back_only_its_own(store: Store) -> None:
    async with busy(store):
        before, failing, broken, after = (
            store.write(note, "before"),
            store.write(note_and_raise, "failing", Conflict("moved on")),
            store.write(wrong_statement),
            store.write(note, "after"),
        )

    assert await before == "before"
    with pytest.raises(Conflict, match="moved on"):
        await failing
    with pytest.raises(Exception, match="nonsense"):
        await broken
    assert await after == "after"
    assert await store.read(notes) == ["after", "before"]


async def test_whoever_hides_an_error_of_the_database_gets_no_yes(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    try:
        with pytest.raises(RuntimeError, match="went on after an error"):
            await store.write(hide_an_error)
    finally:
        store.close()


async def test_a_unit_that_contradicts_the_rows_fails_alone(store: Store) -> None:
    await store.record(make_unit(1))
    async with busy(store):
        good = [store.record(make_unit(number)) for number in (2, 3)]
        twice = store.record(make_unit(1))
        more = store.record(make_unit(4))
        beside = store.write(note, "beside")

    assert await all_of([*good, more, beside]) == [NEW, NEW, NEW, "beside"]
    with pytest.raises(Exception, match=r"(?i)unique"):
        await twice
    assert await store.read(count_changes_outside) == 4


async def test_a_unit_that_no_database_can_keep_fails_alone(store: Store) -> None:
    async with busy(store):
        bad = store.record(make_unit(1, change=make_change(1, service="half \ud800")))
        good = store.record(make_unit(2))

    assert await good == NEW
    with pytest.raises((TypeError, UnicodeEncodeError)):
        await bad


async def test_f18_of_twenty_with_one_key_one_is_new(store: Store) -> None:
    answers = await all_of([store.record(make_unit(number, key="k")) for number in range(20)])

    assert [answer.outcome for answer in answers].count(Recording.NEW) == 1
    assert {answer.key.change_id for answer in answers if answer.key} == {make_change(0).id}


async def test_f18_two_replicas_with_one_key_record_one(database_url: str, store: Store) -> None:
    other = Store.open(database_url)
    try:
        for turn in range(10):
            numbers = range(100 * turn, 100 * turn + 20)
            asked = [
                one.record(make_unit(2 * number + k, key=f"k{turn}"))
                for number in numbers
                for k, one in enumerate((store, other))
            ]

            answers = await all_of(asked)

            assert [answer.outcome for answer in answers].count(Recording.NEW) == 1
        assert await store.read(count_changes_outside) == 10
    finally:
        other.close()


async def test_a_write_begins_with_the_rollups_of_nobody_else(store: Store) -> None:
    async with busy(store):
        units = [store.record(make_unit(number)) for number in range(3)]
        with_rollups = store.write(add_and_raise)
    await all_of(units)

    with pytest.raises(Conflict):
        await with_rollups
    assert await store.read(rollups) == [("submitted", 3)]


async def test_reads_that_wait_together_do_not_share_their_errors(store: Store) -> None:
    good, raising, wrong, last = (
        store.read(notes),
        store.read(raise_conflict),
        store.read(wrong_read),
        store.read(notes),
    )

    assert await good == []
    with pytest.raises(Conflict):
        await raising
    with pytest.raises(Exception, match="nonsense"):
        await wrong
    assert await last == []


async def test_what_is_asked_together_is_answered_by_one_call(store: Store) -> None:
    asked = [store.read_together(doubled, number) for number in range(5)]
    between = store.read(count_changes_outside)
    others = [store.read_together(doubled, number) for number in range(5, 7)]

    answers = await all_of([*asked, *others])

    assert [answer for answer, _ in answers] == [0, 2, 4, 6, 8, 10, 12]
    assert [together for _, together in answers] == [5] * 5 + [2] * 2
    assert await between == 0


@pytest.mark.parametrize(("bad", "said"), [(-1, "no such number"), (-2, "nonsense")])
async def test_one_that_fails_is_not_the_fault_of_those_who_asked_with_it(
    store: Store, bad: int, said: str
) -> None:
    asked = [store.read_together(doubled, number) for number in (1, bad, 2)]
    after = store.read(count_changes_outside)

    first, failed, last = await asyncio.gather(*asked, return_exceptions=True)

    assert (first, last) == ((2, 1), (4, 1))
    assert isinstance(failed, Exception)
    assert said in str(failed)
    assert await after == 0


async def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await store.read(write_in_a_read)


async def test_a_slow_read_keeps_no_other_waiting(store: Store) -> None:
    go_on = threading.Event()

    def slow(_: Connection) -> str:
        go_on.wait()
        return "slow"

    slowly = store.read_slowly(slow)

    assert await store.read(notes) == []
    go_on.set()
    assert await slowly == "slow"


async def test_whoever_gave_up_waiting_disturbs_nobody(store: Store) -> None:
    async with busy(store):
        gone, stays = asyncio.ensure_future(store.write(note, "gone")), store.write(note, "stays")
        gone.cancel()

    assert await stays == "stays"


async def test_f15_a_full_queue_refuses_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE_MAX", 3)  # 4,096 are many to make
    async with busy(store):
        waiting = [store.record(make_unit(number)) for number in range(3)]
        with pytest.raises(Unavailable, match="3 writes are waiting") as refused:
            await store.record(make_unit(4))

    assert refused.value.problem == "busy"
    assert await all_of(waiting) == [NEW] * 3


async def test_f15_who_waited_too_long_is_refused_untried(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with busy(store):
        late = store.record(make_unit(1))
        monkeypatch.setattr(writer, "QUEUED_SECONDS_MAX", 0)  # 8 s in earnest

    with pytest.raises(Unavailable, match="too slow") as refused:
        await late

    assert refused.value.problem == "busy"
    assert await store.read(count_changes_outside) == 0


async def test_f28_closing_answers_what_waits(database_url: str) -> None:
    store = Store.open(database_url)
    async with busy(store) as go_on:
        waiting = [store.record(make_unit(number)) for number in range(300)]
        closing = asyncio.ensure_future(asyncio.to_thread(store.close))
        go_on()
    await closing

    assert await all_of(waiting) == [NEW] * 300
    with pytest.raises(Unavailable, match="stopping"):
        await store.record(make_unit(999))


async def test_own_changes_are_heard_before_the_answer(store: Store) -> None:
    heard: list[Topics] = []
    store.on_change(heard.append)

    await store.write(touch, "tokens")

    assert frozenset({"tokens"}) in heard


async def test_what_failed_is_not_heard(store: Store) -> None:
    heard: list[Topics] = []
    store.on_change(heard.append)

    with pytest.raises(Conflict):
        await store.write(touch_and_raise, "tokens")

    assert frozenset({"tokens"}) not in heard


async def test_f19_what_another_process_wrote_is_heard(database_url: str, store: Store) -> None:
    heard: asyncio.Queue[Topics] = asyncio.Queue()
    store.on_change(heard.put_nowait)
    other = Store.open(database_url)
    try:
        while True:
            await other.write(touch, "freezes")
            topics = await asyncio.wait_for(heard.get(), timeout=30)
            if topics & (EVERYTHING | {"freezes"}):
                break
    finally:
        other.close()


async def test_whoever_listens_to_a_silent_database_ends_at_once(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "ASK_SECONDS", 3_600)
    opened = Store.open(postgres_url)
    listens = asyncio.Event()
    opened.on_change(lambda _: listens.set())
    # It may have begun to listen before anybody wanted to know.
    other = Store.open(postgres_url)
    await other.write(touch, "freezes")
    await listens.wait()
    await asyncio.to_thread(other.close)
    closing = threading.Thread(target=opened.close, daemon=True)

    closing.start()
    await asyncio.to_thread(closing.join, timeout=30)

    assert not closing.is_alive()


async def test_a_short_program_beside_the_server_may_write(database_url: str, store: Store) -> None:
    with transaction(database_url) as tx:
        note(tx, "beside")

    assert await store.read(notes) == ["beside"]


async def test_a_short_program_that_fails_leaves_nothing(database_url: str, store: Store) -> None:
    with pytest.raises(Conflict), transaction(database_url) as tx:
        note_and_raise(tx, "beside", Conflict("no"))

    assert await store.read(notes) == []


async def test_a_database_that_writes_is_ready(store: Store) -> None:
    assert await store.unready() is None


async def test_the_clock_is_the_databases(store: Store) -> None:
    assert (await store.now()).utcoffset() is not None


async def all_of(calls: Sequence[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*calls))


def note(tx: Tx, name: str) -> str:
    tx.conn.execute(
        text("INSERT INTO leases (name, holder, until) VALUES (:name, 'x', 0)"), {"name": name}
    )
    return name


def note_and_raise(tx: Tx, name: str, error: Exception) -> None:
    note(tx, name)
    raise error


def touch(tx: Tx, topic: str) -> None:
    leases.take(tx, "touched", "x", hold_for=timedelta(0))
    tx.touch(topic)


def touch_and_raise(tx: Tx, topic: str) -> None:
    tx.touch(topic)
    raise Conflict("no")


def add_and_raise(tx: Tx) -> None:
    tx.add(make_unit(1).rollups)
    raise Conflict("no")


def wrong_statement(tx: Tx) -> None:
    tx.execute("SELECT nonsense")


def hide_an_error(tx: Tx) -> str:
    with suppress(Exception):  # what must not be done
        wrong_statement(tx)
    return "fine"


def now(tx: Tx) -> object:
    return tx.now


def count_changes(tx: Tx) -> int:
    return count_changes_outside(tx.conn)


def count_changes_outside(conn: Connection) -> int:
    return int(conn.exec_driver_sql("SELECT count(*) FROM changes").scalar_one())


def notes(conn: Connection) -> list[str]:
    return [row[0] for row in conn.exec_driver_sql("SELECT name FROM leases ORDER BY name")]


def rollups(conn: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in conn.exec_driver_sql("SELECT measure, n FROM rollups")]


def raise_conflict(_: Connection) -> None:
    raise Conflict("no")


def wrong_read(conn: Connection) -> None:
    conn.exec_driver_sql("SELECT nonsense")


def write_in_a_read(conn: Connection) -> None:
    conn.exec_driver_sql("INSERT INTO leases VALUES ('a', 'b', 1)")


def doubled(conn: Connection, asked: Sequence[int]) -> Callable[[], list[tuple[int, int]]]:
    """Twice each, and how many were asked together."""
    if -1 in asked:
        raise ValueError("no such number")

    def read() -> list[tuple[int, int]]:
        if -2 in asked:
            wrong_read(conn)
        return [(2 * number, len(asked)) for number in asked]

    return read
