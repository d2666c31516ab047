"""The fixture itself: one server for all workers, a fresh copy for each test, nothing left
behind.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests import postgres, scratch

pytestmark = pytest.mark.postgres
PROCESS_MAX = 2**22
"""Linux gives no process a higher number."""


@pytest.fixture(scope="module")
def own_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if not postgres.is_installed():
        postgres.skip_or_fail()
    directory = tmp_path_factory.mktemp("own-run")
    yield directory
    postgres.stop(directory)


@pytest.fixture(scope="module")
def cluster(own_run: Path) -> postgres.Cluster:
    return postgres.running(own_run, one_table, owner=os.getpid())


def test_the_second_worker_finds_the_server_of_the_first(
    own_run: Path, cluster: postgres.Cluster
) -> None:
    assert postgres.running(own_run, already_migrated, owner=os.getpid()) == cluster


def test_a_database_begins_migrated_and_empty(cluster: postgres.Cluster) -> None:
    with postgres.database(cluster) as first:
        run(first, "INSERT INTO words VALUES ('mine')")
        with postgres.database(cluster) as second:
            assert run(second, "SELECT count(*) FROM words") == [(0,)]


def test_the_server_waits_for_the_disk(cluster: postgres.Cluster) -> None:
    with postgres.database(cluster) as url:
        assert run(
            url, "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
        ) == [("on", "on")]


def test_stopping_leaves_neither_process_nor_files(tmp_path: Path) -> None:
    if not postgres.is_installed():
        postgres.skip_or_fail()
    cluster = postgres.running(tmp_path, one_table, owner=os.getpid())

    postgres.stop(tmp_path)

    assert not Path(cluster.data).parent.exists()
    with pytest.raises(psycopg.OperationalError):
        cluster.create("anything")


def test_the_server_of_a_killed_run_is_swept_away(tmp_path: Path) -> None:
    # where no other run looks that begins at this moment and sweeps, too
    with tempfile.TemporaryDirectory(prefix="gate-swept-", dir=scratch.root()) as root:
        folder = Path(root)
        left = postgres.running(tmp_path, one_table, owner=PROCESS_MAX + 1, folder=folder)
        with postgres.server(folder) as kept:
            postgres.sweep([folder])

            assert not Path(left.data).parent.exists()
            assert Path(kept.data).exists(), "a server whose owner lives was stopped"


def one_table(url: str) -> None:
    run(url, "CREATE TABLE words (word text)")


def already_migrated(url: str) -> None:
    pytest.fail(f"the template was migrated twice: {url}")


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg.connect(url.replace("+psycopg", ""), autocommit=True)) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []
