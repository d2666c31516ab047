"""What an operator must know of the database's threads is said with its cause, and a writer that
fails for good answers everybody.
"""

import asyncio
import threading
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import pytest
from sqlalchemy import Connection, text

from gate.errors import Unavailable
from gate.storage.changes.units import NEW
from gate.storage.database.engine import sqlite_path
from gate.storage.database.reports import LISTENER, READER, WRITER, Reports
from gate.storage.database.tx import Tx
from gate.storage.store import Store
from tests.storage.making import busy, make_unit

pytestmark = pytest.mark.anyio


@dataclass(slots=True)
class Heard:
    """An operator who writes everything down."""

    troubles: list[tuple[str, BaseException]] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    commits: list[tuple[int, int, float]] = field(default_factory=list)
    moved: threading.Event = field(default_factory=threading.Event)
    breaks_after_commit: bool = False

    @property
    def reports(self) -> Reports:
        """What the store is opened with."""
        return Reports(self._wrote, self._lasts, self._over)

    def where(self) -> list[str]:
        """Of every trouble, in order."""
        return [where for where, _ in self.troubles]

    def causes(self) -> str:
        """All of them in one text."""
        return " ".join(f"{error} {getattr(error, 'place', '')}" for _, error in self.troubles)

    async def until_more(self) -> None:
        """Wait for the next word."""
        assert await asyncio.to_thread(self.moved.wait, 10)
        self.moved.clear()

    def _wrote(self, calls: int, waiting: int, seconds: float) -> None:
        self.commits.append((calls, waiting, seconds))
        if self.breaks_after_commit:
            raise ZeroDivisionError("a fault of the writer itself")

    def _lasts(self, where: str, error: BaseException) -> None:
        self.troubles.append((where, error))
        self.moved.set()

    def _over(self, where: str) -> None:
        self.over.append(where)
        self.moved.set()


async def outcomes(asked: Sequence[Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*asked, return_exceptions=True))


async def test_a_writer_that_fails_for_good_answers_everybody_and_says_why(
    database_url: str,
) -> None:
    heard = Heard()
    store = Store.open(database_url, reports=heard.reports)
    async with busy(store):
        heard.breaks_after_commit = True
        asked = [store.record(make_unit(number)) for number in range(600)]  # more than one group

    answers = await outcomes(asked)
    refused = [answer for answer in answers if answer != NEW]
    await asyncio.to_thread(store.close)

    assert all(
        isinstance(answer, Unavailable) and "ZeroDivisionError" in answer.detail
        for answer in refused
    )
    assert store.failed is not None
    assert "a fault of the writer itself" not in store.failed, "strangers read it"
    assert set(heard.where()) == {WRITER}
    assert "a fault of the writer itself" in heard.causes()


async def test_what_was_committed_before_the_writer_failed_is_a_yes(database_url: str) -> None:
    heard = Heard(breaks_after_commit=True)
    store = Store.open(database_url, reports=heard.reports)

    first = await store.record(make_unit(1))
    with pytest.raises(Unavailable):
        await store.record(make_unit(2))
    await asyncio.to_thread(store.close)

    assert first == NEW
    assert await count(database_url) == 1


async def test_a_disk_that_is_full_is_reported_with_its_cause_and_so_is_its_end(
    sqlite_url: str,
) -> None:
    heard = Heard()
    store = Store.open(sqlite_url, reports=heard.reports)
    try:
        await store.write(pages_at_most, 0)
        for number in (1, 2):
            with pytest.raises(Unavailable):
                await store.write(fill, number)
        await store.write(pages_at_most, 2**30)
        await store.write(fill, 3)
    finally:
        await asyncio.to_thread(store.close)

    assert set(heard.where()) == {WRITER}
    assert "database or disk is full" in heard.causes()
    assert heard.over == [WRITER] * len(heard.over) != []


