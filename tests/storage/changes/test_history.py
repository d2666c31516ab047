"""What the gate's own records say about one place, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.change import Result
from gate.core.decision.standard import MATCHES_MAX
from gate.core.history import Admitted, InFlight, Match, Running, Suspension, TrackRecord, direction
from gate.storage.changes.history import Earning, PlaceQuery, track_record
from gate.storage.changes.history_query import IN_FLIGHT_COUNTED_MAX, IN_FLIGHT_LISTED_MAX
from tests.storage.stored import (
    COMMIT,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    put_change,
    put_closed,
    put_match,
    put_path,
    put_standard_change,
    reading,
    writing,
)

OTHER = "b" * 40
ASK = PlaceQuery(service="shop", environment="production", commit=COMMIT, now=NOW)


def seen(url: str, query: PlaceQuery = ASK) -> TrackRecord:
    with reading(url) as conn:
        return track_record(conn, query)


def test_of_a_place_without_records_everything_is_known_to_be_empty(database_url: str) -> None:
    query = replace(
        ASK, files=("a/b/c.py",), depends_on=("ledger",), earning=(Earning("routine", 5, NOW),)
    )

    assert seen(database_url, query) == TrackRecord(matches={"routine": ()})


def test_another_service_and_another_environment_do_not_count(database_url: str) -> None:
    with writing(database_url) as tx:
        for elsewhere in ({"service": "shop2"}, {"environment": "staging"}):
            put_closed(tx.conn, NOW - DAY, **elsewhere)
            put_change(tx.conn, **elsewhere)

    assert seen(database_url) == TrackRecord()


@pytest.mark.parametrize(
    ("result", "runs"),
    [
        ("successful", True),
        ("successful_issues", True),
        ("unsuccessful", False),
        ("rolled_back", False),
        (None, False),
    ],
)
def test_only_what_was_closed_with_success_runs(
    database_url: str, result: str | None, *, runs: bool
) -> None:
    with writing(database_url) as tx:
        if result is None:
            put_change(tx.conn, state="deploying", admitted_at=NOW - HOUR, close_by=NOW + HOUR)
        else:
            put_closed(tx.conn, NOW - HOUR, result)

    assert (seen(database_url).running is not None) is runs


def test_what_runs_is_what_was_closed_last_and_not_what_was_admitted_last(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        at, ended = NOW - 5 * HOUR, NOW - HOUR
        late = put_closed(tx.conn, at, commit_sha=OTHER, closed_at=ended, close_by=ended)
        put_closed(tx.conn, NOW - 3 * HOUR, digests=("sha256:1",))

    found = seen(database_url)

    assert found.running == Running(OTHER, late, NOW - HOUR)
    assert found.last_admitted == Admitted(COMMIT, ("sha256:1",), NOW - 3 * HOUR)


def test_an_end_that_is_reported_after_its_time_limit_does_not_replace_what_was_deployed_since(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        at, ended = NOW - 5 * HOUR, NOW - MINUTE
        put_closed(tx.conn, at, commit_sha=OTHER, closed_at=ended, close_by=NOW - 4 * HOUR)
        newer = put_closed(tx.conn, NOW - 3 * HOUR)

    assert seen(database_url).running == Running(COMMIT, newer, NOW - 3 * HOUR + MINUTE)


def test_a_commit_that_ran_and_was_replaced_says_when(database_url: str) -> None:
    with writing(database_url) as tx:
        put_closed(tx.conn, NOW - 9 * DAY)
        put_closed(tx.conn, NOW - 8 * DAY, "unsuccessful", commit_sha=OTHER)
        put_closed(tx.conn, NOW - 7 * DAY, commit_sha="c" * 40)

    found = seen(database_url)

    assert (found.succeeded_here, found.admitted_since, found.replaced_at) == (
        True,
        True,
        NOW - 8 * DAY,
    )


@pytest.mark.parametrize(
    ("ran", "asked", "expected"),
    [
        pytest.param(("sha256:1",), ("sha256:1",), "rollback", id="the very artifacts"),
        pytest.param(("sha256:1",), ("sha256:2",), "forward", id="another build"),
        pytest.param(("sha256:1",), ("sha256:1", "sha256:2"), "forward", id="one more"),
        pytest.param(("sha256:1", "sha256:2"), ("sha256:1",), "forward", id="one less"),
        pytest.param(("sha256:1",), (), "forward", id="none named"),
        pytest.param((), ("sha256:1",), "forward", id="none named then"),
        pytest.param((), (), "rollback", id="none named, then as now"),
    ],
)
def test_b7_going_back_is_to_the_very_artifacts(
    database_url: str, ran: tuple[str, ...], asked: tuple[str, ...], expected: str
) -> None:
    with writing(database_url) as tx:
        put_closed(tx.conn, NOW - 9 * DAY, digests=ran)
        put_closed(tx.conn, NOW - 8 * DAY, commit_sha=OTHER)

    found = seen(database_url, replace(ASK, digests=asked))

    assert (direction(found, COMMIT, asked), found.replaced_at is not None) == (
        expected,
        expected == "rollback",
    )


def test_a_commit_that_failed_here_never_ran(database_url: str) -> None:
    with writing(database_url) as tx:
        put_closed(tx.conn, NOW - 9 * DAY, "unsuccessful")
        put_closed(tx.conn, NOW - 8 * DAY, commit_sha=OTHER)

    found = seen(database_url)

    assert (found.succeeded_here, found.admitted_since, found.replaced_at) == (False, False, None)


def test_a_commit_that_was_put_back_is_no_longer_replaced(database_url: str) -> None:
    with writing(database_url) as tx:
        put_closed(tx.conn, NOW - 9 * DAY)
        put_closed(tx.conn, NOW - 8 * DAY, commit_sha=OTHER)
        put_closed(tx.conn, NOW - 7 * DAY)

    found = seen(database_url)

    assert (found.succeeded_here, found.admitted_since) == (True, False)


def test_a_change_that_was_closed_late_is_replaced_by_what_was_admitted_after_it(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        put_closed(tx.conn, NOW - 9 * HOUR, closed_at=NOW - HOUR)
        put_closed(
            tx.conn, NOW - 2 * HOUR, "unsuccessful", commit_sha=OTHER, closed_at=NOW - MINUTE
        )

    assert seen(database_url).replaced_at == NOW - 2 * HOUR


def test_rates_look_at_the_last_hundred_and_counts_at_all(database_url: str) -> None:
    with writing(database_url) as tx:
        for days in range(103):
            put_closed(
                tx.conn, NOW - (days + 2) * DAY, "successful" if days < 98 else "rolled_back"
            )
        put_path(tx.conn, "", 103, 5)

    found = seen(database_url)

    assert (found.changes, found.failures, found.recent_changes, found.recent_failures) == (
        103,
        5,
        100,
        2,
    )
    assert found.last_failure_at == NOW - 100 * DAY + MINUTE


def test_sums_are_of_admitted_changes_of_the_last_day_without_this_one(database_url: str) -> None:
    with writing(database_url) as tx:
        put_closed(tx.conn, NOW - DAY, lines=1000)  # a whole day ago is outside
        put_closed(tx.conn, NOW - DAY + timedelta(microseconds=1), lines=1)
        put_change(
            tx.conn, state="deploying", admitted_at=NOW - HOUR, close_by=NOW - MINUTE, lines=20
        )
        put_change(tx.conn, lines=4000)  # never admitted
        this = put_closed(tx.conn, NOW - MINUTE, lines=300)

    assert (seen(database_url).changes_last_24h, seen(database_url).lines_last_24h) == (3, 321)
    without = seen(database_url, replace(ASK, change=this))
    assert (without.changes_last_24h, without.lines_last_24h) == (2, 21)


def test_one_unknown_size_makes_the_sum_unknown(database_url: str) -> None:
    with writing(database_url) as tx:
        put_closed(tx.conn, NOW - HOUR, lines=1)
        put_closed(tx.conn, NOW - HOUR, lines=None)

    assert seen(database_url).lines_last_24h is None


def test_only_what_people_rejected_in_thirty_days_counts(database_url: str) -> None:
    with writing(database_url) as tx:
        for route, at in (
            ("review", NOW - 29 * DAY),
            ("review", NOW - 30 * DAY),
            ("automatic", NOW - DAY),
            ("emergency", NOW - DAY),
        ):
            put_change(tx.conn, state="rejected", route=route, decided_at=at)

    assert seen(database_url).rejected == 2


def test_in_flight_is_what_people_approved_and_what_deploys_within_its_time(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        valid = put_change(tx.conn, route="review", valid_until=NOW + MINUTE)
        held = put_change(tx.conn, route="emergency", valid_until=None)
        deploying = put_change(
            tx.conn, state="deploying", admitted_at=NOW - HOUR, close_by=NOW + HOUR
        )
        put_change(tx.conn, route="review", valid_until=NOW)  # over
        put_change(tx.conn, route="automatic", valid_until=NOW + HOUR)  # counts from its admission
        put_change(tx.conn, state="deploying", admitted_at=NOW - HOUR, close_by=NOW)  # never closed
        put_change(tx.conn, state="pending", expires_at=NOW + HOUR)
        put_closed(tx.conn, NOW - HOUR)
        this = put_change(tx.conn)

    found = seen(database_url, replace(ASK, change=this))

    assert found.in_flight == (
        InFlight(valid, deploying=False, until=NOW + MINUTE),
        InFlight(held, deploying=False, until=None),
        InFlight(deploying, deploying=True, until=NOW + HOUR),
    )
    assert (found.in_flight_count, found.deploying_count) == (3, 1)


def test_of_many_in_flight_some_are_listed_and_all_are_counted_up_to_a_limit(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        for _ in range(IN_FLIGHT_COUNTED_MAX + 3):
            put_change(tx.conn, route="review")
        for _ in range(IN_FLIGHT_LISTED_MAX + 2):
            put_change(tx.conn, state="deploying", admitted_at=NOW - HOUR, close_by=NOW + HOUR)

    found = seen(database_url)

    assert len(found.in_flight) == 2 * IN_FLIGHT_LISTED_MAX
    assert found.in_flight_count == IN_FLIGHT_COUNTED_MAX + IN_FLIGHT_LISTED_MAX + 2
    assert found.deploying_count == IN_FLIGHT_LISTED_MAX + 2


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"service": "ledger"}, False),
        ({"service": "ledger", "route": "review"}, True),
        ({"service": "ledger", "route": "review", "valid_until": NOW}, False),
        (
            {"service": "ledger", "state": "deploying", "admitted_at": NOW, "close_by": NOW + HOUR},
            True,
        ),
        ({"service": "ledger", "state": "deploying", "admitted_at": NOW, "close_by": NOW}, False),
        ({"service": "ledger", "route": "review", "environment": "staging"}, False),
        ({"service": "mail", "route": "review"}, False),
    ],
)
def test_a_dependency_in_flight_here_is_seen(
    database_url: str, there: dict[str, object], *, expected: bool
) -> None:
    with writing(database_url) as tx:
        put_change(tx.conn, **there)

    assert (
        seen(database_url, replace(ASK, depends_on=("bank", "ledger"))).dependency_in_flight
        is expected
    )


def test_the_worst_folder_is_the_one_with_the_worst_rate_and_not_the_most_failures(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        for path, changes, failures in (
            ("src/old/", 95, 10),
            ("src/new/", 5, 3),
            ("src/", 3, 0),
            ("src/new/a.py", 5, 2),
            ("src/x.py", 9, 1),
        ):
            put_path(tx.conn, path, changes, failures)

    found = seen(
        database_url, replace(ASK, files=("src/old/deep/b.py", "src/new/a.py", "src/x.py"))
    )

    assert (found.worst_folder, found.worst_file_failures) == ((3, 5), 2)


def test_a_path_is_compared_exactly_whatever_is_in_it(database_url: str) -> None:
    with writing(database_url) as tx:
        for path in ("%", "a_b", "'; DROP TABLE changes; --", "ü/“x”.py", 'say "hi"', "src/"):
            put_path(tx.conn, path, 1, 1)

    files = ("%%", "a-b", "'; drop table changes; --", "Ü/“x”.py", 'say "ho"', "src/", "")

    assert (seen(database_url, replace(ASK, files=files)).worst_file_failures) == 0
    assert (seen(database_url, replace(ASK, files=('say "hi"',))).worst_file_failures) == 1


def test_matches_are_those_that_count(database_url: str) -> None:
    with writing(database_url) as tx:
        settled = put_closed(tx.conn, NOW - 9 * DAY)
        at_the_limit = put_closed(tx.conn, NOW - DAY - MINUTE)
        failed = put_closed(tx.conn, NOW - HOUR, "rolled_back")
        for change, at in (
            (settled, NOW - 9 * DAY),
            (at_the_limit, NOW - DAY - MINUTE),
            (failed, NOW - HOUR),
        ):
            put_match(tx.conn, change, at)
        neither = (
            put_closed(tx.conn, NOW - 5 * DAY, "successful_issues"),
            put_closed(tx.conn, NOW - 5 * DAY, same_commit=True),
            put_closed(tx.conn, NOW - DAY),  # not settled
            put_change(
                tx.conn, state="deploying", admitted_at=NOW - 5 * DAY, close_by=NOW - 4 * DAY
            ),
        )
        for change in neither:
            put_match(tx.conn, change, NOW - 5 * DAY)
        put_match(tx.conn, put_closed(tx.conn, NOW - 5 * DAY), NOW - 5 * DAY, name="other")

    found = seen(
        database_url, replace(ASK, earning=(Earning("routine", 5, NOW - DAY), Earning("rollback")))
    )

    assert [match.change for match in found.matches["routine"]] == [failed, at_the_limit, settled]
    assert found.matches["routine"][0] == Match(
        change=failed,
        admitted_at=NOW - HOUR,
        same_commit=False,
        result=Result.ROLLED_BACK,
        closed_at=NOW - HOUR + MINUTE,
        failed=True,
        failed_at=NOW - HOUR + MINUTE,
    )
    assert found.matches["rollback"] == ()


def test_a_failure_before_the_reinstatement_is_forgiven(database_url: str) -> None:
    with writing(database_url) as tx:
        for hours in (5, 3, 1):
            put_match(
                tx.conn, put_closed(tx.conn, NOW - hours * HOUR, "unsuccessful"), NOW - hours * HOUR
            )
        put_standard_change(tx.conn, "routine", reinstated_at=NOW - 3 * HOUR + MINUTE)

    found = seen(database_url, replace(ASK, earning=(Earning("routine", 5, NOW),)))

    assert [match.admitted_at for match in found.matches["routine"]] == [NOW - HOUR]
    assert found.suspensions == {"routine": Suspension(None, NOW - 3 * HOUR + MINUTE)}


def test_a_suspension_in_force_says_why(database_url: str) -> None:
    with writing(database_url) as tx:
        put_standard_change(tx.conn, "rollback", suspended_at=NOW)

    assert seen(database_url, replace(ASK, earning=(Earning("rollback"),))).suspensions == {
        "rollback": Suspension("two failed", None)
    }


def test_no_more_matches_are_read_than_are_wanted_and_none_before_the_limit(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        for minutes in range(MATCHES_MAX + 1):
            old = minutes > MATCHES_MAX - 2
            at = NOW - minutes * MINUTE
            change = (
                put_closed(tx.conn, at)
                if old
                else put_change(tx.conn, state="deploying", admitted_at=at, close_by=at)
            )
            put_match(tx.conn, change, at)

    found = seen(database_url, replace(ASK, earning=(Earning("routine", 5, NOW + HOUR),)))

    assert [match.admitted_at for match in found.matches["routine"]] == [
        NOW - (MATCHES_MAX - 1) * MINUTE
    ]
