"""What recording a unit adds, and what it answers when there was something already."""

from datetime import timedelta

import pytest
from sqlalchemy import Table, text

from gate.core.instants import to_us
from gate.storage.changes.units import (
    NEW,
    STALE,
    Recorded,
    Recording,
    insert_decision,
    insert_unit,
    pass_on_run_key,
)
from gate.storage.database.engine import open_engine
from gate.storage.database.rows import (
    DecisionRow,
    EntryRow,
    KeyRow,
    MessageRow,
    RollupRow,
    TextRow,
)
from gate.storage.store import transaction
from gate.storage.tables import schema, schema_work
from gate.storage.tables.packed import unpack
from gate.storage.texts import new_text
from tests.storage.making import (
    AT,
    KEY_LIFETIME,
    make_change,
    make_decision,
    make_rollup,
    make_unit,
    recorded,
)
from tests.storage.stored import run

ROWS = {
    DecisionRow: schema.decisions,
    EntryRow: schema.ledger_entries,
    TextRow: schema.texts,
    MessageRow: schema_work.outbox,
    KeyRow: schema_work.idempotency,
    RollupRow: schema_work.rollups,
}


def test_another_policy_set_in_force_makes_a_unit_stale(database_url: str) -> None:
    run(database_url, "INSERT INTO policy_sets VALUES ('now', 'a', 'b', 'c', '{}', 1, 'x')")
    run(database_url, "INSERT INTO in_force VALUES (1, 1, 'now', 1, 'x', '')")

    assert recorded(database_url, make_unit(1, expects_policy_set="before")) == [STALE]
    assert count(database_url, "changes") == 0
    assert recorded(database_url, make_unit(1, expects_policy_set="now")) == [NEW]


def test_the_same_key_is_answered_with_the_first_answer(database_url: str) -> None:
    first = make_unit(1, key="k")
    recorded(database_url, first)

    again = recorded(database_url, make_unit(2, key="k", expects_policy_set="whatever"))

    assert again == [Recorded(Recording.SAME_KEY, key=first.key)]
    assert count(database_url, "changes") == 1


def test_a_key_is_its_callers_own(database_url: str) -> None:
    assert recorded(
        database_url, make_unit(1, key="k"), make_unit(2, key="k", caller="token:b")
    ) == [NEW, NEW]


def test_a_key_is_forgotten_after_its_time(database_url: str) -> None:
    recorded(database_url, make_unit(1, key="k"))
    last = make_change(2, decided_at=AT + KEY_LIFETIME, run_key=None)
    over = make_change(3, decided_at=AT + timedelta(microseconds=1) + KEY_LIFETIME)

    assert (
        recorded(database_url, make_unit(2, key="k", decision=make_decision(last)))[0].outcome
        is Recording.SAME_KEY
    )
    assert recorded(database_url, make_unit(3, key="k", decision=make_decision(over))) == [NEW]


def test_a_run_has_one_change(database_url: str) -> None:
    recorded(database_url, make_unit(1, run="r"))

    assert recorded(database_url, make_unit(2, run="r")) == [
        Recorded(Recording.SAME_RUN, change_id=make_change(1).id)
    ]
    assert count(database_url, "changes") == 1


def test_a_freed_run_may_have_another_change(database_url: str) -> None:
    recorded(database_url, make_unit(1, run="r"))

    with transaction(database_url) as tx:
        assert not pass_on_run_key(tx, make_change(1).id, "another")
        assert pass_on_run_key(tx, make_change(1).id, "r")
        assert not pass_on_run_key(tx, make_change(1).id, "r")

    assert recorded(database_url, make_unit(2, run="r")) == [NEW]


def test_of_two_at_once_the_second_sees_the_first(database_url: str) -> None:
    one = make_unit(1, key="k", run="r")

    answers = recorded(
        database_url, one, make_unit(2, key="k"), make_unit(3, run="r"), make_unit(4)
    )

    assert answers == [
        NEW,
        Recorded(Recording.SAME_KEY, key=one.key),
        Recorded(Recording.SAME_RUN, change_id=one.change.id),
        NEW,
    ]
    assert count(database_url, "changes") == 2


