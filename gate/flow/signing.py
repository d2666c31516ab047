"""The signing key: read from its file, and made only where nothing was ever signed with another."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from gate.errors import Invalid, Unavailable
from gate.flow.gate import Gate
from gate.ledger.note import KeyTextError, SigningKey
from gate.storage.tables.schema import ledger_entries

KEY_FILE = "gate.key"
KEY_FILE_BYTES_MAX = 64 * 1024
OWNER_ALONE = 0o600


def key_name(address: str) -> str:
    """The log's origin, which is also the key's name: the gate's address without its scheme."""
    return f"{urlsplit(address).netloc or 'gate.local'}/decisions"


def read_key(path: Path, address: str) -> SigningKey | None:
    """The key of a file; None where there is no file. Raises `Invalid` for anything else in its place."""
    try:
        with path.open("rb") as file:
            text = file.read(KEY_FILE_BYTES_MAX).decode()
        return SigningKey.parse(text, name=key_name(address))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Invalid(f"the signing key {path} cannot be read ({error.strerror})") from None
    except (KeyTextError, UnicodeDecodeError) as error:
        raise Invalid(f"the signing key {path}: {error}") from None


def make_key(path: Path, address: str) -> SigningKey:
    """A new key, written for its owner alone. Raises `Invalid` where a file is there already: a key is never replaced."""
    key = SigningKey.generate(key_name(address))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE)
        with os.fdopen(descriptor, "w") as file:
            file.write(key.private_text())
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise Invalid(f"{path} is there already; a key is never replaced, keep it or name another file") from None
    except OSError as error:
        raise Invalid(f"the signing key {path} cannot be written ({error.strerror})") from None
    return key


def verifier_key(gate: Gate) -> str:
    """The key by which anybody verifies what this gate signs. Raises `Unavailable` while there is none."""
    return str(signing_key(gate).verifier)


def signing_key(gate: Gate) -> SigningKey:
    """The key. Raises `Unavailable` while there is none."""
    if gate.key is None:
        raise Unavailable(
            "the gate has no signing key, so nothing can be admitted; an operator makes one with `gate ledger key`",
            problem="signing_unavailable",
            retry_after_seconds=30,
        )
    return gate.key


def nothing_written(conn: Connection) -> bool:
    """Whether the ledger is empty, so that no earlier key is missing."""
    return conn.execute(select(ledger_entries.c.id).limit(1)).first() is None
