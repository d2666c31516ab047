"""A database that others had is as a new one, or it is not given to anybody."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text

from gate.storage.database.engine import open_engine
from tests import postgres, postgres_again
from tests.test_postgres import run

pytestmark = pytest.mark.postgres

TEMPLATE = "words_template"
TABLES = """
CREATE TABLE words (id serial PRIMARY KEY, word text);
CREATE TABLE letters (word integer REFERENCES words, letter text);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''nobody deletes words''; END';
CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON words EXECUTE FUNCTION refuse();
INSERT INTO words (word) VALUES ('first');
"""
SESSION = """
SELECT pg_backend_pid(), current_setting('work_mem'), array(SELECT pg_listening_channels()),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
"""


@pytest.fixture(scope="module")
def cluster(run_directory: Path, postgres_cluster: postgres.Cluster) -> Iterator[postgres.Cluster]:
    """The run's server, with a template that has some words."""

    def fill(url: str) -> None:
        run(url, TABLES)
        postgres_again.make_able(url)

    postgres.filled(run_directory, postgres_cluster, TEMPLATE, fill)
    yield postgres_cluster
    postgres_again.drop_all(postgres_cluster)


def opened(url: str) -> Engine:
    engine = open_engine(url)
    postgres_again.keep_sessions(engine)
    return engine


def use(url: str) -> tuple[object, ...]:
    """Write, and change what belongs to a session; returns what it was before."""
    with opened(url).connect() as session:
        before = tuple(session.execute(text(SESSION)).one())
        session.execute(text("INSERT INTO words (word) VALUES ('second')"))
        session.execute(text("UPDATE words SET word = 'none' WHERE id = 1"))
        session.execute(text("INSERT INTO letters VALUES (2, 's')"))
        session.execute(text("SET work_mem = '1MB'"))
        session.execute(text("LISTEN words"))
        session.execute(text("SELECT pg_advisory_lock(1)"))
        session.commit()
        return before


def test_the_next_one_finds_the_rows_of_the_template_and_a_session_that_knows_nothing(
    cluster: postgres.Cluster,
) -> None:
    with postgres_again.database(cluster, TEMPLATE) as first:
        before = use(first)
    with postgres_again.database(cluster, TEMPLATE) as second:
        assert second == first
        assert run(second, "SELECT * FROM words") == [(1, "first")]
        assert run(second, "SELECT * FROM letters") == []
        assert use(second) == before, "of the same backend"
        assert run(second, "SELECT max(id) FROM words") == [(2,)]


def test_two_at_once_are_two(cluster: postgres.Cluster) -> None:
    with (
        postgres_again.database(cluster, TEMPLATE) as first,
        postgres_again.database(cluster, TEMPLATE) as second,
    ):
        assert first != second


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE letters ADD COLUMN of_later text",
        "DROP TRIGGER no_delete ON words",
        "ALTER TABLE words DISABLE TRIGGER no_delete",
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE TABLE others ()",
    ],
)
def test_one_with_other_tables_or_triggers_is_dropped(
    cluster: postgres.Cluster, change: str
) -> None:
    with postgres_again.database(cluster, TEMPLATE) as first:
        run(first, change)

    assert is_dropped(cluster, first)


def test_one_with_an_open_session_is_dropped(cluster: postgres.Cluster) -> None:
    with ExitStack() as later:
        with postgres_again.database(cluster, TEMPLATE) as first:
            later.enter_context(closing(opened(first).connect()))
        assert is_dropped(cluster, first)


def test_one_in_which_a_session_is_left_in_the_middle_is_given_again(
    cluster: postgres.Cluster,
) -> None:
    with postgres_again.database(cluster, TEMPLATE) as first:
        session = opened(first).connect()
        session.execute(text("INSERT INTO words (word) VALUES ('second')"))
        session.close()
    with postgres_again.database(cluster, TEMPLATE) as second:
        assert second == first
        assert run(second, "SELECT count(*) FROM words") == [(1,)]


def is_dropped(cluster: postgres.Cluster, url: str) -> bool:
    there = {name for (name,) in run(cluster.url("postgres"), "SELECT datname FROM pg_database")}
    return make_url(url).database not in there
