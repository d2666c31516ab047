"""Ids: for eyes and locality only. Nothing is ordered or trusted by them."""

import secrets
from datetime import datetime

from gate.core.instants import to_us

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARACTERS = 10
_RANDOM_CHARACTERS = 16


def new_id(prefix: str, at: datetime) -> str:
    """`prefix_` and 26 characters: the millisecond, so that neighbours in time are neighbours in an index, and 80 random bits."""
    milliseconds = to_us(at) // 1000
    return f"{prefix}_{_base32(milliseconds, _TIME_CHARACTERS)}{_base32(secrets.randbits(80), _RANDOM_CHARACTERS)}"


def _base32(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, last = divmod(number, 32)
        characters.append(_ALPHABET[last])
    return "".join(reversed(characters))
