"""Waiting changes whose rows say another hold than is so, and how they are found."""

from datetime import datetime

import pytest

from gate.core.decision.values import Hold
from gate.storage.changes.holds import Place, held_otherwise, waiting_places
from tests.storage.stored import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    planned,
    put_change,
    put_closed,
    reading,
    writing,
)

HERE = Place("shop", "production")
FREEZE = Hold("year-end", "closing", NOW + DAY, ("change-authority",))
STOP = Hold("stop", "fire", None, (), stop=True)


def found(
    url: str,
    everybody: Hold | None,
    excused: Hold | None,
    *,
    after: str = "",
    limit: int = 9,
    now: datetime = NOW,
) -> list[str]:
    with reading(url) as conn:
        return held_otherwise(conn, HERE, (everybody, excused), now, after=after, limit=limit)


def test_only_what_waits_here_and_in_time_is_found(database_url: str) -> None:
    with writing(database_url) as tx:
        approved = put_change(tx.conn)
        pending = put_change(tx.conn, state="pending", expires_at=NOW + HOUR)
        put_change(tx.conn, valid_until=NOW)
        put_change(tx.conn, state="pending", expires_at=NOW - MINUTE)
        put_change(tx.conn, service="mail")
        put_change(tx.conn, environment="staging")
        put_change(tx.conn, state="deploying", admitted_at=NOW, close_by=NOW + HOUR)
        put_closed(tx.conn, NOW - HOUR)

    assert found(database_url, FREEZE, None) == [approved, pending]


@pytest.mark.parametrize(
    ("everybody", "excused", "expected"),
    [
        pytest.param(None, None, ["held", "stopped"], id="nothing is open"),
        pytest.param(FREEZE, None, ["free", "stopped"], id="a window"),
        pytest.param(STOP, STOP, ["free", "excused", "held"], id="a stopped line excuses nobody"),
    ],
)
def test_what_says_otherwise_is_found(
    database_url: str, everybody: Hold | None, excused: Hold | None, expected: list[str]
) -> None:
    with writing(database_url) as tx:
        names = {
            put_change(tx.conn): "free",
            put_change(tx.conn, excused=True): "excused",
            put_change(tx.conn, hold=FREEZE, valid_until=None): "held",
            put_change(tx.conn, hold=STOP, valid_until=None): "stopped",
        }

    assert [names[change] for change in found(database_url, everybody, excused)] == expected


def test_they_are_found_in_parts(database_url: str) -> None:
    with writing(database_url) as tx:
        ids = [
            put_change(tx.conn, **({"state": "pending"} if number % 2 else {}))
            for number in range(5)
        ]

    first = found(database_url, FREEZE, None, limit=2)

    assert first + found(database_url, FREEZE, None, after=first[-1], limit=9) == ids


def test_places_are_those_where_something_waits(database_url: str) -> None:
    with writing(database_url) as tx:
        put_change(tx.conn)
        put_change(tx.conn)
        put_change(tx.conn, state="pending", environment="staging")
        put_closed(tx.conn, NOW - HOUR, service="mail")

    with reading(database_url) as conn:
        assert waiting_places(conn) == [HERE, Place("shop", "staging")]


def test_what_is_over_is_never_read(sqlite_url: str) -> None:
    with reading(sqlite_url) as conn:
        plans = planned(
            conn, lambda conn: held_otherwise(conn, HERE, (FREEZE, None), NOW, after="", limit=9)
        )
        places = planned(conn, waiting_places)

    assert [plan.split(" (")[0] for plan in plans] == [
        "SEARCH changes USING INDEX ix_changes_pending",
        "SEARCH changes USING INDEX ix_changes_approved",
    ]
    assert [
        step
        for plan in places
        for step in plan.split("\n")
        if "changes" in step and "COVERING INDEX ix_changes_" not in step
    ] == []
