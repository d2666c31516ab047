"""Rows with one thing different, put into a database as if the gate had written them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select

from gate.core.canonical import digest
from gate.core.change import Repository
from gate.core.decision.asked import RequestDetails
from gate.core.decision.record import write_asked
from gate.storage.changes.units import insert_decision
from gate.storage.database.engine import open_engine
from gate.storage.database.rows import DecisionRow
from gate.storage.database.tx import Tx
from gate.storage.identity import tokens
from gate.storage.identity.tokens import Token
from gate.storage.store import transaction
from gate.storage.tables import schema, schema_learning

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
COMMIT = "a" * 40

_numbers = count()


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """A connection that may only read, as a decision has it."""
    with open_engine(url, read_only=True).connect() as conn:
        yield conn


def planned(conn: Connection, look: Callable[[Connection], object]) -> list[str]:
    """How SQLite goes about each statement that this sends: one text a statement, steps by line."""
    sent: list[str] = []
    raw = conn.connection.dbapi_connection
    assert raw is not None
    raw.set_trace_callback(sent.append)
    look(conn)
    raw.set_trace_callback(None)
    return [
        "\n".join(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {sql}"))
        for sql in sent
        if sql.lstrip().startswith(("SELECT", "DELETE"))
    ]


def change_id() -> str:
    """Another one at every call, in ascending order."""
    return f"chg_{next(_numbers):026d}"


def put_change(conn: Connection, **different: object) -> str:
    """An approved change of `shop` in `production`, valid for four hours; its id."""
    change = str(different.get("id", change_id()))
    row: dict[str, object] = {
        "id": change,
        "service": "shop",
        "environment": "production",
        "commit_sha": COMMIT,
        "digests": (),
        "direction": "forward",
        "lines": 10,
        "caller": "token:one",
        "subject_key": digest(change.encode()),
        "state": "approved",
        "type": "standard",
        "route": "automatic",
        "outcome": "approved",
        "band": 0,
        "score": 3,
        "matched": ("routine",),
        "decision": 1,
        "subject_digest": "d" * 64,
        "excused": False,
        "parallel": False,
        "submitted_at": NOW,
        "decided_at": NOW,
        "valid_until": NOW + 4 * HOUR,
        "close_within_seconds": 3600,
        "failed": False,
        "detail": write_asked(
            RequestDetails(repository=Repository("https://github.com", 7, "acme/shop"))
        ),
    } | different
    if row["state"] != "pending":
        row.setdefault("settled_at", row["decided_at"])
    conn.execute(insert(schema.changes).values(row))
    return change


def token_of(conn: Connection, text: str, now: datetime) -> Token | None:
    """The token that a text is, or None if it is none that counts now."""
    presented = tokens.present(text)
    return presented and tokens.judge(tokens.find(conn, presented.id), presented, now)


def put_closed(
    conn: Connection, at: datetime, result: str = "successful", **different: object
) -> str:
    """A change that was admitted at that time and closed a minute later."""
    failed = result in {"unsuccessful", "rolled_back"}
    life = {
        "admitted_at": at,
        "closed_at": at + MINUTE,
        "failed": failed,
        "failed_at": at + MINUTE if failed else None,
    }
    return put_change(
        conn,
        **{
            "state": "closed",
            "result": result,
            "same_commit": False,
            "close_by": at + HOUR,
            **life,
            **different,
        },
    )


def put_match(
    conn: Connection,
    change: str,
    admitted_at: datetime,
    name: str = "routine",
    service: str = "shop",
) -> None:
    """That this change matched a standard change when it was admitted."""
    row = {
        "service": service,
        "environment": "production",
        "standard_change": name,
        "change_id": change,
        "admitted_at": admitted_at,
    }
    conn.execute(insert(schema.standard_matches).values(row))


def put_path(
    conn: Connection, path: str, changes: int, failures: int, service: str = "shop"
) -> None:
    """What is counted for a path."""
    row = {
        "service": service,
        "environment": "production",
        "path": path,
        "changes": changes,
        "failures": failures,
    }
    conn.execute(insert(schema_learning.path_outcomes).values(row))


def put_standard_change(conn: Connection, name: str, **instants: datetime) -> None:
    """What people or failures did to a standard change."""
    row = {
        "service": "shop",
        "environment": "production",
        "standard_change": name,
        "because": "two failed",
        **instants,
    }
    conn.execute(insert(schema.standard_changes).values(row))


def put_decision(tx: Tx, change: str, words: tuple[str, ...] = (), **different: object) -> None:
    """The first decision of a change, with the words by which it is found."""
    row: dict[str, Any] = {
        "change_id": change,
        "number": 1,
        "at": NOW,
        "service": "shop",
        "environment": "production",
        "type": "standard",
        "route": "automatic",
        "outcome": "approved",
        "band": 0,
        "score": 3,
        "policy": "production",
        "revision": "r" * 64,
        "standard_change": "routine",
        "subject_digest": "d" * 64,
        "record": orjson.dumps({"change": change}),
        "record_sha256": "0" * 64,
    } | different
    insert_decision(tx, DecisionRow(**row), words)


@contextmanager
def writing(url: str) -> Iterator[Tx]:
    """One transaction, as a function that writes has it."""
    with transaction(url) as tx:
        yield tx


def everything_in(conn: Connection) -> str:
    """Every row of every table, to look for what must not be there."""
    return repr(
        [
            tuple(row)
            for table in schema.metadata.sorted_tables
            for row in conn.execute(select(table))
        ]
    )


def run(url: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement, which no type of a column has read."""
    with open_engine(url).begin() as connection:
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []
