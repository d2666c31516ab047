"""The decisions of a change, and their bytes."""

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import NoResultFound

from gate.storage.changes.decisions import (
    decision_page,
    read,
    record,
    records,
)
from gate.storage.database.pages import Part
from tests.storage.stored import HOUR, NOW, planned, put_change, put_decision, reading, writing


def numbers(conn: Connection, change: str) -> list[int]:
    """Of its decisions, two by two."""
    found = decision_page(conn, change, Part(2))
    rows = [*found.rows]
    while found.next is not None:
        found = decision_page(conn, change, Part(2, found.next))
        rows += found.rows
    return [one.number for one in rows]


def test_of_a_change_that_is_not_there_nothing_is_found(database_url: str) -> None:
    with reading(database_url) as conn:
        assert (numbers(conn, "chg_1"), read(conn, "chg_1", 1)) == ([], None)
        with pytest.raises(NoResultFound):
            record(conn, "chg_1", 1)


def test_all_decisions_of_a_change_are_there_newest_first(database_url: str) -> None:
    with writing(database_url) as tx:
        change, other = put_change(tx.conn), put_change(tx.conn)
        for number in (1, 2, 10):
            put_decision(tx, change, number=number, at=NOW - number * HOUR)
        put_decision(tx, other, number=3)

        assert numbers(tx.conn, change) == [10, 2, 1]


def test_only_the_decisions_of_the_time_that_is_asked_for_are_there(database_url: str) -> None:
    with writing(database_url) as tx:
        change = put_change(tx.conn)
        for number in (1, 2, 3):
            put_decision(tx, change, number=number, at=NOW + number * HOUR)

        part = Part(5, begins=NOW + 2 * HOUR, ends=NOW + 3 * HOUR)
        found = decision_page(tx.conn, change, part).rows

    assert [one.number for one in found] == [2]


def test_a_decision_comes_back_with_the_very_bytes(database_url: str) -> None:
    content = '{"title":"“ü” \\u0000"}'.encode()
    with writing(database_url) as tx:
        change = put_change(tx.conn)
        put_decision(tx, change, record=content)

        assert record(tx.conn, change, 1) == content
        assert read(tx.conn, change, 1) == content
        assert decision_page(tx.conn, change, Part(1)).rows == ((1, content),)


def test_records_of_several_changes_come_by_their_change(database_url: str) -> None:
    with writing(database_url) as tx:
        one, other = put_change(tx.conn), put_change(tx.conn)
        for change, number in ((one, 1), (one, 2), (other, 1)):
            put_decision(tx, change, number=number, record=f"{change} {number}".encode())

        found = records(tx.conn, [(one, 2), (other, 1)])

    assert found == {one: f"{one} 2".encode(), other: f"{other} 1".encode()}


def test_a_record_that_is_missing_is_no_record_of_another_decision(database_url: str) -> None:
    with writing(database_url) as tx:
        one, other = put_change(tx.conn), put_change(tx.conn)
        put_decision(tx, one, number=1)
        put_decision(tx, other, number=2)

        with pytest.raises(LookupError, match=one):
            records(tx.conn, [(one, 2), (other, 1)])


def test_records_of_several_changes_are_found_by_an_index(sqlite_url: str) -> None:
    with writing(sqlite_url) as tx:
        changes = [put_change(tx.conn) for _ in range(3)]
        for change in changes:
            put_decision(tx, change)
        (plan,) = planned(tx.conn, lambda conn: records(conn, [(one, 1) for one in changes]))

    assert "SEARCH decisions USING INDEX" in plan
    assert "SCAN decisions" not in plan
