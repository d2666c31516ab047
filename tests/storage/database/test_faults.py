"""Disks that fill up or break, files that go away, locks, connections that are cut: nobody gets a
yes that is none.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection

from gate.errors import Unavailable
from gate.storage.changes.units import NEW, Unit, insert_unit
from gate.storage.database import engine, housekeeping
from gate.storage.database.engine import open_engine, sqlite_path
from gate.storage.database.tx import KeptConnection, Tx
from gate.storage.store import Store, transaction
from tests.storage.making import busy, make_change, make_decision, make_unit

pytestmark = pytest.mark.anyio

BIG = b'{"x":"' + Random(1).randbytes(30_000).hex().encode() + b'"}'  # noqa: S311 - a text that does not pack well


@contextmanager
def opened(url: str) -> Iterator[Store]:
    store = Store.open(url)
    try:
        yield store
    finally:
        store.close()


async def test_f07_a_full_disk_refuses_writes_answers_reads_and_recovers(sqlite_url: str) -> None:
    with opened(sqlite_url) as store:
        await store.record(make_unit(1))
        await store.write(pages_at_most, 0)  # SQLite takes the present size
        async with busy(store):
            asked = [store.record(big_unit(number)) for number in range(2, 30)]

        for error in await errors(asked):
            assert isinstance(error, Unavailable)
            assert error.problem == "storage_full"
        assert await store.read(changes) == [1]

        await store.write(pages_at_most, 2**30)
        assert await store.record(big_unit(30)) == NEW
        assert await store.unready() is None


async def test_one_that_is_too_big_for_the_rest_of_the_disk_fails_alone_or_with_all(
    sqlite_url: str,
) -> None:
    with opened(sqlite_url) as store:
        await store.write(pages_at_most, 0)
        async with busy(store):
            huge, small = store.record(big_unit(1)), store.write(small_note)

        (error,) = await errors([huge])
        assert isinstance(error, Unavailable)
        with pytest.raises(Unavailable):
            await small


@pytest.mark.parametrize("suffix", ["", "-wal"])
async def test_f08_a_file_that_was_moved_away_is_noticed_and_taken_back(
    sqlite_url: str, suffix: str
) -> None:
    path = Path(f"{sqlite_path(sqlite_url)}{suffix}")
    with opened(sqlite_url) as store:
        await store.record(make_unit(1))
        elsewhere = move(path, path.with_name("elsewhere"))

        with pytest.raises(Unavailable, match="moved away or deleted"):
            await store.record(make_unit(2))
        assert await store.unready() == "the database file was moved away or deleted"
        assert not is_there(path)

        move(elsewhere, path)
        assert await store.record(make_unit(3)) == NEW
        assert await store.unready() is None
        assert await store.read(changes) == [1, 3]


async def test_f08_a_file_that_was_replaced_is_never_taken_for_the_database(
    sqlite_url: str,
) -> None:
    path = sqlite_path(sqlite_url)
    assert path is not None
    with opened(sqlite_url) as store:
        move(path, path.with_name("elsewhere"))
        path.write_bytes(b"")

        with pytest.raises(Unavailable, match="moved away"):
            await store.record(make_unit(1))
        assert size(path) == 0


async def test_f10_a_lock_that_somebody_else_holds_too_long_is_busy(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "BUSY_LIMIT_MS", 1)  # 5 s in earnest
    with opened(sqlite_url) as store, locked(sqlite_url):
        with pytest.raises(Unavailable, match="locked by somebody else") as refused:
            await store.record(make_unit(1))

        assert refused.value.problem == "busy"
        assert "locked" in (await store.unready() or "")


async def test_a_short_program_is_told_of_the_lock_too(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT", "PRAGMA busy_timeout = 1")  # 5 s in earnest
    with (
        locked(sqlite_url),
        pytest.raises(Unavailable, match="locked by somebody else"),
        transaction(sqlite_url),
    ):
        pass


async def test_a_lock_that_is_given_up_in_time_is_waited_for(sqlite_url: str) -> None:
    with opened(sqlite_url) as store:
        with locked(sqlite_url):
            waiting = asyncio.ensure_future(store.record(make_unit(1)))
            assert await store.read(changes) == []

        assert await waiting == NEW


@pytest.mark.slow
async def test_f10_the_log_of_changes_stays_small_while_readers_come_and_go(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "WAL_BYTES_MAX", 16 * 1024 * 1024)  # 64 MiB in earnest
    monkeypatch.setattr(housekeeping, "WAL_TURN_SECONDS", 0)
    monkeypatch.setattr(housekeeping, "LOOK_SECONDS", 0)
    path = Path(f"{sqlite_path(sqlite_url)}-wal")
    with opened(sqlite_url) as store:
        for turn in range(60):
            numbers = range(20 * turn, 20 * turn + 20)
            await asyncio.gather(
                *(store.record(big_unit(number)) for number in numbers),
                *(store.read(changes) for _ in range(10)),
            )

        assert size(path) < 2 * 4_000 * 4_120


async def test_f09_a_damaged_page_is_found_at_the_start(sqlite_url: str) -> None:
    path = sqlite_path(sqlite_url)
    assert path is not None
    with transaction(sqlite_url) as tx:
        for number in range(50):
            insert_unit(tx, make_unit(number))
    content = bytearray(path.read_bytes())
    for page in range(8, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)

    with pytest.raises(Unavailable, match="damaged"):
        Store.open(sqlite_url)


async def test_f09_a_torn_end_of_the_log_is_only_the_last_transaction(
    sqlite_url: str, tmp_path: Path
) -> None:
    path, copy = sqlite_path(sqlite_url), tmp_path / "copy.sqlite"
    assert path is not None
    with opened(sqlite_url) as store:
        for number in range(3):
            await store.record(make_unit(number))
        copy_torn(path, copy)

    with opened(f"sqlite:///{copy}") as store:
        assert await store.read(changes) == [0, 1]


async def test_f14_a_connection_cut_at_the_commit_is_an_unknown_outcome(postgres_url: str) -> None:
    run(postgres_url, _CUT_FUNCTION)
    run(postgres_url, _CUT_AT_COMMIT)
    with opened(postgres_url) as store:
        async with busy(store):
            asked = [store.record(make_unit(number, key=f"k{number}")) for number in range(5)]

        for error in await errors(asked):
            assert isinstance(error, Unavailable)
            assert "same key" in error.detail
        run(postgres_url, "DROP TRIGGER cut ON changes")
        assert (
            await all_of([store.record(make_unit(number, key=f"k{number}")) for number in range(5)])
            == [NEW] * 5
        )
        assert await store.unready() is None


def test_f14_a_commit_that_postgresql_answers_with_a_rollback_is_none(postgres_url: str) -> None:
    link = KeptConnection(open_engine(postgres_url), postgres_url)
    try:
        for statement, is_whole in (("SELECT 1", True), ("SELECT 1/0", False)):
            link.begin()
            with suppress(psycopg.Error):
                link.raw.execute(statement)
            link.commit()

            assert link.has_committed is is_whole
    finally:
        link.close()


async def test_f12_a_connection_cut_before_the_commit_is_made_again(postgres_url: str) -> None:
    cuts = iter([True, False])

    def cut_once(tx: Tx) -> str:
        if next(cuts):
            tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return "done"

    with opened(postgres_url) as store:
        async with busy(store):
            asked = [store.record(make_unit(1)), store.write(cut_once), store.record(make_unit(2))]

        assert await all_of(asked) == [NEW, "done", NEW]


async def test_f12_cut_readers_do_not_show(postgres_url: str) -> None:
    with opened(postgres_url) as store:
        await store.record(make_unit(1))
        assert await store.read(changes) == [1]
        run(
            postgres_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
            "pg_backend_pid() AND datname = current_database()",
        )

        assert await store.read(changes) == [1]
        assert await store.record(make_unit(2)) == NEW


@pytest.mark.parametrize(
    ("state", "failures", "happens"),
    [
        pytest.param("40P01", 3, "done", id="a deadlock is tried again three times"),
        pytest.param("40001", 3, "done", id="so is a failed serialization"),
        pytest.param("40P01", 4, "same rows", id="the fourth is the last"),
        pytest.param("53100", 9, "disk of the database is full", id="no space is not tried again"),
        pytest.param(
            "55P03",
            1,
            "locked",
            id="a lock that takes too long is busy, and only for who waited for it",
        ),
    ],
)
async def test_f16_what_the_server_says_decides(
    postgres_url: str, state: str, failures: int, happens: str
) -> None:
    left = iter([True] * failures)

    def fails(tx: Tx) -> str:
        if next(left, False):
            tx.execute(
                f"DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '{state}'; END $$"
            )
        return "done"

    with opened(postgres_url) as store:
        assert happens in str((await asyncio.gather(store.write(fails), return_exceptions=True))[0])
        assert await store.record(make_unit(1)) == NEW


async def test_f12_a_server_that_is_gone_is_said_and_found_again(postgres_url: str) -> None:
    with opened(postgres_url) as store:
        name = postgres_url.partition("?")[0].rpartition("/")[2]
        others = postgres_url.replace(name, "postgres")
        run(others, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false', alone=True)
        run(others, _CUT_ALL_OF.format(name), alone=True)

        with pytest.raises(Unavailable, match="cannot be reached"):
            await store.record(make_unit(1))
        with pytest.raises(Unavailable):
            await store.read(changes)

        run(others, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true', alone=True)
        assert await store.record(make_unit(1)) == NEW


_CUT_ALL_OF = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"
_CUT_FUNCTION = """
CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
"""
_CUT_AT_COMMIT = """
CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON changes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut()
"""


def big_unit(number: int) -> Unit:
    return make_unit(number, decision=make_decision(make_change(number), record=BIG))


def move(path: Path, to: Path) -> Path:
    return path.rename(to)


def size(path: Path) -> int:
    return path.stat().st_size


def is_there(path: Path) -> bool:
    return path.exists()


def copy_torn(path: Path, copy: Path) -> None:
    """The database as it is, and its log without the last byte."""
    copy.write_bytes(path.read_bytes())
    copy.with_name(copy.name + "-wal").write_bytes(Path(f"{path}-wal").read_bytes()[:-1])


def pages_at_most(tx: Tx, pages: int) -> None:
    tx.execute(f"PRAGMA max_page_count = {pages or 1}")


def small_note(tx: Tx) -> None:
    tx.execute("INSERT INTO leases VALUES ('a', 'b', 1)")


def changes(conn: Connection) -> list[int]:
    return [int(row[0][4:]) for row in conn.exec_driver_sql("SELECT id FROM changes ORDER BY id")]


@contextmanager
def locked(url: str) -> Iterator[None]:
    with closing(sqlite3.connect(str(sqlite_path(url)), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def run(url: str, statement: str, *, alone: bool = False) -> None:
    with open_engine(url).connect() as connection:
        if alone:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")  # noqa: PLW2901 - the same connection
        connection.exec_driver_sql(statement)
        connection.commit()


async def errors(calls: Sequence[Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def all_of(calls: Sequence[Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*calls))
