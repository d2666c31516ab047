"""What admission and closure write: the row of the change, the matches, and how often paths changed
and failed.
"""

from itertools import pairwise

import pytest
from sqlalchemy import Connection, select

from gate.core.change import Result, Run, State
from gate.core.history import Suspension
from gate.core.instants import FIRST
from gate.core.kinds import ChangedFiles
from gate.storage.changes import matches
from gate.storage.changes.admissions import admit
from gate.storage.changes.changes import existing
from gate.storage.changes.closures import Closing, Report, close, of_changes
from gate.storage.changes.paths import ROOT, touched
from gate.storage.database.tx import Tx
from gate.storage.tables import schema, schema_learning
from gate.storage.tables.stored_change import StoredChange
from tests.storage.stored import COMMIT, HOUR, NOW, put_change, put_closed, put_match, writing

RUN = Run("9", 2, "deploy")
FILES = ChangedFiles(("src/api/a.py", "README.md"), "documents,source")


def counts(conn: Connection) -> dict[str, tuple[int, int]]:
    table = schema_learning.path_outcomes.c
    return {
        row.path: (row.changes, row.failures)
        for row in conn.execute(select(table.path, table.changes, table.failures))
    }


def deploying(tx: Tx) -> StoredChange:
    change = put_change(tx.conn, valid_until=None)
    assert admit(tx, existing(tx.conn, change), RUN, FILES)
    return existing(tx.conn, change)


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        (["a.py"], (ROOT,)),
        (["src/a.py"], ("src/",)),
        (["src/api/a.py", "src/api/deep/b.py"], ("src/api/",)),
        (["/abs/a.py"], ("/abs/",)),
        (["b/c/d.py", "a/b.py"], ("a/", "b/c/")),
        (["", "src/"], ()),
    ],
)
def test_the_folder_of_a_file_has_two_levels(files: list[str], folders: tuple[str, ...]) -> None:
    assert touched(files).folders == folders


