"""Long JSON texts, kept in a fifth of their room.

Every record of a decision names the same facts and fields, and every entry of the ledger those of
its kind. `sample_record.json` and `sample_entry.json` are one of each, without anybody's ids in
them, and are given to zlib beforehand: a kept text then says how it differs. The samples never
change once there is a release, because what was packed with them could not be read any more; better
ones get another mark. Digests are always taken over the plain bytes
(docs/decisions/0027-a-record-is-kept-packed.md).
"""

import zlib
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, LargeBinary, TypeDecorator

MARK = b"\x01"
"""The beginning of packed bytes, with which no JSON text begins."""

_SAMPLE = b"".join(
    Path(__file__).with_name(f"sample_{name}.json").read_bytes() for name in ("record", "entry")
)
_LEVEL = 6
# A window of 16 KiB holds the samples and a record; setting up a larger one takes longer than
# packing.
_WINDOW, _MEMORY = -14, 7


# Each text is packed with a copy, because reading the samples anew takes almost as long as packing
# an entry.
_PACKER = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=_SAMPLE)


def pack(content: bytes) -> bytes:
    """Return the bytes as they are kept."""
    packer = _PACKER.copy()
    return MARK + packer.compress(content) + packer.flush()


def unpack(kept: bytes) -> bytes:
    """Return the plain bytes.

    Bytes that were not packed, or that somebody changed so that they cannot be unpacked, are
    returned as they are. They do not have the digest that the ledger names, so verifying finds
    them.
    """
    if kept[:1] != MARK:
        return kept
    try:
        return zlib.decompressobj(_WINDOW, zdict=_SAMPLE).decompress(kept[1:])
    except zlib.error:
        return kept


class Packed(TypeDecorator[bytes]):
    """Bytes of a JSON text, kept packed."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, _: Dialect) -> bytes | None:
        """Return the value as the database keeps it."""
        return None if value is None else pack(value)

    def process_result_value(self, value: Any, _: Dialect) -> bytes | None:
        """Return what the database keeps as a value."""
        return None if value is None else unpack(bytes(value))
