"""How often similar changes were admitted to a place, and how many of them failed."""

import pytest

from gate.core.change import Result, Run
from gate.core.history import Similar
from gate.core.kinds import ChangedFiles
from gate.storage.changes import changes
from gate.storage.changes.admissions import admit
from gate.storage.changes.closures import Report, close
from gate.storage.changes.history import PlaceQuery, track_record
from gate.storage.database.tx import Tx
from gate.storage.incidents.failures import judge
from gate.storage.tables import schema
from tests.storage.stored import COMMIT, NOW, put_change, writing

RUN = Run("9", 2, "deploy")
SOURCE = ("src/a.py",)


def admitted(tx: Tx, kinds: str = "source", **different: object) -> str:
    """A change of these kinds that was admitted."""
    change = put_change(tx.conn, valid_until=None, **different)
    stored = changes.read(tx.conn, change)
    assert stored is not None
    assert admit(tx, stored, RUN, ChangedFiles(SOURCE, kinds))
    return change


def ended(tx: Tx, change: str, result: Result, kinds: str = "source") -> None:
    stored = changes.read(tx.conn, change)
    assert stored is not None
    close(tx, stored, Report("token:one", result), ChangedFiles(SOURCE, kinds))


def seen(tx: Tx, *files: str, service: str = "shop") -> Similar:
    query = PlaceQuery(service, "production", COMMIT, NOW, files=files)
    return track_record(tx.conn, query).similar


def test_only_changes_of_the_same_kinds_and_place_are_similar(database_url: str) -> None:
    with writing(database_url) as tx:
        change = admitted(tx)
        admitted(tx, "documents,source")
        admitted(tx, service="other")

        similar = seen(tx, "src/z.py", "src/y.py")
        assert similar == Similar(1, 0, change, tx.now, last_failed=False)
        assert seen(tx, "web/logo.png") == seen(tx) == seen(tx, "src/") == Similar()
        assert seen(tx, "src/a.py", "web/logo.png") == Similar()


def test_files_that_do_not_count_are_of_no_kind(database_url: str) -> None:
    with writing(database_url) as tx:
        ended(tx, admitted(tx, ""), Result.UNSUCCESSFUL, "")

        assert seen(tx, *SOURCE) == Similar()


@pytest.mark.parametrize("later", [Result.UNSUCCESSFUL, Result.ROLLED_BACK])
def test_a_failure_counts_once_and_the_last_one_says_how_it_ended(
    database_url: str, later: Result
) -> None:
    with writing(database_url) as tx:
        first, second = admitted(tx), admitted(tx)
        ended(tx, second, Result.SUCCESSFUL)
        assert (seen(tx, *SOURCE).failures, seen(tx, *SOURCE).last_failed) == (0, False)

        ended(tx, first, Result.UNSUCCESSFUL)
        assert (seen(tx, *SOURCE).failures, seen(tx, *SOURCE).last_failed) == (1, False)

        ended(tx, second, later)
        ended(tx, second, Result.ROLLED_BACK)
        assert (seen(tx, *SOURCE).changes, seen(tx, *SOURCE).failures) == (2, 2)
        assert (seen(tx, *SOURCE).last, seen(tx, *SOURCE).last_failed) == (second, True)


def test_a_failure_that_is_taken_back_is_subtracted(database_url: str) -> None:
    with writing(database_url) as tx:
        change = admitted(tx)
        tx.conn.execute(schema.changes.update().values(failed=True))
        stored = changes.read(tx.conn, change)
        assert stored is not None
        tx.conn.exec_driver_sql("UPDATE similar_outcomes SET failures = 1")

        assert judge(tx, stored, ChangedFiles(SOURCE, "source")) == -1
        assert seen(tx, *SOURCE).failures == 0