async def test_a_fault_of_one_call_is_its_callers_alone(database_url: str) -> None:
    heard = Heard()
    store = Store.open(database_url, reports=heard.reports)
    try:
        with pytest.raises(Exception, match="nonsense"):
            await store.write(nonsense)
    finally:
        await asyncio.to_thread(store.close)

    assert (heard.troubles, store.failed) == ([], None)


async def test_a_writer_that_is_stuck_shows_while_it_is_stuck(database_url: str) -> None:
    store = Store.open(database_url)
    try:
        idle = store.waited_seconds()
        async with busy(store):
            held_up = store.waited_seconds()
            waits = store.record(make_unit(1))
            held_up_longer = store.waited_seconds()
        await waits
    finally:
        await asyncio.to_thread(store.close)

    assert 0 == idle < held_up < held_up_longer
    assert store.waited_seconds() == 0


async def test_each_commit_is_reported_with_the_time_that_it_took(database_url: str) -> None:
    heard = Heard()
    store = Store.open(database_url, reports=heard.reports)
    async with busy(store):
        asked = [store.record(make_unit(number)) for number in range(3)]
    await asyncio.gather(*asked)
    await asyncio.to_thread(store.close)

    assert [units for units, _, _ in heard.commits] == [1, 3]
    assert all(0 < seconds < 60 for _, _, seconds in heard.commits)


async def test_a_connection_that_is_cut_is_reported_by_whoever_listens_and_so_is_its_end(
    postgres_url: str,
) -> None:
    heard, hears = Heard(), []

    def lasts(where: str, error: BaseException) -> None:
        hears.append(store.hears_others())
        heard.reports.lasts(where, error)

    store = Store.open(postgres_url, reports=replace(heard.reports, lasts=lasts))
    other = Store.open(postgres_url)
    try:
        await heard.until_more()  # it listens
        hears.append(store.hears_others())
        await other.write(end_the_listener)
        while (
            heard.where().count(LISTENER) < 1 or heard.over.count(LISTENER) < 2
        ):  # when it began, and again
            await heard.until_more()
    finally:
        await asyncio.to_thread(store.close)
        await asyncio.to_thread(other.close)

    assert hears == [True, False]
    assert heard.where() == [LISTENER]
    assert "server closed the connection" in heard.causes()


async def test_a_database_that_cannot_be_read_is_reported_with_its_cause(sqlite_url: str) -> None:
    heard = Heard()
    store = Store.open(sqlite_url, reports=heard.reports)
    path = anyio.Path(str(sqlite_path(sqlite_url)))
    try:
        elsewhere = await path.rename(path.with_name("elsewhere"))
        with pytest.raises(Unavailable):
            await store.read(changes)  # the first read of this thread connects
        await elsewhere.rename(path)
        assert await store.read(changes) == 0
    finally:
        await asyncio.to_thread(store.close)

    assert (set(heard.where()), heard.over) == ({READER}, [READER])
    assert "unable to open database file" in heard.causes()


async def count(url: str) -> int:
    store = Store.open(url)
    try:
        return await store.read(changes)
    finally:
        await asyncio.to_thread(store.close)


def changes(conn: Connection) -> int:
    found: int = conn.execute(text("SELECT count(*) FROM changes")).scalar_one()
    return found


def pages_at_most(tx: Tx, pages: int) -> None:
    tx.conn.exec_driver_sql(f"PRAGMA max_page_count = {pages or 1}")


def fill(tx: Tx, number: int) -> None:
    tx.conn.execute(
        text("INSERT INTO texts (id, salt, text) VALUES (:id, :salt, :text)"),
        {"id": str(number), "salt": b"", "text": "x" * 2_000_000},
    )


def nonsense(tx: Tx) -> None:
    tx.conn.execute(text("SELECT nonsense"))


def end_the_listener(tx: Tx) -> None:
    tx.conn.execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            "current_database() AND (query LIKE 'LISTEN%' OR query LIKE '%FROM announcements%') "
            "AND pid <> pg_backend_pid()"
        )
    )
