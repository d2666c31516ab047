"""The tree of the sealed entries as the database keeps it: tiles, read one by one."""

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection, Select, and_, bindparam, or_, select

from gate.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, ReadTile, Tile, Tree, tiles_of_proof
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import upsert
from gate.storage.tables.schema_ledger import tiles

_T = tiles.c
TILES_OF_PROOF_MAX = 16
"""Two tiles of each of eight levels are more than any log has."""

_ONE = select(_T.hashes).where(_T.level == bindparam("level"), _T.number == bindparam("number"))


def tree(conn: Connection, size: int) -> Tree:
    """Return the tree of the first so many entries."""
    return Tree(size, tile_reader(conn))


def tree_of_proof(conn: Connection, size: int, index: int) -> Tree:
    """Return the same tree, with the tiles of one inclusion proof read by one question.

    In a large log a proof needs more tiles, and a question takes longer than what it answers.
    """
    wanted = tiles_of_proof(size, index)
    named: dict[str, int] = {}
    for place, (level, number) in enumerate(wanted):
        named[f"level_{place}"], named[f"number_{place}"] = level, number
    rows = conn.execute(_some(len(wanted)), named)
    known = {(level, number): bytes(hashes) for level, number, hashes in rows}
    read = tile_reader(conn)
    return Tree(size, lambda level, number: known.get((level, number)) or read(level, number))


@lru_cache(TILES_OF_PROOF_MAX)
def _some(tiles_wanted: int) -> Select[int, int, bytes]:
    """Return the question for so many tiles. Putting it together takes longer than the answer."""
    # Not `(level, number) IN (…)`, for which SQLite would read the whole table.
    wanted = (
        and_(_T.level == bindparam(f"level_{place}"), _T.number == bindparam(f"number_{place}"))
        for place in range(tiles_wanted)
    )
    return select(_T.level, _T.number, _T.hashes).where(or_(*wanted))


def tile_reader(conn: Connection) -> ReadTile:
    """Return a function that reads tiles on this connection."""

    def read(level: int, number: int) -> bytes:
        found: bytes | None = conn.execute(_ONE, {"level": level, "number": number}).scalar()
        return found or b""

    return read


def edge(conn: Connection, size: int) -> dict[int, bytes]:
    """Return the tile of each level that is not full, in a tree of so many entries."""
    read, found, level = tile_reader(conn), {}, 0
    while hashes := size >> (TILE_HEIGHT * level):
        if hashes % TILE_WIDTH:
            found[level] = read(level, hashes // TILE_WIDTH)
        level += 1
    return found


def put_tiles(tx: Tx, grown: Sequence[Tile]) -> None:
    """Keep tiles that are new or have grown."""
    for tile in grown:
        upsert(tx, tiles, tile._asdict())
