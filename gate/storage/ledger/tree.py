"""The tree of the sealed entries as the database keeps it: tiles, read one by one."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from gate.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, ReadTile, Tile, Tree
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import upsert
from gate.storage.tables.schema_ledger import tiles

_T = tiles.c


def tree(conn: Connection, size: int) -> Tree:
    """Return the tree of the first so many entries."""
    return Tree(size, tile_reader(conn))


def tile_reader(conn: Connection) -> ReadTile:
    """Return a function that reads tiles on this connection."""

    def read(level: int, number: int) -> bytes:
        query = select(_T.hashes).where(_T.level == level, _T.number == number)
        found: bytes | None = conn.execute(query).scalar()
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
