"""The signing key: read from its file as soon as there is one, and made only for an empty ledger,
because another key may be missing otherwise.
"""

import asyncio
import os
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from gate.errors import Invalid, Unavailable
from gate.ledger.note import KeyTextError, SigningKey

KEY_FILE = "gate.key"
KEY_FILE_BYTES_MAX = 64 * 1024
OWNER_ALONE = 0o600

_log = structlog.get_logger("gate.signing")


class Signing:
    """The signing key of this server.

    While there is none the file is looked for each time somebody needs it, so that a key which an
    operator makes is used without a restart. Once read it is kept: a key is never replaced under a
    running server.
    """

    def __init__(self, file: Path | None, address: str) -> None:
        # Why the ledger may not be signed now. Anybody can read it, so it names no path.
        self.stopped: str | None = None
        self._file, self._address = file, address
        self._key: SigningKey | None = None
        self._logged: str | None = None

    async def find(self) -> SigningKey | None:
        """Return the key, or None while there is none that can be used."""
        if self._key is None and self._file is not None:
            try:
                self._key = await asyncio.to_thread(read_key, self._file, self._address)
            except Invalid as error:
                # Logged once for each cause, because the key is needed every few seconds.
                if error.detail != self._logged:
                    _log.error("the signing key cannot be used", error=error.detail)
                self._logged = error.detail
        return self._key

    async def require(self) -> SigningKey:
        """Return the key to sign with.

        Raises `Unavailable` while there is none, or nothing may be signed.
        """
        if self.stopped is not None:
            raise _unsigned(
                "the ledger is not what was signed last, so nothing can be admitted: its "
                "operator finds why at /readyz"
            )
        return await self.own()

    async def own(self) -> SigningKey:
        """Return the key, also while nothing may be signed with it.

        Raises `Unavailable` while there is none.
        """
        key = await self.find()
        if key is None:
            raise _unsigned(self._lacking)
        return key

    async def problem(self) -> str | None:
        """Return what an operator must do before anything can be admitted, or None.

        Anybody can read it, so it names no path.
        """
        return None if await self.find() is not None else self._lacking

    @property
    def _lacking(self) -> str:
        if self._file is None:
            return (
                "no signing key file is named, so nothing can be admitted: an operator sets "
                "GATE_SIGNING_KEY_FILE and starts the gate again"
            )
        if self._logged is not None:
            return (
                "the signing key file cannot be used, so nothing can be admitted: `gate "
                "doctor` says why"
            )
        return (
            "the gate has no signing key, so nothing can be admitted: an operator makes the "
            "first with `gate ledger key`, or puts it back"
        )


def _unsigned(detail: str) -> Unavailable:
    return Unavailable(detail, problem="signing_unavailable", retry_after_seconds=30)


def key_name(address: str) -> str:
    """Return the origin of the ledger, which is also the name of its key.

    It is made of the gate's address without the scheme.
    """
    return f"{urlsplit(address).netloc or 'gate.local'}/decisions"


def read_key(path: Path, address: str) -> SigningKey | None:
    """Return the key of a file, or None if there is no file.

    Raises `Invalid` for a file that cannot be read or is no key.
    """
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
    """Make a key, write it for its owner alone, and return it.

    Raises `Invalid` if the file exists, because a key is never replaced.
    """
    key = SigningKey.generate(key_name(address))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # `O_EXCL` fails on an existing file, and the mode counts from the first byte on.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE)
        with os.fdopen(descriptor, "w") as file:
            file.write(key.private_text())
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise Invalid(
            f"{path} is there already; a key is never replaced, keep it or name another file"
        ) from None
    except OSError as error:
        raise Invalid(f"the signing key {path} cannot be written ({error.strerror})") from None
    return key
