"""kill -9 at any moment: what was acknowledged is there, a unit is there whole or not at all, a
retried key is answered.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from gate.storage.changes.units import NEW, Recording, record
from gate.storage.database.engine import open_engine
from gate.storage.store import transaction
from tests.storage import crash_child
from tests.storage.making import make_change

ROOT = Path(__file__).parents[3]
KILLS = (1, 17, 60, 150, 90, 33)
"""After so many acknowledgements each."""

COUNTS = (
    "SELECT change_id FROM decisions ORDER BY 1",
    "SELECT change_id FROM ledger_entries ORDER BY 1",
    "SELECT change_id FROM outbox ORDER BY 1",
    "SELECT change_id FROM idempotency ORDER BY 1",
)


@pytest.mark.slow
def test_f01_what_was_acknowledged_survives_kills_under_load(database_url: str) -> None:
    acknowledged = killed_under_load(database_url, *KILLS)

    there = whole_units(database_url)
    assert acknowledged <= there
    assert len(acknowledged) >= sum(KILLS)
    assert rows(database_url, "SELECT sum(n) FROM rollups") == [len(there)]


@pytest.mark.slow
def test_f01_f18_a_retried_key_is_given_its_first_answer_after_a_kill(database_url: str) -> None:
    acknowledged = killed_under_load(database_url, 20)
    there = whole_units(database_url)

    with transaction(database_url) as tx:
        answers = {
            number: record(tx, [crash_child.unit(number)])[0] for number in range(max(there) + 20)
        }

    for number, answer in answers.items():
        assert answer == NEW if number not in there else answer.outcome is Recording.SAME_KEY
        assert number not in acknowledged or (
            answer.key and answer.key.change_id == make_change(number).id
        )


@pytest.mark.slow
def test_f02_a_kill_between_any_two_statements_leaves_all_or_nothing(
    sqlite_template: Path, tmp_path: Path
) -> None:
    *killed, ended = child("die-at-each", str(sqlite_template), str(tmp_path))

    assert set(killed) == {"killed"}
    assert ended == "ended"
    found = []
    for path in sorted(tmp_path.glob("*.sqlite")):
        url = f"sqlite:///{path}"
        found.append(whole_units(url))
        with transaction(url) as tx:
            assert record(tx, [crash_child.unit(1)])[0].outcome in {
                Recording.NEW,
                Recording.SAME_KEY,
            }
        assert whole_units(url) == {1}
    assert found == sorted(found, key=len)  # nothing before the commit, everything after it
    assert found[0] == set()
    assert found[-1] == {1}


def test_f06_a_disk_that_fails_ends_all_writing(sqlite_url: str) -> None:
    *numbers, error, failed, unready, after = child("break-disk", sqlite_url)

    assert "disk of the database has failed" in error
    assert failed == "True"
    assert "disk of the database has failed" in unready
    assert after == "refused"
    assert {int(number) for number in numbers} <= whole_units(sqlite_url)


def killed_under_load(url: str, *kills: int) -> set[int]:
    """Which numbers were acknowledged by children that were killed after so many each."""
    return {int(line) for line in child("load", url, *map(str, kills))}


def child(*arguments: str) -> list[str]:
    """What a child says, line by line."""
    command = [sys.executable, "-m", "tests.storage.crash_child", *arguments]
    return subprocess.run(  # noqa: S603 - our own
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def whole_units(url: str) -> set[int]:
    """The numbers of the units that are there, after making sure that every one of them is there
    whole.
    """
    changes = rows(url, "SELECT id FROM changes ORDER BY 1")
    for statement in COUNTS:
        assert rows(url, statement) == changes
    assert rows(url, "SELECT count(*) FROM texts") == [len(changes)]
    return {int(str(identity)[4:]) for identity in changes}


def rows(url: str, statement: str) -> list[object]:
    with open_engine(url).connect() as connection:
        return [row[0] for row in connection.exec_driver_sql(statement)]
