"""The gate's own records about one place, which is one service in one environment.

Reading costs the same at ten changes and at a million. Everything is read by one statement, which
`history_query` has; on SQLite, decisions that are made together share it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Connection

from gate.core.change import Result
from gate.core.history import (
    REJECTED_WINDOW,
    SUMS_WINDOW,
    Admitted,
    InFlight,
    Match,
    Running,
    Similar,
    Suspension,
    TrackRecord,
)
from gate.core.instants import from_us, optional_instant, optional_us, to_us
from gate.core.kinds import kinds_of
from gate.storage.changes import history_query
from gate.storage.changes.history_query import Found
from gate.storage.changes.paths import touched
from gate.storage.database.hot import ask_numbered, asked_at_once
from gate.storage.tables.columns import write_json


@dataclass(frozen=True, slots=True)
class Earning:
    """A standard change whose status is wanted.

    Its newest `successes` that count are read, of those that settled before that instant.
    """

    standard_change: str
    successes: int = 0
    # None where nothing has to be earned.
    settled_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class PlaceQuery:
    """The question of a decision about its place. `files` None means that the list is unknown."""

    service: str
    environment: str
    commit: str
    now: datetime
    digests: tuple[str, ...] = ()
    files: tuple[str, ...] | None = None
    depends_on: tuple[str, ...] = ()
    earning: tuple[Earning, ...] = ()
    # The change itself, which is not counted.
    change: str = ""


def track_record(conn: Connection, query: PlaceQuery) -> TrackRecord:
    """Return everything that the gate's records say about the place, as of one instant.

    `matches` holds only what can count for earning: settled successes with another commit than the
    one before, and failures that no reinstatement has forgiven.
    """
    with asked_at_once(conn):
        answers = ask_track_records(conn, [query])
    (found,) = answers()
    return found


def ask_track_records(
    conn: Connection, queries: Sequence[PlaceQuery]
) -> Callable[[], list[TrackRecord]]:
    """Ask for the track records of several places, to be read later in the order of the queries."""
    if conn.dialect.name == "sqlite":
        cursor = conn.connection.cursor()
        cursor.execute(history_query.of_sqlite(len(queries)), _bound(queries))
        return lambda: _joined(cursor.fetchall())
    cursors = [
        ask_numbered(
            conn, history_query.OF_POSTGRES, (*_parameters(query).values(), _matches(query))
        )
        for query in queries
    ]
    return lambda: [_track_record(Found(*row)) for cursor in cursors for row in cursor.fetchall()]


def _joined(found: Sequence[Any]) -> list[TrackRecord]:
    """Return the track records in the one row of SQLite, in the order of the queries."""
    ((all_rows,),) = found
    rows = {number: Found(*row) for number, *row in orjson.loads(all_rows)}
    return [_track_record(rows[number]) for number in range(len(rows))]


_Json: TypeAlias = Any


def _bound(queries: Sequence[PlaceQuery]) -> list[str | int]:
    values = [
        value
        for number, query in enumerate(queries)
        for value in (number, *_parameters(query).values())
    ]
    return [*values, max(map(_matches, queries))]


def _matches(query: PlaceQuery) -> int:
    """Return the largest number of matches that can count."""
    return max((wanted.successes for wanted in query.earning), default=0)


def _parameters(query: PlaceQuery) -> dict[str, str | int]:
    now = to_us(query.now)
    paths = touched(query.files or ())
    earning = [
        (wanted.standard_change, optional_us(wanted.settled_before)) for wanted in query.earning
    ]
    return {
        "service": query.service,
        "environment": query.environment,
        "commit": query.commit,
        "digests": write_json(query.digests),
        "change": query.change,
        "kinds": kinds_of(query.files or ()),
        "now": now,
        "sums_after": to_us(query.now - SUMS_WINDOW),
        "rejected_after": to_us(query.now - REJECTED_WINDOW),
        "files": orjson.dumps(paths.files).decode(),
        "folders": orjson.dumps(paths.folders).decode(),
        "depends_on": orjson.dumps(query.depends_on).decode(),
        "earning": orjson.dumps(earning).decode(),
    }


def _track_record(found: Found) -> TrackRecord:
    changes, failures = found.totals or (0, 0)
    recent_changes, recent_failures = found.recent or (0, 0)
    last_day, known_lines, lines = found.sums or (0, 0, 0)
    succeeded_at, replaced_at = found.ran or (None, None)
    folder_failures, folder_changes = found.folder or (0, 0)
    standards = found.standards or ()
    more_approved, listed_approved = _in_flight(found.approved, deploying=False)
    more_deploying, listed_deploying = _in_flight(found.deploying, deploying=True)
    return TrackRecord(
        running=_running(found.running),
        last_admitted=_admitted(found.admitted),
        succeeded_here=succeeded_at is not None,
        admitted_since=replaced_at is not None,
        replaced_at=optional_instant(replaced_at),
        changes=changes,
        failures=failures,
        recent_changes=recent_changes,
        recent_failures=recent_failures,
        last_failure_at=optional_instant(found.failed_at),
        changes_last_24h=last_day,
        lines_last_24h=lines if known_lines == last_day else None,
        worst_folder=(folder_failures, folder_changes),
        worst_file_failures=found.file or 0,
        similar=_similar(found.similar),
        rejected=found.rejected,
        in_flight=listed_approved + listed_deploying,
        more_approved=more_approved,
        more_deploying=more_deploying,
        dependency_in_flight=bool(found.dependency),
        matches={
            name: tuple(_match(item) for item in matches or ())
            for name, _, _, _, matches in standards
        },
        suspensions={
            name: Suspension(
                because if suspended_at is not None else None, optional_instant(reinstated_at)
            )
            for name, because, suspended_at, reinstated_at, _ in standards
            if because is not None
        },
    )


def _running(raw: _Json) -> Running | None:
    if raw is None:
        return None
    return Running(commit=raw[0], change=raw[1], since=from_us(raw[2]))


def _admitted(raw: _Json) -> Admitted | None:
    if raw is None:
        return None
    return Admitted(commit=raw[0], digests=tuple(orjson.loads(raw[1])), at=from_us(raw[2]))


def _in_flight(column: _Json, *, deploying: bool) -> tuple[int, tuple[InFlight, ...]]:
    count, listed = column
    if not count:
        return 0, ()
    listed = tuple(
        InFlight(change, deploying, optional_instant(until)) for change, until in sorted(listed)
    )
    return count - len(listed), listed


def _similar(raw: _Json) -> Similar:
    if raw is None:
        return Similar()
    changes, failures, last, last_at, last_failed = raw
    return Similar(changes, failures, last, from_us(last_at), bool(last_failed))


def _match(raw: _Json) -> Match:
    change, admitted_at, same_commit, result, closed_at, failed, failed_at = raw
    return Match(
        change=change,
        admitted_at=from_us(admitted_at),
        same_commit=bool(same_commit),
        result=None if result is None else Result(result),
        closed_at=optional_instant(closed_at),
        failed=bool(failed),
        failed_at=optional_instant(failed_at),
    )
