"""What other processes announced is heard once, whether by a notification or by asking; after a gap
everything may have moved.
"""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.storage.database.announcements import (
    PUT_OFF_SECONDS,
    Announcer,
    Heard,
    Row,
    announce,
    forget_old,
)
from gate.storage.database.tx import Tx
from gate.storage.database.watch import DECIDED, EVERYTHING, Topics
from gate.storage.store import Store, transaction
from gate.storage.tables.schema_work import announcements
from tests.storage.making import make_unit

OWN = "own"


def row(number: int, topics: str = "freezes", process: str = "other") -> Row:
    return process, number, topics


def note(number: int, topics: str = "freezes", process: str = "other") -> str:
    return f"{process} {number} {topics}"


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        pytest.param([note(1)], {"freezes"}, id="the first of a process"),
        pytest.param([note(1), note(2, "tokens,chg_1")], {"tokens", "chg_1"}, id="the next one"),
        pytest.param([note(1), note(3)], EVERYTHING, id="one was lost"),
        pytest.param([note(7)], EVERYTHING, id="of a process nobody heard of"),
        pytest.param([note(1, "")], EVERYTHING, id="too many topics"),
        pytest.param([note(1), note(1)], set(), id="heard already"),
        pytest.param([note(1), note(2), note(1)], set(), id="older than what was heard"),
        pytest.param([note(1, process=OWN)], set(), id="one's own"),
        pytest.param(["freezes"], EVERYTHING, id="of another release"),
        pytest.param([""], EVERYTHING, id="empty"),
    ],
)
def test_a_notification_says_what_moved(said: Sequence[str], heard: Topics) -> None:
    one = Heard(OWN)

    assert [one.notified(text) for text in said][-1] == frozenset(heard)


@pytest.mark.parametrize(
    ("asked", "heard"),
    [
        pytest.param([[row(1)]], {"freezes"}, id="the first of a process"),
        pytest.param([[row(4)], [row(4)]], set(), id="nothing new"),
        pytest.param([[row(4)], [row(5, "tokens")]], {"tokens"}, id="the next one"),
        pytest.param([[row(4)], [row(6)]], EVERYTHING, id="two at once"),
        pytest.param(
            [[], [row(1, "tokens", "a"), row(1, "people", "b")]], {"tokens", "people"}, id="of two"
        ),
        pytest.param([[row(4)], [], [row(1, "tokens")]], {"tokens"}, id="one that began again"),
        pytest.param([[row(4)], [row(2)]], EVERYTHING, id="one that counts anew"),
    ],
)
def test_asking_finds_what_was_not_notified(asked: Sequence[Sequence[Row]], heard: Topics) -> None:
    one = Heard(OWN)

    assert [one.read(rows) for rows in asked][-1] == frozenset(heard)


@given(st.lists(st.sampled_from(["notified", "lost", "asked"]), max_size=30))
def test_nothing_that_was_committed_stays_unheard(steps: Sequence[str]) -> None:
    one, number = Heard(OWN), 0
    unheard: set[str] = set()
    for step in [*steps, "asked"]:
        if step == "asked":
            heard = one.read([row(number, f"t{number}")] if number else [])
            assert unheard <= heard or heard == EVERYTHING or not unheard
            unheard.clear()
            continue
        number += 1
        unheard.add(f"t{number}")
        if step == "notified":
            heard = one.notified(note(number, f"t{number}"))
            assert f"t{number}" in heard or heard == EVERYTHING
            unheard -= set(heard) if heard != EVERYTHING else unheard


def test_what_is_rolled_back_is_not_announced(postgres_url: str) -> None:
    with pytest.raises(RuntimeError), transaction(postgres_url) as tx:
        touch_and_raise(tx)

    with transaction(postgres_url) as tx:
        assert kept(tx) == []