def test_a_change_that_is_not_approved_any_more_is_not_admitted_and_counts_nothing(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        change = existing(tx.conn, put_change(tx.conn, valid_until=None))
        put_on = schema.changes.update().where(schema.changes.c.id == change.id)
        for different in (
            {"state": "canceled"},
            {"state": "approved", "decision": 2},
            {"decision": 1, "valid_until": FIRST},
        ):
            tx.conn.execute(put_on.values(different))

            assert not admit(tx, change, RUN, FILES)

        assert counts(tx.conn) == {}
        assert matches.newest(tx.conn, "shop", "production", "routine", at=NOW) == ()


def test_an_admission_writes_the_run_the_time_and_all_counts(database_url: str) -> None:
    with writing(database_url) as tx:
        found = deploying(tx)
        newest = matches.newest(tx.conn, "shop", "production", "routine", at=NOW)

        assert (found.state, found.admitted_at, found.admitted_run, found.close_by) == (
            State.DEPLOYING,
            tx.now,
            RUN,
            tx.now + HOUR,
        )
        assert counts(tx.conn) == dict.fromkeys(
            ["", ROOT, "README.md", "src/api/", "src/api/a.py"], (1, 0)
        )
        assert [(match.change, match.admitted_at, match.result) for match in newest] == [
            (found.id, tx.now, None)
        ]
        assert not admit(tx, found, RUN, FILES)


@pytest.mark.parametrize(("last", "same"), [(COMMIT, True), ("b" * 40, False), (None, False)])
def test_an_admission_knows_whether_the_commit_is_the_one_before(
    database_url: str, last: str | None, *, same: bool
) -> None:
    with writing(database_url) as tx:
        if last is not None:
            put_closed(tx.conn, NOW, commit_sha=last)
            put_closed(tx.conn, NOW - HOUR, commit_sha="c" * 40)

        assert deploying(tx).same_commit is same


def test_a_report_about_something_that_was_never_admitted_is_kept_and_changes_nothing(
    database_url: str,
) -> None:
    with writing(database_url) as tx:
        change = existing(tx.conn, put_change(tx.conn))

        assert (
            close(tx, change, Report("token:one", Result.UNSUCCESSFUL), FILES) is Closing.UNMATCHED
        )
        assert (existing(tx.conn, change.id), counts(tx.conn)) == (change, {})
        assert [
            (closure.number, closure.matched)
            for closure in of_changes(tx.conn, [change.id])[change.id]
        ] == [(1, False)]


def test_a_closed_change_is_only_ever_made_worse(database_url: str) -> None:
    with writing(database_url) as tx:
        for better, worse in pairwise(Result):
            change = deploying(tx)
            assert close(tx, change, Report("token:one", worse), FILES) is Closing.CLOSED
            closed = existing(tx.conn, change.id)

            assert close(tx, closed, Report("token:one", better), FILES) is Closing.UNCHANGED
            assert close(tx, closed, Report("token:one", worse), FILES) is Closing.UNCHANGED
            assert existing(tx.conn, change.id) == closed
            assert len(of_changes(tx.conn, [change.id])[change.id]) == 1


def test_a_failure_is_counted_once_however_a_change_gets_there(database_url: str) -> None:
    with writing(database_url) as tx:
        change = deploying(tx)
        for result, closing, failed in (
            (Result.SUCCESSFUL, Closing.CLOSED, False),
            (Result.SUCCESSFUL_ISSUES, Closing.WORSENED, False),
            (Result.UNSUCCESSFUL, Closing.WORSENED, True),
            (Result.ROLLED_BACK, Closing.WORSENED, True),
        ):
            assert (
                close(tx, existing(tx.conn, change.id), Report("token:one", result), FILES)
                is closing
            )
            found = existing(tx.conn, change.id)
            assert (found.state, found.result, found.failed, found.closed_at) == (
                State.CLOSED,
                result,
                failed,
                tx.now,
            )

        assert counts(tx.conn) == dict.fromkeys(
            ["", ROOT, "README.md", "src/api/", "src/api/a.py"], (1, 1)
        )
        assert [
            closure.report.result for closure in of_changes(tx.conn, [change.id])[change.id]
        ] == list(Result)


def test_a_report_on_what_was_read_too_early_is_overtaken(database_url: str) -> None:
    with writing(database_url) as tx:
        change = deploying(tx)
        assert close(tx, change, Report("token:one", Result.UNSUCCESSFUL), FILES) is Closing.CLOSED

        assert (
            close(tx, change, Report("token:two", Result.ROLLED_BACK), FILES) is Closing.OVERTAKEN
        )
        assert counts(tx.conn)[""] == (1, 1)
        assert len(of_changes(tx.conn, [change.id])[change.id]) == 1


def test_of_two_reports_that_make_a_result_worse_one_is_overtaken(database_url: str) -> None:
    with writing(database_url) as tx:
        change = deploying(tx)
        close(tx, change, Report("token:one", Result.SUCCESSFUL), FILES)
        closed = existing(tx.conn, change.id)
        assert (
            close(tx, closed, Report("token:one", Result.SUCCESSFUL_ISSUES), FILES)
            is Closing.WORSENED
        )

        assert (
            close(tx, closed, Report("token:two", Result.SUCCESSFUL_ISSUES), FILES)
            is Closing.OVERTAKEN
        )
        assert len(of_changes(tx.conn, [change.id])[change.id]) == 2


def test_a_report_comes_back_as_it_was_given(database_url: str) -> None:
    report = Report("token:one", Result.SUCCESSFUL, "n" * 64, NOW - HOUR, NOW)
    with writing(database_url) as tx:
        change = deploying(tx)
        close(tx, change, report, ChangedFiles())
        (closure,) = of_changes(tx.conn, [change.id])[change.id]

        assert (closure.report, closure.at, closure.matched) == (report, tx.now, True)


def test_paths_of_three_thousand_files_are_counted(database_url: str) -> None:
    with writing(database_url) as tx:
        change = existing(tx.conn, put_change(tx.conn, valid_until=None))
        paths = tuple(f"src/{number}/“ü”%_'.py" for number in range(3000))
        assert admit(tx, change, RUN, ChangedFiles(paths))

        assert len(counts(tx.conn)) == 6001


def test_matches_that_count_neither_way_are_looked_back_on_too(database_url: str) -> None:
    with writing(database_url) as tx:
        put_match(tx.conn, put_closed(tx.conn, NOW, "successful_issues", same_commit=True), NOW)
        found = deploying(tx)
        newest = matches.newest(tx.conn, "shop", "production", "routine", at=NOW)

        assert [(match.change == found.id, match.result) for match in newest] == [
            (True, None),
            (False, Result.SUCCESSFUL_ISSUES),
        ]


def test_a_standard_change_is_suspended_once(database_url: str) -> None:
    with writing(database_url) as tx:
        assert matches.suspension(tx.conn, "shop", "production", "routine") == Suspension()
        assert matches.suspend(tx, "shop", "production", "routine", "2 of the last 20 failed")
        assert not matches.suspend(tx, "shop", "production", "routine", "3 of the last 20 failed")
        assert matches.suspension(tx.conn, "shop", "production", "routine") == Suspension(
            "2 of the last 20 failed"
        )
        assert matches.suspension(tx.conn, "shop", "staging", "routine") == Suspension()
