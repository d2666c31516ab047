"""Rows that meet one with the same key, and statements that are text, on both databases."""

from datetime import timedelta

from gate.storage.database.hot import Either, Hot, items_of
from gate.storage.database.upsert import add_up, insert_new, upsert
from gate.storage.tables import schema_work
from gate.storage.tables.schema_delivery import delivery_times
from gate.storage.tables.schema_ledger import ledger_head
from tests.storage.stored import NOW, reading, writing

LEASE = {"name": "worker", "holder": "one", "until": NOW}
SUM = {"service": "shop", "environment": "production", "measure": "lead", "day": 3, "seconds": 60}


def test_a_row_that_is_there_is_left_as_it_is(database_url: str) -> None:
    with writing(database_url) as tx:
        keys = [
            insert_new(tx, schema_work.leases, LEASE | {"holder": who}) for who in ("one", "two")
        ]

        assert keys == [True, False]
        assert [row.holder for row in tx.conn.execute(schema_work.leases.select())] == ["one"]


def test_a_key_that_the_database_could_make_is_told_apart_too(database_url: str) -> None:
    """There SQLAlchemy asks for the key that was made, and would lose the number of rows."""
    row = {"id": 1, "size": 5, "root": b"", "epoch": 1}
    with writing(database_url) as tx:
        assert not insert_new(tx, ledger_head, row)
        assert insert_new(tx, ledger_head, row | {"id": 2})


def test_a_row_is_set_where_the_one_that_is_there_allows_it(database_url: str) -> None:
    later = LEASE | {"holder": "two", "until": NOW + timedelta(hours=1)}
    with writing(database_url) as tx:
        free = schema_work.leases.c.until <= NOW

        assert upsert(tx, schema_work.leases, LEASE, where=free)
        assert upsert(tx, schema_work.leases, later, where=free)
        assert not upsert(tx, schema_work.leases, LEASE, where=free)
        assert upsert(tx, schema_work.leases, LEASE | {"holder": "three"}, only=("until",))
        assert tx.conn.execute(schema_work.leases.select()).all() == [("worker", "two", NOW)]


def test_numbers_are_added_up(database_url: str) -> None:
    with writing(database_url) as tx:
        for n in (2, 3, -1):
            add_up(tx, delivery_times, SUM | {"n": n})

        (row,) = tx.conn.execute(delivery_times.select()).mappings()
        assert dict(row) == SUM | {"n": 4}


def test_a_list_is_one_parameter(database_url: str) -> None:
    """Whatever is in its texts: quotes, braces, question marks and other languages."""
    texts = ['a "quoted" one', "{braces}", "what?", "größer", "%s", ""]
    pairs = Hot(
        "SELECT {one.place}, {one[0]}, {one[1]}, ? FROM {one} ORDER BY 1{word}",
        "one",
        word=Either(" ASC", " ASC NULLS FIRST"),
    )
    single = Hot("SELECT {one.value} FROM {one} ORDER BY {one.place}", "one")
    with reading(database_url) as conn:
        assert single.rows(conn, items_of(texts)) == [(text,) for text in texts]
        assert single.rows(conn, items_of([])) == []
        found = pairs.rows(conn, "c", items_of([(text, "b") for text in texts]))
    assert found == [(place, text, "b", "c") for place, text in enumerate(texts)]
