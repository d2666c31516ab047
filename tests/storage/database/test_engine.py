"""Which database is meant, that it is there, and that its commits are on the disk."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from gate.errors import Invalid, NotFound, Unavailable
from gate.storage.database.engine import (
    OpenFile,
    connect,
    open_engine,
    refuse_unsafe,
    shown,
    sqlite_path,
    sqlite_url,
)


def test_a_database_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "gate.sqlite"

    with pytest.raises(NotFound, match=str(path)):
        open_engine(sqlite_url(path))

    assert not path.exists()


def test_f08_a_database_that_goes_away_is_not_made_again(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    path = sqlite_path(sqlite_url)
    assert path is not None
    path.unlink()

    with pytest.raises(Unavailable, match="cannot be opened") as refused:
        engine.connect()
    assert str(path) in refused.value.place
    assert str(path) not in refused.value.detail

    assert not path.exists()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("mysql://host/gate", id="another database"),
        pytest.param("nonsense", id="no URL"),
        pytest.param("sqlite://", id="memory, which every connection has for itself"),
        pytest.param("sqlite:///:memory:", id="memory by name"),
    ],
)
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="database URL"):
        open_engine(url)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unavailable, match="cannot be made"):
        open_engine(sqlite_url(tmp_path / "file" / "gate.sqlite"), create=True)


def test_only_its_owner_reads_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "new" / "gate ?#%.sqlite"

    with open_engine(sqlite_url(path), create=True).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_reader_cannot_write(database_url: str) -> None:
    engine = open_engine(database_url, read_only=True)

    with pytest.raises(DBAPIError, match=r"readonly|read-only"), engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO leases VALUES ('a', 'b', 1)")


def test_a_writer_locks_before_it_reads(sqlite_url: str) -> None:
    path = sqlite_path(sqlite_url)

    with (
        open_engine(sqlite_url).begin(),
        closing(sqlite3.connect(str(path), timeout=0, isolation_level=None)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")


def test_a_savepoint_takes_back_only_its_own(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO leases VALUES ('kept', 'b', 1)")
        nested = connection.begin_nested()
        connection.exec_driver_sql("INSERT INTO leases VALUES ('lost', 'b', 1)")
        nested.rollback()

    assert names(engine) == ["kept"]


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        pytest.param("journal_mode", "wal", id="readers and the writer do not wait for each other"),
        pytest.param("synchronous", 2, id="a commit waits for the disk"),
        pytest.param("foreign_keys", 1, id="rows belong to rows"),
        pytest.param("recursive_triggers", 1, id="a replace is a delete"),
    ],
)
def test_f05_sqlite_is_set_up_for_commits_that_last(
    sqlite_url: str, pragma: str, value: object
) -> None:
    with open_engine(sqlite_url).connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_f05_a_server_that_does_not_wait_for_its_disk_is_refused(postgres_url: str) -> None:
    with open_engine(postgres_url).connect() as connection:
        refuse_unsafe(connection)
        connection.exec_driver_sql("SET synchronous_commit = off")

        with pytest.raises(Unavailable, match="synchronous_commit = on"):
            refuse_unsafe(connection)


def test_a_server_that_is_not_there_is_said_without_its_password() -> None:
    url = "postgresql://gate:hunter2@localhost:1/gate"

    with pytest.raises(Unavailable, match="cannot be reached") as refused:
        connect(open_engine(url), url)

    assert "localhost:1/gate" in refused.value.place
    assert "hunter2" not in f"{refused.value.detail} {refused.value.place} {shown(url)}"


def test_a_file_that_was_moved_deleted_or_replaced_is_noticed(sqlite_url: str) -> None:
    path = sqlite_path(sqlite_url)
    assert path is not None
    with open_engine(sqlite_url).connect():
        log = path.with_name(path.name + "-wal")
        opened = OpenFile.of(path)
        assert opened.missing() is None

        for file in (path, log):
            kept = file.rename(file.with_name("elsewhere"))
            assert opened.missing() == file
            file.write_bytes(b"")
            assert opened.missing() == file
            kept.rename(file)
            assert opened.missing() is None


def names(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return [
            row[0] for row in connection.exec_driver_sql("SELECT name FROM leases ORDER BY name")
        ]
