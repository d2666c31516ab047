"""Random ids. Nothing is ordered or trusted by them."""

import secrets
from datetime import datetime

from gate.core.instants import to_us
from gate.storage.database.randomness import random_bytes

PERSON_ID = "per_"
"""The beginning of the random id of a person."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BYTES = 10
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
# The bit positions of 13 pairs of characters, each of which encodes 10 bits.
_PLACES = range(120, -1, -10)
_PERSON_BITS = 128


def new_id(prefix: str, at: datetime) -> str:
    """Return `prefix_` and 26 characters.

    They encode the millisecond, so that neighbours in time are neighbours in an index, and 80
    random bits.
    """
    milliseconds = to_us(at) // 1000
    number = milliseconds << 8 * _RANDOM_BYTES | int.from_bytes(
        random_bytes()[:_RANDOM_BYTES], "big"
    )
    return f"{prefix}_{_written(number)}"


def new_person_id(_key: str = "") -> str:
    """Return `per_` and 26 random characters, which reveal neither the key nor the time."""
    return f"{PERSON_ID}{_written(secrets.randbits(_PERSON_BITS))}"


def _written(number: int) -> str:
    return "".join([_PAIRS[number >> place & 0x3FF] for place in _PLACES])
