"""Behind a pooler that gives every transaction another connection, the gate writes and reads as
without it, and finds out within a second what other replicas wrote.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from gate.storage.changes.units import NEW
from gate.storage.database import listener
from gate.storage.database.announcements import Heard
from gate.storage.database.engine import open_engine
from gate.storage.database.pooler import settings_again
from gate.storage.database.tx import Tx
from gate.storage.database.watch import Topics
from gate.storage.store import Store, transaction
from tests.postgres_proxies import Pooler, between, through
from tests.storage.making import make_unit

pytestmark = pytest.mark.anyio

SETTINGS = ("statement_timeout", "lock_timeout", "enable_seqscan", "timezone")


@pytest.fixture
def pooled_url(postgres_url: str) -> Iterator[str]:
    place, _, socket = postgres_url.partition("?host=")
    with between(Pooler(socket, place.rpartition("/")[2])) as port:
        yield through(postgres_url, port)


def said(conn: Connection) -> list[str]:
    return [str(conn.execute(text(f"SHOW {name}")).scalar_one()) for name in SETTINGS]


def said_to_writer(tx: Tx) -> list[str]:
    return said(tx.conn)


def touch(tx: Tx, topic: str) -> None:
    tx.touch(topic)


def test_a_pooler_is_recognized(postgres_url: str, pooled_url: str) -> None:
    again = []
    for url in (postgres_url, pooled_url):
        with open_engine(url).connect() as conn:
            again.append(settings_again(conn))

    assert again[0] is None
    assert "statement_timeout" in (again[1] or "")


async def test_every_transaction_has_the_settings_of_the_gate(
    postgres_url: str, pooled_url: str
) -> None:
    expected = ["8s", "5s", "off", "UTC"]
    for url in (postgres_url, pooled_url):
        store = Store.open(url)
        try:
            for _ in range(5):
                assert await store.read(said) == expected
                assert await store.write(said_to_writer) == expected
        finally:
            store.close()
        with transaction(url) as tx:
            assert said(tx.conn) == expected
        with open_engine(url, read_only=True).connect() as conn:
            assert said(conn) == expected


async def test_a_reader_behind_a_pooler_cannot_write(pooled_url: str) -> None:
    with (
        open_engine(pooled_url, read_only=True).connect() as conn,
        pytest.raises(Exception, match="read-only transaction"),
    ):
        conn.execute(text("DELETE FROM secrets"))


async def test_replicas_behind_a_pooler_never_run_each_others_statements(pooled_url: str) -> None:
    """Each would prepare what it runs often, under names that the others use as well."""
    one, other = Store.open(pooled_url), Store.open(pooled_url)
    try:
        for number in range(20):
            stores = (one, other)[:: 1 if number % 2 else -1]
            assert await stores[0].record(make_unit(number, key=f"k{number}")) == NEW
            again = await stores[1].record(make_unit(number, key=f"k{number}"))
            assert again.key is not None
    finally:
        one.close()
        other.close()


async def test_what_another_replica_behind_a_pooler_wrote_is_heard(
    pooled_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "ASK_SECONDS", 0.02)  # half a second in earnest
    one, other = Store.open(pooled_url), Store.open(pooled_url)
    heard: asyncio.Queue[Topics] = asyncio.Queue()
    topics: Topics = frozenset()
    try:
        one.on_change(heard.put_nowait)
        while topics != frozenset({"freezes"}):
            await other.write(touch, "freezes")
            topics = await asyncio.wait_for(heard.get(), timeout=30)
    finally:
        one.close()
        other.close()


def test_what_a_short_program_behind_a_pooler_wrote_is_announced(pooled_url: str) -> None:
    heard = Heard("a server")
    with open_engine(pooled_url).connect() as conn:
        raw: Any = conn.connection.dbapi_connection
        heard.ask(raw)
        raw.rollback()
        with transaction(pooled_url) as tx:
            tx.touch("tokens")

        assert heard.ask(raw) == frozenset({"tokens"})