def test_rows_of_processes_that_ended_are_forgotten(postgres_url: str) -> None:
    with transaction(postgres_url) as tx:
        for process, days in (("gone", 2), ("here", 0)):
            tx.touch("tokens")
            announce(tx, process, tx.topics)
            tx.conn.execute(
                announcements.update()
                .where(announcements.c.process == process)
                .values(at=announcements.c.at - days * 86_400)
            )
        tx.topics.clear()
        forget_old(tx)

        assert kept(tx) == ["here"]


@pytest.mark.parametrize(
    ("seconds", "moved", "announced"),
    [
        pytest.param(0, DECIDED, None, id="another one, at once"),
        pytest.param(PUT_OFF_SECONDS, DECIDED, DECIDED, id="another one, later"),
        pytest.param(0, "tokens", "tokens", id="something else"),
        pytest.param(PUT_OFF_SECONDS, "", None, id="nothing"),
    ],
)
def test_a_change_that_is_settled_at_once_is_announced_unless_one_was_just_before(
    seconds: float, moved: str, announced: str | None, postgres_url: str
) -> None:
    clock = Clock()
    announcer = Announcer(OWN, clock)
    with transaction(postgres_url) as tx:
        first = written(tx, announcer, DECIDED)
        clock.at += seconds

        then = written(tx, announcer, *filter(None, [moved]))

    assert first == (1, DECIDED)
    assert then == (first if announced is None else (2, announced))


def test_what_was_put_off_is_announced_with_what_follows(postgres_url: str) -> None:
    announcer = Announcer(OWN, Clock())
    with transaction(postgres_url) as tx:
        for _ in range(2):
            written(tx, announcer, DECIDED)

        assert written(tx, announcer, "tokens") == (2, f"{DECIDED},tokens")
        assert not announcer.owes(at_the_end=True)


def test_what_was_put_off_is_announced_even_if_nothing_follows(postgres_url: str) -> None:
    clock = Clock()
    announcer = Announcer(OWN, clock)
    with transaction(postgres_url) as tx:
        for _ in range(2):
            written(tx, announcer, DECIDED)
        owed = [announcer.owes(at_the_end=ends) for ends in (False, True)]
        clock.at += PUT_OFF_SECONDS

        assert owed == [False, True]
        assert announcer.owes(at_the_end=False)
        assert written(tx, announcer) == (2, DECIDED)
        assert not announcer.owes(at_the_end=True)


def test_an_announcement_that_was_rolled_back_is_still_owed(postgres_url: str) -> None:
    announcer = Announcer(OWN, Clock())
    with pytest.raises(RuntimeError), transaction(postgres_url) as tx:
        announce_and_raise(tx, announcer)

    assert announcer.owes(at_the_end=True)
    with transaction(postgres_url) as tx:
        assert written(tx, announcer) == (1, DECIDED)


@pytest.mark.anyio
async def test_a_process_that_ends_announces_what_it_has_put_off(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    for number in range(2):
        await store.record(make_unit(number))

    store.close()

    with transaction(postgres_url) as tx:
        ((_, number, topics),) = rows(tx)
    assert (number, topics) == (2, DECIDED)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.at


def written(tx: Tx, announcer: Announcer, *topics: str) -> tuple[int, str]:
    """Commit what moved these topics, as the writer does, and return the announcement by then."""
    tx.topics = set(topics)
    announcer.announce(tx)
    announcer.committed()
    tx.topics = set()
    ((_, number, announced),) = rows(tx)
    return number, announced


def announce_and_raise(tx: Tx, announcer: Announcer) -> None:
    tx.topics = {DECIDED}
    announcer.announce(tx)
    raise RuntimeError


def touch_and_raise(tx: Tx) -> None:
    tx.touch("tokens")
    raise RuntimeError


def kept(tx: Tx) -> list[str]:
    return [process for process, _, _ in rows(tx)]


def rows(tx: Tx) -> list[Row]:
    found = tx.conn.execute(announcements.select())
    return [(row.process, row.number, row.topics) for row in found]
