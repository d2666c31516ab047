"""Passwords: argon2id, in a thread, few at once; never so long that a hash becomes an attack."""

import asyncio
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from gate.errors import Invalid, Unavailable

PASSWORD_CHARACTERS_MIN = 12
PASSWORD_BYTES_MAX = 1_024
HASHES_AT_ONCE_MAX = 2
HASHES_WAITING_MAX = 40
"""The most requests that wait for a hash. Further ones are refused, because each hash takes memory
and a core."""

TIME_COST = 3
MEMORY_KIB = 64 * 1024
"""The memory of one hash. With one lane it is the second recommended choice of RFC 9106, and what
two processors can carry."""

P = ParamSpec("P")
T = TypeVar("T")

_HASHER = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID)


class Passwords:
    """One a process. What is computed here keeps nobody else waiting."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(HASHES_AT_ONCE_MAX)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Return the hash of a new password.

        Raises `Invalid` for one that is too short or too long, and `Unavailable` if too many wait.
        """
        check_length(password)
        return await self._in_turn(_hash, password)

    async def is_right(self, password: str, hashed: str | None) -> bool:
        """Return whether this is the password.

        Without one to compare with it takes as long, and is wrong. Raises `Unavailable`.
        """
        if _is_too_long(password):
            # Nobody has so long a password, so the time of this answer reveals nothing.
            return False
        return await self._in_turn(_is_right, password, hashed)

    async def _in_turn(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if self._waiting >= HASHES_WAITING_MAX:
            raise Unavailable(
                "too many people sign in at once; try again in a moment", retry_after_seconds=5
            )
        self._waiting += 1
        try:
            async with self._places:
                return await asyncio.to_thread(function, *args, **kwargs)
        finally:
            self._waiting -= 1


def check_length(password: str) -> None:
    """Raise `Invalid` for a password that is too short or too long.

    Nothing else is asked of it, because other rules make people choose worse ones.
    """
    if _is_too_long(password):
        raise Invalid(f"the password has more than {PASSWORD_BYTES_MAX} bytes, which is the limit")
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise Invalid(
            f"the password has {len(password)} characters, at least "
            f"{PASSWORD_CHARACTERS_MIN} are needed; four words will do"
        )


def is_weak(hashed: str) -> bool:
    """Return whether it was hashed with other parameters than those of now."""
    return _HASHER.check_needs_rehash(hashed)


def _is_too_long(password: str) -> bool:
    return len(password) > PASSWORD_BYTES_MAX or len(_bytes(password)) > PASSWORD_BYTES_MAX


def _bytes(password: str) -> bytes:
    """Return a password as bytes that do not depend on how a keyboard composes letters.

    No input is an error.
    """
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _hash(password: str) -> str:
    return _HASHER.hash(_bytes(password))


def _is_right(password: str, hashed: str | None) -> bool:
    try:
        same = _HASHER.verify(hashed or _nobodys(), _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return same and hashed is not None


@cache
def _nobodys() -> str:
    """Return a hash to compare with if there is no such account, or the account has no password."""
    return _HASHER.hash("nobody")
