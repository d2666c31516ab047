"""The places of the signing key and its guard.

This is apart from the app, because commands need it too, and importing the app takes a second.
"""

from dataclasses import dataclass
from pathlib import Path

from gate.config import Settings
from gate.errors import Invalid
from gate.flow.signing import KEY_FILE
from gate.storage.database.engine import sqlite_path

DEMO_FILE, DEMO_KEY_FILE = "demo.db", "demo.key"
"""The names of the demo's database and key, which lie beside those of a gate that is no demo."""

GUARD_SUFFIX = ".guard"
"""The ending that the guard's file has after the name of the key's file."""


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """The place of the signing key, and whether this server may make one there."""

    path: Path
    may_make: bool


def key_place(settings: Settings) -> KeyPlace | None:
    """Return the place of the signing key, or None if there is no setting for it.

    Without a setting it lies beside an embedded database.
    """
    database = sqlite_path(settings.database)
    if settings.signing_key_file is not None:
        return KeyPlace(settings.signing_key_file, may_make=database is not None)
    if database is None:
        return None
    # One key never signs two ledgers.
    own = DEMO_KEY_FILE if database.name == DEMO_FILE else KEY_FILE
    return KeyPlace(database.with_name(own), may_make=True)


def required_key_place(settings: Settings) -> KeyPlace:
    """Return the place of the signing key. Raises `Invalid` if there is no setting for it."""
    place = key_place(settings)
    if place is None:
        raise Invalid("no key file is named; set GATE_SIGNING_KEY_FILE")
    return place


def guard_place(settings: Settings) -> Path | None:
    """Return the file of the last signed head, which lies beside the key unless a setting names
    another.
    """
    if settings.ledger_guard is not None:
        return settings.ledger_guard
    place = key_place(settings)
    if place is None:
        return None
    return place.path.with_name(f"{place.path.name}{GUARD_SUFFIX}")
