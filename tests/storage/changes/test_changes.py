"""A change as it is read back, and the ways in which one is found."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from gate.core.change import Run, State
from gate.core.decision.asked import RequestDetails
from gate.core.decision.record import write_asked
from gate.core.decision.values import Band, ChangeType
from gate.storage.changes import changes
from gate.storage.changes.changes import SUPERSEDED_MAX
from gate.storage.tables.stored_change import StoredChange
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


def ids(found: tuple[StoredChange, ...]) -> list[str]:
    return [change.id for change in found]


def test_what_is_not_there_is_none(database_url: str) -> None:
    with reading(database_url) as conn:
        assert changes.read(conn, "chg_nowhere") is None


def test_every_column_comes_back_as_its_type(database_url: str) -> None:
    asked = RequestDetails(title="t" * 64, run=Run("9", 2, "deploy", "https://ci/9"))
    with writing(database_url) as tx:
        change = put_change(
            tx.conn,
            type="emergency",
            band=3,
            digests=("sha256:a", "sha256:b"),
            admitted_at=NOW,
            admitted_run_id="9",
            admitted_run_attempt=2,
            admitted_run_step="deploy",
            same_commit=False,
            planned_start=NOW - DAY,
            time_left=timedelta(hours=3),
            detail=write_asked(asked),
        )
        found = changes.read(tx.conn, change)

    assert found is not None
    assert (found.state, found.type, found.band) == (
        State.APPROVED,
        ChangeType.EMERGENCY,
        Band.CRITICAL,
    )
    assert (found.digests, found.matched, found.hold, found.result) == (
        ("sha256:a", "sha256:b"),
        ("routine",),
        None,
        None,
    )
    assert (found.submitted_at, found.valid_until, found.planned_start, found.closed_at) == (
        NOW,
        NOW + 4 * HOUR,
        NOW - DAY,
        None,
    )
    assert (found.same_commit, found.parallel, found.failed, found.time_left) == (
        False,
        False,
        False,
        timedelta(hours=3),
    )
    assert (found.admitted_run, found.asked) == (Run("9", 2, "deploy"), asked)


@pytest.mark.parametrize(
    ("state", "ends", "expected"),
    [
        ("pending", {"expires_at": NOW}, State.EXPIRED),
        ("pending", {"expires_at": NOW + timedelta(microseconds=1)}, State.PENDING),
        ("pending", {"expires_at": None}, State.PENDING),
        ("approved", {"valid_until": NOW}, State.EXPIRED),
        ("approved", {"valid_until": NOW + timedelta(microseconds=1)}, State.APPROVED),
        ("approved", {"valid_until": None, "expires_at": NOW}, State.APPROVED),
        ("deploying", {"valid_until": NOW}, State.DEPLOYING),
        ("canceled", {"expires_at": NOW, "valid_until": NOW}, State.CANCELED),
    ],
)
def test_whether_a_change_expired_is_computed(
    sqlite_url: str, state: str, ends: dict[str, object], expected: State
) -> None:
    with writing(sqlite_url) as tx:
        found = changes.read(tx.conn, put_change(tx.conn, state=state, **ends))

    assert found is not None
    assert found.state_at(NOW) is expected


def test_due_to_expire_is_what_waits_beyond_its_time_longest_first(database_url: str) -> None:
    with writing(database_url) as tx:
        late = put_change(tx.conn, state="pending", expires_at=NOW)
        later = put_change(tx.conn, state="pending", expires_at=NOW - MINUTE)
        lapsed = put_change(tx.conn, valid_until=NOW)
        put_change(tx.conn, valid_until=NOW + MINUTE)
        put_change(tx.conn, state="pending", expires_at=None, valid_until=NOW - DAY)
        put_closed(tx.conn, NOW - DAY, valid_until=NOW - HOUR, expires_at=NOW - HOUR)

        assert changes.due_to_expire(tx.conn, NOW, 10) == [later, late, lapsed]
        assert changes.due_to_expire(tx.conn, NOW, 2) == [later, late]


def test_due_to_redecide_is_what_was_asked_for_and_whose_pause_is_over(database_url: str) -> None:
    with writing(database_url) as tx:
        put_change(tx.conn, state="pending")
        put_change(tx.conn, state="pending", redecide_at=NOW + MINUTE)
        due = put_change(tx.conn, state="pending", redecide_at=NOW)
        overdue = put_change(tx.conn, state="pending", redecide_at=NOW - MINUTE)

        assert changes.due_to_redecide(tx.conn, NOW, 10) == [overdue, due]
        assert changes.due_to_redecide(tx.conn, NOW, 1) == [overdue]


def test_superseded_is_what_was_submitted_before_and_still_waits_here(database_url: str) -> None:
    with writing(database_url) as tx:
        pending = put_change(tx.conn, state="pending", submitted_at=NOW - HOUR)
        approved = put_change(tx.conn, submitted_at=NOW - HOUR)
        at_once = put_change(tx.conn, submitted_at=NOW)  # its id is smaller
        this = put_change(tx.conn)
        for different in (
            {"direction": "rollback"},
            {"type": "emergency"},
            {"state": "deploying"},
            {"state": "rejected"},
            {"service": "mail"},
            {"environment": "staging"},
            {"submitted_at": NOW + MINUTE},
        ):
            put_change(tx.conn, **{"submitted_at": NOW - HOUR, **different})
        change = changes.read(tx.conn, this)
        assert change is not None

        assert ids(changes.superseded_by(tx.conn, change)) == [approved, at_once, pending]


def test_one_admission_supersedes_a_bounded_number(database_url: str) -> None:
    with writing(database_url) as tx:
        for _ in range(SUPERSEDED_MAX + 1):
            put_change(tx.conn)
        change = changes.read(tx.conn, put_change(tx.conn))
        assert change is not None

        assert len(changes.superseded_by(tx.conn, change)) == SUPERSEDED_MAX


def test_however_many_wait_an_approval_of_before_is_superseded(database_url: str) -> None:
    with writing(database_url) as tx:
        for _ in range(SUPERSEDED_MAX):
            put_change(tx.conn, state="pending", submitted_at=NOW - HOUR)
        approved = put_change(tx.conn, submitted_at=NOW - MINUTE)
        change = changes.read(tx.conn, put_change(tx.conn))
        assert change is not None

        assert approved in ids(changes.superseded_by(tx.conn, change))


@pytest.mark.parametrize(
    ("look", "indexes"),
    [
        (
            lambda conn: changes.due_to_expire(conn, NOW, 9),
            ["ix_changes_expires", "ix_changes_lapses"],
        ),
        (lambda conn: changes.due_to_redecide(conn, NOW, 9), ["ix_changes_redecide"]),
    ],
)
def test_what_is_looked_for_often_is_read_by_its_index(
    sqlite_url: str, look: Callable[[Connection], object], indexes: list[str]
) -> None:
    with reading(sqlite_url) as conn:
        plans = planned(conn, look)

    assert [index for plan, index in zip(plans, indexes, strict=True) if index not in plan] == []


def test_the_worker_never_sorts_what_it_looks_for(sqlite_url: str) -> None:
    with reading(sqlite_url) as conn:
        plans = planned(
            conn,
            lambda conn: (
                changes.due_to_expire(conn, NOW, 9),
                changes.due_to_redecide(conn, NOW, 9),
            ),
        )

    assert [plan for plan in plans if "TEMP B-TREE" in plan] == []


def test_what_is_superseded_is_found_among_what_waits(sqlite_url: str) -> None:
    with writing(sqlite_url) as tx:
        change = changes.read(tx.conn, put_change(tx.conn))
        assert change is not None
        plans = planned(tx.conn, lambda conn: changes.superseded_by(conn, change))

    assert [plan.split(" (")[0] for plan in plans] == [
        "SEARCH changes USING INDEX ix_changes_approved",
        "SEARCH changes USING INDEX ix_changes_pending",
    ]
