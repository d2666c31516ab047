"""Commands for operators: the database, the signing key, and the OpenAPI document."""

import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from gate.cli.database import existing
from gate.config import Settings
from gate.errors import Invalid, Unavailable
from gate.flow.key_place import key_place, required_key_place
from gate.flow.signing import OWNER_ALONE, make_key, read_key
from gate.storage import migrate
from gate.storage.database.engine import shown, sqlite_path
from gate.storage.ledger import ledger
from gate.storage.store import transaction

BACKUP_PAGES_A_STEP = 1_000


def upgrade() -> None:
    """Make the database, or upgrade it.

    A new embedded database also gets its signing key, before anything is written that needs it.
    """
    settings = Settings.read()
    url = settings.database
    print(f"{shown(url)} has revision {migrate.upgrade(url)}")
    place = key_place(settings)
    if place is not None and place.may_make and read_key(place.path, settings.address) is None:
        with transaction(url) as tx:
            empty = ledger.is_empty(tx.conn)
        if empty:
            make_key(place.path, settings.address)
            print(f"made the signing key {place.path}; keep it safe")


def backup(file: Path) -> None:
    """Copy an embedded database consistently while the gate goes on.

    A PostgreSQL database is backed up with its own tools.
    """
    path = sqlite_path(existing(Settings.read()))
    if path is None:
        raise Invalid(
            "this is a PostgreSQL database; back it up with pg_dump, together with the signing key"
        )
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ALONE))
    except FileExistsError:
        raise Invalid(f"{file} is there already; name a new file") from None
    except OSError as error:
        raise Invalid(f"{file} cannot be written ({error.strerror})") from None
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(file)) as copy,
        ):
            source.backup(copy, pages=BACKUP_PAGES_A_STEP)
    except sqlite3.Error as error:
        # A copy that stopped halfway cannot be restored.
        file.unlink()
        raise Unavailable(f"{path} was not copied ({error})") from None
    print(f"{path} was copied to {file}; keep it with the signing key")


def ledger_key() -> None:
    """Print the verifier key.

    A key is made only if nothing was ever written that another key had to sign.
    """
    settings = Settings.read()
    place = required_key_place(settings)
    key = read_key(place.path, settings.address)
    if key is None:
        if sqlite_path(settings.database) is not None:
            with transaction(existing(settings)) as tx:
                if not ledger.is_empty(tx.conn):
                    raise Invalid(
                        f"{place.path} is missing, but the ledger is not empty: put the key "
                        "back that belongs to it"
                    )
        key = make_key(place.path, settings.address)
        print(
            f"made {place.path}; keep it safe, and give it to every server of this database",
            file=sys.stderr,
        )
    print(key.verifier)


def print_openapi() -> None:
    """Print the OpenAPI document."""
    from gate.api.router import build_api  # noqa: PLC0415 - the other commands of this file do without

    print(json.dumps(build_api().openapi(), indent=2))
