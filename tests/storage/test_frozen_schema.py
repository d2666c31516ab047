"""The migrations and the tables in code say the same, and a database that is there comes to the
same form as a new one.
"""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import DBAPIError

from gate.storage.changes import changes
from gate.storage.database.engine import open_engine, sqlite_path
from gate.storage.migrate import FIRST, SchemaUnreleased, head, upgrade
from gate.storage.store import Store
from tests.storage.described import BY_HAND, described
from tests.storage.frozen import (
    DIALECTS,
    DUMPS,
    KEPT,
    every_table,
    first_text,
    restore,
    revision,
    tables_text,
)
from tests.storage.stored import reading, run

DUMPED = sorted({dump.name.split(".")[0] for dump in DUMPS.glob("*.sql")})
WHAT_TO_DO = (
    "the tables in gate/storage/tables/ and the migrations differ. Before the first "
    "release, run `make schema` and commit what "
    "it writes; afterwards add a migration, as docs/how-to/work-on-the-gate.md says"
)


@pytest.mark.parametrize("kind", DIALECTS)
def test_the_first_migration_has_the_text_of_the_tables(kind: str) -> None:
    """To be deleted with the first release: from then on that text stays as it is."""
    assert first_text(kind) == tables_text(DIALECTS[kind]), WHAT_TO_DO


def test_the_migrations_make_the_tables_in_code(empty_database_url: str) -> None:
    """Not one column, type, default, key, index or condition is another."""
    by_code = made_by(empty_database_url, create_all)
    by_migrations = made_by(empty_database_url, upgrade)

    missing = by_code - by_migrations
    surplus = {part for part in by_migrations - by_code if not BY_HAND.search(part)}
    assert (missing, surplus) == (set(), set()), WHAT_TO_DO


@pytest.mark.parametrize("release", DUMPED)
def test_a_database_of_a_release_becomes_what_a_new_one_is(
    empty_database_url: str, release: str
) -> None:
    new = made_by(empty_database_url, upgrade)

    assert made_by(empty_database_url, lambda url: upgrade_dump(url, release)) == new
    with reading(empty_database_url) as conn:
        kept = changes.read(conn, KEPT)
    assert kept is not None
    with pytest.raises(DBAPIError, match="never"):
        run(empty_database_url, "DELETE FROM decisions")


def test_a_database_of_an_earlier_build_is_refused_with_what_to_do(database_url: str) -> None:
    """Builds before the first release have the same name of a revision, and another schema."""
    for earlier in (FIRST, f"{FIRST}_00000000"):
        run(database_url, f"UPDATE alembic_version SET version_num = '{earlier}'")  # noqa: S608 - a name of our own

        for attempt in (Store.open, upgrade):
            with pytest.raises(
                SchemaUnreleased,
                match=f"revision {earlier}.* cannot be upgraded to {head()}; move it away",
            ):
                attempt(database_url)
        assert revision(database_url) == earlier


def made_by(url: str, make: Callable[[str], object]) -> set[str]:
    """What an empty database consists of after this."""
    path = sqlite_path(url)
    if path:
        path.unlink(missing_ok=True)
        open_engine(url, create=True)
    else:
        run(url, "DROP SCHEMA public CASCADE")
        run(url, "CREATE SCHEMA public")
    make(url)
    return described(url)


def create_all(url: str) -> None:
    """The tables as the code has them, without any migration."""
    with open_engine(url).begin() as connection:
        every_table().create_all(connection)


def upgrade_dump(url: str, release: str) -> None:
    """A database of that release, with rows in it, upgraded to this one."""
    restore(
        url, (DUMPS / f"{release}.{open_engine(url).dialect.name}.sql").read_text(encoding="utf-8")
    )
    try:
        upgrade(url)
    except SchemaUnreleased:
        pytest.fail(WHAT_TO_DO)
