"""Waiting changes whose rows say another hold than is so, and how they are found."""

from datetime import datetime

import pytest

from gate.core.decision.values import Hold
from gate.storage.changes import holds
from gate.storage.changes.holds import KeptHold, Place, held_otherwise, kept_holds
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


def test_what_stands_in_rows_is_told_once_a_place(database_url: str) -> None:
    with writing(database_url) as tx:
        for _ in range(3):
            put_change(tx.conn)
        put_change(tx.conn, hold=FREEZE, valid_until=None)
        put_change(tx.conn, state="pending", environment="staging", hold=STOP, excused=True)
        put_change(tx.conn, service="over", valid_until=NOW)
        put_change(tx.conn, service="seen", route="observed")
        put_closed(tx.conn, NOW - HOUR, service="mail")

    with reading(database_url) as conn:
        found = kept_holds(conn, NOW)

    assert sorted(found, key=str) == [
        KeptHold("shop", "production", excused=False, hold=FREEZE),
        KeptHold("shop", "production", excused=False, hold=None),
        KeptHold("shop", "staging", excused=True, hold=STOP),
    ]


def test_what_stands_in_rows_is_one_bounded_query(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "KEPT_HOLDS_MAX", 2)
    with writing(sqlite_url) as tx:
        for number in range(5):
            put_change(tx.conn, service=f"service-{number}")

    with reading(sqlite_url) as conn:
        assert len(kept_holds(conn, NOW)) == 2
        assert len(planned(conn, lambda conn: kept_holds(conn, NOW))) == 1


def test_what_is_over_is_never_read(sqlite_url: str) -> None:
    with reading(sqlite_url) as conn:
        plans = planned(
            conn, lambda conn: held_otherwise(conn, HERE, (FREEZE, None), NOW, after="", limit=9)
        )
        (looked,) = planned(conn, lambda conn: kept_holds(conn, NOW))

    assert [plan.split(" (")[0] for plan in plans] == [
        "SEARCH changes USING INDEX ix_changes_pending",
        "SEARCH changes USING INDEX ix_changes_approved",
    ]
    steps = [step.strip() for step in looked.split("\n") if " changes " in step]
    # Every index that SQLite may choose begins with the state.
    assert [step.partition(" USING")[0] for step in steps] == ["SEARCH changes"] * 2
    assert all("(state=?" in step for step in steps)
