"""Ids: for eyes and locality only. Nothing is ordered or trusted by them."""

from datetime import datetime

from gate.core.instants import to_us
from gate.storage.chance import random_bytes

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARACTERS = 10
_RANDOM_CHARACTERS = 16
_RANDOM_BYTES = 10
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def new_id(prefix: str, at: datetime) -> str:
    """`prefix_` and 26 characters: the millisecond, so that neighbours in time are neighbours in an index, and 80 random bits."""
    milliseconds = to_us(at) // 1000
    random = int.from_bytes(random_bytes()[:_RANDOM_BYTES], "big")
    return f"{prefix}_{_base32(milliseconds, _TIME_CHARACTERS)}{_base32(random, _RANDOM_CHARACTERS)}"


def _base32(number: int, length: int) -> str:
    return "".join([_PAIRS[number >> 5 * place & 0x3FF] for place in range(length - 2, -1, -2)])
