"""How a database is made and upgraded, and what it refuses from then on."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import DBAPIError

from gate.errors import Unavailable
from gate.storage.changes import approvals
from gate.storage.changes.approvals import Approval
from gate.storage.changes.units import insert_unit
from gate.storage.database.engine import BUSY_LIMIT_MS, open_engine
from gate.storage.migrate import (
    TABLE_LOCK_LIMIT_MS,
    SchemaNewer,
    SchemaOlder,
    head,
    upgrade,
)
from gate.storage.store import Store, transaction
from tests.storage.frozen import revision
from tests.storage.making import make_unit
from tests.storage.stored import run

REJECTION = Approval(
    "ben",
    1,
    rejected=True,
    subject_digest="d" * 64,
    comment="",
    at=datetime(2026, 1, 31, tzinfo=UTC),
)
LATE = {
    "sqlite": ("CREATE TABLE decision_words (a)", "DROP TABLE decision_words"),
    "postgresql": (
        "CREATE FUNCTION gate_refuse() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION gate_refuse()",
    ),
}
"""What makes the first migration fail near its end, and how to take it away."""


def test_f26_a_newer_database_is_left_alone(database_url: str) -> None:
    run(database_url, "UPDATE alembic_version SET version_num = '2999_01_01_later'")

    with pytest.raises(SchemaNewer, match="2999_01_01_later"):
        upgrade(database_url)
    with pytest.raises(SchemaNewer, match="newer release"):
        Store.open(database_url)


def test_a_database_that_was_never_upgraded_is_not_opened(empty_database_url: str) -> None:
    open_engine(empty_database_url, create=True)

    with pytest.raises(SchemaOlder, match="gate db upgrade"):
        Store.open(empty_database_url)


def test_f26_an_interrupted_upgrade_leaves_nothing_and_starts_again(
    empty_database_url: str,
) -> None:
    engine = open_engine(empty_database_url, create=True)
    spoil, repair = LATE[engine.dialect.name]
    run(empty_database_url, spoil)

    with pytest.raises(Unavailable, match="was not upgraded"):
        upgrade(empty_database_url)
    assert revision(empty_database_url) is None

    run(empty_database_url, repair)
    assert upgrade(empty_database_url) == revision(empty_database_url) == head()


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    with transaction(database_url) as tx:
        insert_unit(tx, make_unit(1))

    upgrade(database_url)

    assert run(database_url, "SELECT count(*) FROM changes") == [(1,)]


def test_f26_an_upgrade_does_not_keep_a_table_waiting(postgres_url: str) -> None:
    """Everybody who asks for the table waits behind the upgrade, so it gives up first."""
    with open_engine(postgres_url).begin() as connection:
        connection.exec_driver_sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")

        with pytest.raises(
            Unavailable, match="as it was before; run gate db upgrade again"
        ) as refused:
            upgrade(postgres_url, table_lock_limit_ms=1)
    assert "lock timeout" in refused.value.place


def test_who_writes_waits_longer_for_a_lock_than_an_upgrade() -> None:
    assert TABLE_LOCK_LIMIT_MS < BUSY_LIMIT_MS


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET outcome = 'rejected'",
        "UPDATE decisions SET record = record, number = 2",
        "DELETE FROM decisions",
        "DELETE FROM ledger_entries",
        "UPDATE ledger_entries SET body = 'x'",
        "UPDATE ledger_entries SET \"index\" = 0, kind = 'other'",
        'UPDATE ledger_entries SET "index" = NULL',
        "UPDATE approvals SET rejected = false",
        "UPDATE approvals SET person = 'eve', lapsed_at = 5",
        "UPDATE approvals SET lapsed_at = NULL",
        "DELETE FROM approvals",
    ],
)
def test_the_database_refuses_to_change_the_record(database_url: str, statement: str) -> None:
    with transaction(database_url) as tx:
        insert_unit(tx, make_unit(1))
        approvals.add(tx, make_unit(1).change.id, REJECTION)
    before = record(database_url)

    with pytest.raises(DBAPIError, match=r"never|only the empty (index|time)"):
        run(database_url, statement)

    assert record(database_url) == before


def test_replacing_a_row_is_no_way_round(sqlite_url: str) -> None:
    with transaction(sqlite_url) as tx:
        insert_unit(tx, make_unit(1))

    with pytest.raises(DBAPIError, match="never deleted"):
        run(sqlite_url, "INSERT OR REPLACE INTO ledger_entries SELECT * FROM ledger_entries")


def test_the_lapse_of_an_approval_is_set_once(database_url: str) -> None:
    with transaction(database_url) as tx:
        insert_unit(tx, make_unit(1))
        approvals.add(tx, make_unit(1).change.id, REJECTION)

    run(database_url, "UPDATE approvals SET lapsed_at = 5")

    with pytest.raises(DBAPIError, match=r"never|only the empty time"):
        run(database_url, "UPDATE approvals SET lapsed_at = 6")


@pytest.mark.parametrize(
    "table", ["decisions", "ledger_entries", "approvals", "tiles", "ledger_head", "checkpoints"]
)
def test_truncating_a_table_is_no_way_round(postgres_url: str, table: str) -> None:
    with pytest.raises(DBAPIError, match="never changed"):
        run(postgres_url, f"TRUNCATE {table} CASCADE")


def test_the_place_of_an_entry_is_set_once(database_url: str) -> None:
    with transaction(database_url) as tx:
        insert_unit(tx, make_unit(1))

    run(database_url, 'UPDATE ledger_entries SET "index" = 0')

    with pytest.raises(DBAPIError, match=r"never|only the empty index"):
        run(database_url, 'UPDATE ledger_entries SET "index" = 1')


def record(url: str) -> list[tuple[object, ...]]:
    return [
        row
        for table in ("decisions", "ledger_entries", "approvals")
        for row in run(url, f"SELECT * FROM {table}")  # noqa: S608 - our own names
    ]
