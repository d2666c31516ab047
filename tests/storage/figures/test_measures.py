"""Whoever sends many values of a measure makes neither the writer nor the scorecard slower."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from gate.storage.database.tx import Tx
from gate.storage.figures.measures import EVERYWHERE, Measure, keep, newest
from gate.storage.tables.schema_learning import measures
from tests.flow.shop import open_shop

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
MANY = 3_000


def measure(number: int, name: str = "cost", environment: str = EVERYWHERE) -> Measure:
    """The value of that second."""
    at = BEGAN + timedelta(seconds=number)
    return Measure("web", environment, name, "EUR", number, at)


def steps_of(conn: Connection, work: Any) -> int:
    """How many steps of ten SQLite takes for this work."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    raw: Any = conn.connection.dbapi_connection
    raw.set_progress_handler(count, 10)
    work()
    raw.set_progress_handler(None, 0)
    return steps


def put_many(tx: Tx) -> None:
    rows = [
        {
            **{name: getattr(measure(number), name) for name in Measure.__slots__},
            "caller": "token:x",
            "received_at": tx.now,
        }
        for number in range(10, MANY)
    ]
    tx.conn.execute(insert(measures), rows)


@pytest.mark.anyio
async def test_a_value_costs_the_same_after_ten_others_and_after_thousands(
    sqlite_url: str, tmp_path: Path
) -> None:
    def costs(tx: Tx, number: int) -> tuple[int, int, int]:
        conn = tx.conn
        return (
            steps_of(conn, lambda: keep(tx, measure(number), "token:x")),
            steps_of(conn, lambda: keep(tx, measure(number, f"other-{number}"), "token:x")),
            steps_of(conn, lambda: newest(conn, "web", "production", ends=tx.now)),
        )

    async with open_shop(sqlite_url, tmp_path) as shop:
        for number in range(10):
            await shop.gate.store.write(keep, measure(number), "token:x")
        few = await shop.gate.store.write(costs, MANY + 1)
        await shop.gate.store.write(put_many)
        many = await shop.gate.store.write(costs, MANY + 2)

    assert all(after <= 4 * before + 20 for before, after in zip(few, many, strict=True))


@pytest.mark.anyio
async def test_the_newest_value_of_a_place_and_of_all_its_environments_is_read(
    database_url: str, tmp_path: Path
) -> None:
    ends = BEGAN + timedelta(seconds=5)
    async with open_shop(database_url, tmp_path) as shop:
        for one in (
            *(measure(number) for number in (1, 3, 5, 9)),
            measure(2, "adoption", "production"),
            measure(2, "adoption", "staging"),
            measure(7, "too-late", "production"),
        ):
            await shop.gate.store.write(keep, one, "token:x")
        found = await shop.gate.store.read(newest, "web", "production", ends=ends)

    assert [(one.name, one.environment, one.value) for one in found] == [
        ("adoption", "production", 2),
        ("cost", "", 3),
    ]
