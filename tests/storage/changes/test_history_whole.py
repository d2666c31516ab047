"""The one statement that a decision asks, as a whole: many places at once, how it reads, and a
model of what it says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from gate.core.history import TrackRecord, direction
from gate.storage.changes import history, history_query
from gate.storage.changes.history import Earning, PlaceQuery, ask_track_records, track_record
from gate.storage.database.hot import asked_at_once
from tests.storage.stored import (
    COMMIT,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    change_id,
    put_change,
    put_closed,
    put_match,
    put_path,
    reading,
    writing,
)

OTHER = "b" * 40
BUILT, BUILT_AGAIN = ("sha256:1", "sha256:2"), ("sha256:1", "sha256:3")
"""Of one commit: the artifacts that are asked for, and those of another build."""
ASK = PlaceQuery(service="shop", environment="production", commit=COMMIT, now=NOW)


def seen(url: str, query: PlaceQuery = ASK) -> TrackRecord:
    with reading(url) as conn:
        return track_record(conn, query)


def test_places_asked_for_together_are_answered_as_alone(database_url: str) -> None:
    earning = (Earning("routine", 3, NOW), Earning("other"))
    with writing(database_url) as tx:
        for number in range(4):
            put_match(tx.conn, put_closed(tx.conn, NOW - number * DAY), NOW - number * DAY)
            put_closed(tx.conn, NOW - number * HOUR, service="shop2", commit_sha=OTHER)
        put_change(tx.conn, service="ledger")
        put_path(tx.conn, "a/b/", changes=3, failures=2)
    queries = [
        replace(ASK, earning=earning),
        replace(ASK, service="shop2", files=("a/b/c.py",)),
        replace(ASK, service="shop2", commit=OTHER, depends_on=("ledger",), now=NOW - DAY),
        replace(ASK, files=("a/b/c.py",), earning=(Earning("routine", 1, NOW),)),
        replace(ASK, environment="staging"),
    ]

    with reading(database_url) as conn:
        with asked_at_once(conn):
            answers = ask_track_records(conn, queries)
        together = answers()
        alone = [track_record(conn, query) for query in queries]

    # of matches at least as many as were asked for: a limit is common to all who ask
    assert [replace(one, matches={}) for one in together] == [
        replace(one, matches={}) for one in alone
    ]
    assert [len(one.matches.get("routine", ())) for one in together] in (
        [3, 0, 0, 3, 0],
        [3, 0, 0, 1, 0],
    )
    assert together[3].matches["routine"][:1] == alone[3].matches["routine"]


def test_no_part_of_the_statement_reads_a_table_from_end_to_end(sqlite_url: str) -> None:
    with reading(sqlite_url) as conn:
        plan = planned(conn, ASK)

    lists = {
        "SCAN CONSTANT ROW",
        "SCAN 2 CONSTANT ROWS",
        "SCAN ask",
        "SCAN ran",
        "SCAN recent",
        "SCAN counted",
        "SCAN listed",
        "SCAN counts",
        "SCAN m",
    }  # of a few rows each
    assert {
        step for step in plan if step.startswith("SCAN") and "VIRTUAL TABLE" not in step
    } <= lists
    assert len([step for step in plan if step.startswith("SEARCH") and "INDEX" in step]) > 15


def planned(conn: Connection, query: PlaceQuery) -> list[str]:
    statement = history_query.of_sqlite(2)
    rows = (
        conn.connection.cursor()
        .execute(f"EXPLAIN QUERY PLAN {statement}", history._bound([query, query]))  # noqa: SLF001 - the same
        .fetchall()
    )
    return [row[3] for row in rows]


@dataclass(frozen=True, slots=True)
class Past:
    """One change of a made-up history; times are minutes before NOW."""

    commit: str
    digests: tuple[str, ...]
    admitted: int
    lasted: int
    result: str | None
    lines: int | None


PASTS = st.lists(
    st.builds(
        Past,
        commit=st.sampled_from([COMMIT, COMMIT, OTHER, "c" * 40]),
        digests=st.sampled_from([BUILT, BUILT, BUILT_AGAIN, ()]),
        admitted=st.integers(1, 3000),
        lasted=st.integers(0, 300),
        result=st.sampled_from(
            ["successful", "successful_issues", "unsuccessful", "rolled_back", None]
        ),
        lines=st.one_of(st.none(), st.integers(0, 500)),
    ),
    max_size=12,
    unique_by=lambda past: past.admitted,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pasts=PASTS)
def test_the_statement_says_what_the_records_say(database_url: str, pasts: list[Past]) -> None:
    service = change_id()  # a place of its own in the same database
    with writing(database_url) as tx:
        for past in pasts:
            at = NOW - past.admitted * MINUTE
            row = {
                "service": service,
                "commit_sha": past.commit,
                "digests": past.digests,
                "lines": past.lines,
            }
            if past.result is None:
                put_change(tx.conn, state="deploying", admitted_at=at, close_by=at + HOUR, **row)
            else:
                put_closed(tx.conn, at, past.result, closed_at=at + past.lasted * MINUTE, **row)

    found = seen(database_url, replace(ASK, service=service, digests=BUILT))

    assert summary(found) == model(pasts)
    assert direction(found, COMMIT, BUILT) == where_it_goes(pasts)


def summary(found: TrackRecord) -> tuple[object, ...]:
    running = found.running and (found.running.commit, found.running.since)
    admitted = found.last_admitted and (found.last_admitted.commit, found.last_admitted.at)
    ran = (found.succeeded_here, found.replaced_at)
    return (
        *(running, admitted, ran, found.recent_changes, found.recent_failures),
        *(found.changes_last_24h, found.lines_last_24h, found.deploying_count),
    )


def model(pasts: Sequence[Past]) -> tuple[object, ...]:
    """The same from the definitions, in Python."""

    def admitted_at(past: Past) -> datetime:
        return NOW - past.admitted * MINUTE

    good = [past for past in pasts if past.result in {"successful", "successful_issues"}]
    ended = [(admitted_at(past) + past.lasted * MINUTE, past) for past in good]
    # what is reported after the time limit of an hour ended at that limit; of equals the newest
    # id
    running = max(
        reversed(ended),
        key=lambda pair: min(pair[0], admitted_at(pair[1]) + HOUR),
        default=None,
    )
    newest = max(pasts, key=admitted_at, default=None)
    ran = max(
        (admitted_at(past) for past in good if (past.commit, past.digests) == (COMMIT, BUILT)),
        default=None,
    )
    since = [
        admitted_at(past)
        for past in pasts
        if past.commit != COMMIT and ran is not None and admitted_at(past) > ran
    ]
    day = [past for past in pasts if past.admitted < 24 * 60]
    lines = [past.lines for past in day if past.lines is not None]
    return (
        (running[1].commit, running[0]) if running else None,
        (newest.commit, admitted_at(newest)) if newest else None,
        (ran is not None, min(since, default=None)),
        len(pasts),
        sum(past.result in {"unsuccessful", "rolled_back"} for past in pasts),
        len(day),
        sum(lines) if len(lines) == len(day) else None,
        sum(past.result is None and past.admitted < 60 for past in pasts),
    )


def where_it_goes(pasts: Sequence[Past]) -> str:
    """The law of going back, B7: these very artifacts of this very commit, with success, and
    another commit since.
    """
    in_order = sorted(pasts, key=lambda past: -past.admitted)
    same = [past for past in in_order if (past.commit, past.digests) == (COMMIT, BUILT)]
    if same and same[-1] is in_order[-1]:
        return "redeploy"
    good = [past for past in same if past.result in {"successful", "successful_issues"}]
    replaced = (
        any(past.commit != COMMIT and past.admitted < good[-1].admitted for past in in_order)
        if good
        else False
    )
    return "rollback" if replaced else "forward"
