"""Texts and names, their ids, and forgetting them."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.storage.changes.units import insert_unit
from gate.storage.database.engine import open_engine
from gate.storage.database.rows import MessageRow
from gate.storage.store import transaction
from gate.storage.texts import (
    IDS_A_STATEMENT_MAX,
    erase,
    insert_texts,
    name_ids,
    new_text,
    read_texts,
)
from tests.storage.making import AT, make_change, make_unit


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_the_id_is_the_hash_of_salt_and_text(text: str) -> None:
    row = new_text(text)

    assert row.id == hashlib.sha256(bytes.fromhex(row.salt) + row.text.encode()).hexdigest()
    assert len(bytes.fromhex(row.salt)) == 16


@pytest.mark.parametrize(
    ("text", "kept"), [("a\udc80b", "a?b"), ("a\0b", "a\ufffdb"), ("Zoë 😀", "Zoë 😀")]
)
def test_what_no_database_keeps_is_replaced(database_url: str, text: str, kept: str) -> None:
    row = new_text(text)
    with transaction(database_url) as tx:
        insert_texts(tx, [row])

        assert read_texts(tx.conn, [row.id]) == {row.id: kept}


def test_the_same_text_twice_has_two_ids() -> None:
    assert new_text("same").id != new_text("same").id


def test_a_name_keeps_its_id_while_it_is_known(database_url: str) -> None:
    with transaction(database_url) as tx:
        first = name_ids(tx, ["ada", "ben", "ada"])
    with transaction(database_url) as tx:
        second = name_ids(tx, ["ben", "cy"])
        erase(tx, [first["ada"]])
        third = name_ids(tx, ["ada", "ben"])

    assert first["ben"] == second["ben"] == third["ben"]
    assert third["ada"] != first["ada"]
    assert list(first) == ["ada", "ben"]


def test_a_name_that_somebody_also_wrote_as_a_text_is_another_row(database_url: str) -> None:
    text = new_text("ada")
    with transaction(database_url) as tx:
        insert_texts(tx, [text])

        assert name_ids(tx, ["ada"])["ada"] != text.id


def test_many_names_and_texts_are_found(database_url: str) -> None:
    names = [f"name{n}" for n in range(IDS_A_STATEMENT_MAX + 5)]
    with transaction(database_url) as tx:
        ids = name_ids(tx, names)

        assert read_texts(tx.conn, ["", *ids.values()]) == {
            identity: name for name, identity in ids.items()
        }


def test_what_is_erased_is_gone_and_the_record_stays(database_url: str) -> None:
    text, change = new_text("secret"), make_change(1).id
    message = MessageRow("m", AT, "chat", change, b"secret", AT)
    with transaction(database_url) as tx:
        insert_unit(tx, make_unit(1, key="k", texts=[text], messages=[message], words=["secret"]))
        insert_unit(tx, make_unit(2, key="l", words=["secret"]))
        record = tx.conn.exec_driver_sql(
            "SELECT change_id, record FROM decisions ORDER BY id"
        ).all()

        assert erase(tx, [text.id, "0" * 64], [change]) == 1

        assert read_texts(tx.conn, [text.id]) == {}
        assert (
            tx.conn.exec_driver_sql("SELECT change_id, record FROM decisions ORDER BY id").all()
            == record
        )
        assert tx.conn.exec_driver_sql("SELECT key FROM idempotency").all() == [("l",)]
        assert tx.conn.exec_driver_sql("SELECT id FROM outbox").all() == []
    words = {
        "sqlite": "SELECT rowid FROM decision_words",
        "postgresql": "SELECT id FROM decisions WHERE words <> ''",
    }
    with open_engine(database_url).connect() as connection:
        assert len(connection.exec_driver_sql(words[connection.dialect.name]).all()) == 1
