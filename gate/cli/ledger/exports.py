"""`gate ledger export`: writes the ledger into one file, block by block.

An interrupted export is continued where it ended.
"""

import base64
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection

from gate.cli.database import reading
from gate.cli.ledger.offline import (
    Replay,
    add_replay,
    judge,
    print_verdict,
    read_checkpoints,
    read_keys,
)
from gate.cli.progress import clear_bar, show_bar
from gate.config import Settings
from gate.core.counting import counted
from gate.errors import Invalid
from gate.flow.key_place import key_place
from gate.flow.signing import read_key
from gate.ledger.export import TILE_MARK, end_line, header_line
from gate.ledger.note import VerifierKey
from gate.ledger.tiles import TILE_WIDTH
from gate.storage.ledger.exporting import Extent, block_lines, extent, unknown_lines
from gate.storage.ledger.reconciling import moved
from gate.storage.ledger.tree import tile_reader

BACK_BYTES = 1024 * 1024
"""How much of the end of a file is read at once to find where its export was interrupted."""


def export(out: Path) -> None:
    """Write everything that is signed. An existing export of this ledger is continued."""
    with reading() as conn, _continued(conn, out, whole := extent(conn)) as (file, first):
        for block in range(first, whole.blocks):
            # At once, because a line is about as long as what the file would collect.
            file.write(b"".join(block_lines(conn, whole, block)))
            # What is sealed never changes, so no transaction has to stay open for the whole export.
            conn.rollback()
            show_bar(
                f"{min((block + 1) * TILE_WIDTH, whole.size):,} of {whole.size:,} entries",
                block + 1,
                whole.blocks,
            )
        file.writelines(unknown_lines(conn, whole))
        file.write(end_line(whole.size))
        file.flush()
        os.fsync(file.fileno())
    clear_bar()
    went_on = f", from entry {first * TILE_WIDTH:,} on" if first else ""
    print(
        f"{out} has {counted(whole.size, 'entry', 'entries')} of {whole.origin}{went_on}; "
        f"verify it with gate ledger verify {out} --key KEY"
    )


def verify_database(
    keys: Sequence[str], since: Sequence[Path], replay: Replay | None = None
) -> int:
    """Verify what an export of the database would hold, and the states of its changes.

    Without a key the one beside the database is used, which proves less than a copy that somebody
    kept elsewhere.
    """
    known = [key for text in keys for key in read_keys(text)] or [_own_key()]
    kept = [note for path in since for note in read_checkpoints(path)]
    with reading() as conn:
        whole = extent(conn)
        verdict, lives = judge(_all_lines(conn, whole), known, kept)
        verdict.faults += [(whole.size, what) for what in moved(conn, lives.changes, whole.size)]
        if replay is not None:
            add_replay(verdict, replay, _all_lines(conn, whole))
    return print_verdict(verdict)


def _own_key() -> VerifierKey:
    settings = Settings.read()
    place = key_place(settings)
    key = read_key(place.path, settings.address) if place else None
    if key is None:
        raise Invalid(
            "no key was given, and there is none beside the database: name the verifier "
            "key with --key"
        )
    return key.verifier


def _all_lines(conn: Connection, whole: Extent) -> Iterator[bytes]:
    yield header_line(whole.origin)
    for block in range(whole.blocks):
        yield from block_lines(conn, whole, block)
        conn.rollback()
    yield from unknown_lines(conn, whole)
    yield end_line(whole.size)


@contextmanager
def _continued(conn: Connection, out: Path, whole: Extent) -> Iterator[tuple[BinaryIO, int]]:
    """Open the file for writing at its end, and yield it with the number of the next block.

    Raises `Invalid` if the file is no beginning of this ledger.
    """
    header = header_line(whole.origin)
    try:
        descriptor = os.open(out, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            first, tile = _where_it_ended(file, header)
            if tile and not _is_kept(conn, whole, first, tile):
                raise Invalid(
                    f"{out} has entries that this ledger does not have: a backup was restored "
                    "since, or the file was changed. Keep it, and name another one"
                )
            file.truncate()
            if first == 0:
                file.write(header)
            yield file, first
    except OSError as error:
        raise Invalid(f"{out} cannot be written ({error.strerror})") from None


def _is_kept(conn: Connection, whole: Extent, block: int, tile: bytes) -> bool:
    """Whether the ledger has the entries of this tile of an export, and perhaps more behind them.

    The last tile is enough, because no entry is the same in two histories.
    """
    try:
        hashes = base64.b64decode(json.loads(tile)["tile"][1], validate=True)
    except (ValueError, KeyError, IndexError, TypeError):
        return False
    return block < whole.blocks and tile_reader(conn)(0, block).startswith(hashes)


def _where_it_ended(file: BinaryIO, header: bytes) -> tuple[int, bytes]:
    """Seek to the last tile of entries, where writing continues, and return the number and the line
    of that tile; an empty line if there is none.
    """
    begins = file.read(len(header))
    if not header.startswith(begins):
        raise Invalid(
            "the file is there already, and is no export of this ledger; name another one"
        )
    end, tail = file.seek(0, os.SEEK_END), b""
    place = end
    while place > len(header) and b"\n" + TILE_MARK not in tail:
        size = min(BACK_BYTES, place)
        place = file.seek(place - size)
        piece = file.read(size)
        if place + size == end:
            # The last line is left out, because writing it may have been interrupted.
            piece = piece[: piece.rfind(b"\n") + 1]
        tail = piece + tail[: len(TILE_MARK) + 1]
    found = tail.rfind(b"\n" + TILE_MARK)
    block, tile = 0, b""
    if len(begins) == len(header) and found >= 0:
        file.seek(place + found + 1)
        tile = file.readline()
        block = _number(tile)
    file.seek(place + found + 1 if block else 0)
    return block, tile


def _number(tile: bytes) -> int:
    """Return the number of the tile in a line."""
    path = tile.removeprefix(TILE_MARK).partition(b'"')[0].partition(b".")[0]
    return int(path.replace(b"x", b"").replace(b"/", b""))
