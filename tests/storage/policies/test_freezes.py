"""Windows that people declared: which are open, which come later, and which are over."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gate.core.calendar.calendar import Reach
from gate.core.calendar.freeze import Window
from gate.storage.database.pages import Part
from gate.storage.policies import freezes
from gate.storage.policies.freezes import (
    Declared,
    add,
    freeze_page,
    lift,
    not_over,
    open_at,
    read,
)
from tests.storage.stored import DAY, HOUR, NOW, reading, writing

WINDOW = Declared(
    id="frz_1",
    reason="t" * 64,
    stop=False,
    begins=NOW,
    ends=NOW + HOUR,
    services=("shop", "it's"),
    environments=("production",),
    created_at=NOW,
    created_by="person:ada",
)


def test_a_window_that_was_lifted_is_over_at_once_and_others_are_told(database_url: str) -> None:
    with writing(database_url) as tx:
        add(tx, WINDOW)
        tx.topics.clear()

        assert lift(tx, WINDOW.id, "person:ben")
        assert not lift(tx, WINDOW.id, "person:cy")
        assert not lift(tx, "frz_2", "person:cy")
        assert open_at(tx.conn, NOW) == ()
        assert read(tx.conn, WINDOW.id) == replace(
            WINDOW, services=("it's", "shop"), lifted_at=tx.now, lifted_by="person:ben"
        )
        assert tx.topics == {freezes.TOPIC}


@pytest.mark.parametrize(
    ("ends", "there"),
    [(NOW, False), (NOW + timedelta(microseconds=1), True), (None, True)],
)
def test_a_window_ends_before_its_last_instant(
    database_url: str, ends: datetime | None, *, there: bool
) -> None:
    with writing(database_url) as tx:
        add(tx, replace(WINDOW, begins=NOW - DAY, ends=ends))

        assert bool(open_at(tx.conn, NOW)) is there


def test_what_opens_later_is_seen_too(database_url: str) -> None:
    with writing(database_url) as tx:
        add(tx, WINDOW)
        add(tx, replace(WINDOW, id="frz_2", stop=True, ends=None, services=(), environments=()))

    with reading(database_url) as conn:
        found = open_at(conn, NOW - DAY)

    assert found == (
        Window("frz_2", "t" * 64, NOW, None, stop=True),
        Window(
            "frz_1",
            "t" * 64,
            NOW,
            NOW + HOUR,
            reach=Reach(
                services=frozenset({"shop", "it's"}), environments=frozenset({"production"})
            ),
        ),
    )


@pytest.mark.parametrize("stop", [True, False])
def test_no_number_of_windows_and_stopped_lines_hides_another(
    database_url: str, *, stop: bool
) -> None:
    last = replace(WINDOW, id="frz_99999", stop=stop, ends=None if stop else WINDOW.ends)
    with writing(database_url) as tx:
        for number in range(1_300):
            add(tx, replace(WINDOW, id=f"frz_{number:05d}", stop=number % 2 == 0))
        add(tx, last)

        assert last.id in {one.id for one in open_at(tx.conn, NOW)}
        assert last.id in {one.id for one in not_over(tx.conn, NOW)}


def test_the_list_is_newest_first_with_what_is_over(database_url: str) -> None:
    with writing(database_url) as tx:
        for number in range(4):
            add(tx, replace(WINDOW, id=f"frz_{number}", created_at=NOW + number // 2 * HOUR))
        lift(tx, "frz_1", "person:ada")
        first = freeze_page(tx.conn, Part(3))
        rest = freeze_page(tx.conn, Part(3, first.next))
        later = freeze_page(tx.conn, Part(3, begins=NOW + HOUR))
        earlier = freeze_page(tx.conn, Part(3, ends=NOW + HOUR))

    assert [one.id for one in (*first.rows, *rest.rows)] == ["frz_3", "frz_2", "frz_1", "frz_0"]
    assert rest.next is None
    assert [one.id for one in later.rows] == ["frz_3", "frz_2"]
    assert [one.id for one in earlier.rows] == ["frz_1", "frz_0"]


def test_what_is_lifted_or_over_is_not_among_what_can_still_be_lifted(database_url: str) -> None:
    with writing(database_url) as tx:
        add(tx, replace(WINDOW, id="frz_over", ends=NOW))
        add(tx, replace(WINDOW, id="frz_lifted"))
        lift(tx, "frz_lifted", "person:ada")
        add(tx, replace(WINDOW, id="frz_open", created_at=NOW - HOUR))
        add(tx, replace(WINDOW, id="frz_stop", stop=True, ends=None))

        assert [one.id for one in not_over(tx.conn, NOW)] == ["frz_stop", "frz_open"]