@pytest.mark.parametrize("number", [1, 2, 3, 31, 32, 33, 100])
def test_any_number_of_units_is_recorded_whole(database_url: str, number: int) -> None:
    units = [make_unit(n, key=f"k{n}") for n in range(1, number + 1)]

    assert recorded(database_url, *units) == [NEW] * number

    assert run(database_url, "SELECT id FROM changes ORDER BY id") == [
        (unit.change.id,) for unit in units
    ]
    kept = run(database_url, "SELECT change_id, record FROM decisions ORDER BY id")
    assert [(change, unpack(record)) for change, record in kept] == [
        (unit.change.id, unit.decision.record) for unit in units
    ]
    for table in ("ledger_entries", "idempotency", "texts"):
        assert count(database_url, table) == number
    assert run(database_url, "SELECT measure, n FROM rollups") == [("submitted", number)]


def test_rollups_are_added_up(database_url: str) -> None:
    recorded(
        database_url,
        make_unit(
            1,
            rollups=[make_rollup("submitted"), make_rollup("failed", 3), make_rollup("closed", 0)],
        ),
    )
    recorded(
        database_url, make_unit(2, rollups=[make_rollup("submitted"), make_rollup("failed", -1)])
    )

    assert run(database_url, "SELECT measure, n FROM rollups ORDER BY measure") == [
        ("failed", 2),
        ("submitted", 2),
    ]


def test_messages_go_into_the_outbox(database_url: str) -> None:
    message = MessageRow("m1", AT, "chat", make_change(1).id, b"{}", AT)

    recorded(database_url, make_unit(1, messages=[message]))

    assert run(database_url, "SELECT id, attempts, delivered_at FROM outbox") == [("m1", 0, None)]


def test_the_words_of_a_decision_find_it(database_url: str) -> None:
    recorded(
        database_url,
        make_unit(1, words=["zürich", "one"]),
        make_unit(2, words=["zürich", "two"]),
        make_unit(3, words=[]),
    )

    assert found(database_url, "zürich") == [make_change(1).id, make_change(2).id]
    assert found(database_url, "two") == [make_change(2).id]
    assert found(database_url, "zurich") == []


def test_a_later_decision_has_words_of_its_own(database_url: str) -> None:
    recorded(database_url, make_unit(1))

    with transaction(database_url) as tx:
        insert_decision(tx, make_decision(make_change(1), number=2), ["later"])

    assert found(database_url, "later") == [make_change(1).id]
    assert count(database_url, "decisions") == 2


def test_a_decision_of_no_change_is_refused(database_url: str) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"), transaction(database_url) as tx:
        insert_decision(tx, make_decision(make_change(1)), [])


def test_an_entry_over_the_limit_is_a_fault(database_url: str) -> None:
    with pytest.raises(ValueError, match="16384"), transaction(database_url) as tx:
        insert_unit(
            tx, make_unit(1, entries=[EntryRow(to_us(AT), "decision", None, b"x" * 16_385)])
        )

    assert count(database_url, "changes") == 0


def test_every_character_a_text_may_have_is_kept(database_url: str) -> None:
    kept = new_text("quote ' \" \\ \n \u2028 \U0001f600 é" + "\x01")

    recorded(database_url, make_unit(1, texts=[kept]))

    assert run(database_url, "SELECT text FROM texts") == [(kept.text,)]


@pytest.mark.parametrize(
    ("row", "table"), ROWS.items(), ids=lambda one: getattr(one, "name", None) or one.__name__
)
def test_a_row_has_what_its_table_needs(row: type[tuple[object, ...]], table: Table) -> None:
    fields: tuple[str, ...] = row._fields  # type: ignore[attr-defined]  # of every named tuple
    needed = {
        c.name for c in table.c if not c.nullable and c.server_default is None and c.name != "id"
    }

    assert set(fields) <= set(table.c.keys())
    assert needed <= set(fields)


def count(url: str, table: str) -> object:
    return run(url, f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608 - a table's name


def found(url: str, word: str) -> list[object]:
    with open_engine(url).connect() as connection:
        rows = connection.execute(
            text(_FINDS[connection.dialect.name]),
            {"word": f'"{word}"' if connection.dialect.name == "sqlite" else word},
        )
        return [row[0] for row in rows]


_FINDS = {
    "sqlite": "SELECT change_id FROM decisions WHERE id IN (SELECT rowid FROM decision_words WHERE "
    "decision_words MATCH :word) ORDER BY id",
    "postgresql": "SELECT change_id FROM decisions WHERE string_to_array(words, ' ') @> "
    "ARRAY[:word] ORDER BY id",
}
