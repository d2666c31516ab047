"""Finds the database that a command works on. Only `gate serve` and `gate db upgrade` make one."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from gate.config import Settings
from gate.errors import NotFound
from gate.flow.key_place import DEMO_FILE
from gate.storage import migrate
from gate.storage.database.engine import connect, open_engine, sqlite_path, sqlite_url


def existing(settings: Settings) -> str:
    """Return the URL of the database.

    Raises `NotFound` if an SQLite file is not there, and says what to set instead.
    """
    path = sqlite_path(settings.database)
    if path is None or path.is_file():
        return settings.database
    demo = path.with_name(DEMO_FILE)
    if demo.is_file():
        instead = (
            f"the demo keeps its records in {demo}: export GATE_DATABASE_URL={sqlite_url(demo)}"
        )
    else:
        instead = "set GATE_DATABASE_URL to the one that the running gate names in its first line"
    raise NotFound(
        f"there is no database at {path}; {instead} (gate serve or gate db upgrade makes a new one)"
    )


@contextmanager
def reading() -> Iterator[Connection]:
    """Open the database that the settings name, for reading: the gate goes on writing meanwhile.

    Raises `NotFound` if there is none.
    """
    url = existing(Settings.read())
    with connect(open_engine(url, read_only=True), url) as conn:
        migrate.check(conn, url)
        yield conn
