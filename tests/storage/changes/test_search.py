"""A search reads no more among many decisions than among few."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection, event

from gate.storage.changes import search
from gate.storage.changes.change_list import ChangeFilters, change_page
from gate.storage.changes.log import LogFilters, log_page
from gate.storage.database.pages import Part
from tests.storage.stored import HOUR, NOW, planned, put_change, put_decision, reading, writing


@pytest.mark.parametrize(
    ("commons", "checks"),
    [
        pytest.param(6, True, id="the page and one more are near"),
        pytest.param(5, False, id="no more than the page are near"),
    ],
)
def test_rows_are_checked_only_where_that_fills_the_page(
    sqlite_url: str,
    commons: int,
    checks: bool,  # noqa: FBT001 - a column of the table
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "WALKED_MAX", 20)
    with writing(sqlite_url) as tx:
        for number in range(60):
            word = "basket" if number < 30 or number >= 60 - commons else "other"
            put_decision(tx, put_change(tx.conn), (word,), at=NOW + number * HOUR)

    with reading(sqlite_url) as conn:
        sent = planned(conn, lambda conn: log_page(conn, LogFilters(words="basket"), Part(5)))

    assert ("CORRELATED SCALAR SUBQUERY" in sent[-1]) is checks


def test_a_word_that_every_decision_has_is_found_in_as_many_steps_among_many_as_among_few(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "WALKED_MAX", 20)  # or the test would need ten thousand decisions
    part = Part(5)
    spent = []
    hours = count()
    for more in (50, 250):
        with writing(sqlite_url) as tx:
            for _ in range(more):
                at = NOW + next(hours) * HOUR
                put_decision(tx, put_change(tx.conn, submitted_at=at), ("basket",), at=at)
            # The index is in pieces, and how many there are would count, too.
            tx.conn.exec_driver_sql(
                "INSERT INTO decision_words (decision_words) VALUES ('optimize')"
            )
        with reading(sqlite_url) as conn:
            spent.append(
                (
                    steps(conn, lambda conn: log_page(conn, LogFilters(words="basket"), part)),
                    steps(
                        conn,
                        lambda conn: change_page(
                            conn, ChangeFilters(words="basket"), part, now=NOW
                        ),
                    ),
                )
            )

    few, many = spent
    assert many == few


def steps(conn: Connection, look: Callable[[Connection], object]) -> int:
    """How many instructions SQLite runs for all statements that this sends."""
    run = count()
    raw = conn.connection.dbapi_connection
    assert raw is not None
    raw.set_progress_handler(lambda: next(run) and 0, 1)
    look(conn)
    raw.set_progress_handler(None, 1)
    return next(run)


@pytest.mark.postgres
def test_postgresql_walks_the_list_for_a_word_that_every_decision_has(postgres_url: str) -> None:
    with writing(postgres_url) as tx:
        for hour in range(60):
            at = NOW + hour * HOUR
            put_decision(tx, put_change(tx.conn, submitted_at=at), ("basket",), at=at)

    with reading(postgres_url) as conn:
        log = explained(conn, lambda: log_page(conn, LogFilters(words="basket"), Part(5)))
        listed = explained(
            conn, lambda: change_page(conn, ChangeFilters(words="basket"), Part(5), now=NOW)
        )

    assert "Index Scan Backward using ix_decisions_newest on decisions" in log
    assert "Index Scan Backward using ix_changes_newest on changes" in listed
    assert "Sort" not in log + listed


def explained(conn: Connection, look: Callable[[], object]) -> str:
    """How PostgreSQL goes about the last statement that this sends."""
    sent: list[tuple[str, Any]] = []

    def note(*given: Any) -> None:
        sent.append(given[2:4])

    event.listen(conn, "before_cursor_execute", note)
    look()
    event.remove(conn, "before_cursor_execute", note)
    statement, parameters = sent[-1]
    rows = conn.connection.cursor().execute(f"EXPLAIN {statement}", parameters)
    return "\n".join(row[0] for row in rows)
