"""The tree of the sealed entries as the database keeps it: tiles, read one by one."""

from collections.abc import Sequence

from sqlalchemy import Connection

from gate.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, ReadTile, Tile, Tree
from gate.storage.database.tx import Tx

_READ = "SELECT hashes FROM tiles WHERE level = {one} AND number = {one}"
_PUT = (
    "INSERT INTO tiles (level, number, hashes) VALUES ({one}, {one}, {one})"
    " ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes"
)


def tree(conn: Connection, size: int) -> Tree:
    """The tree of the first so many entries."""
    return Tree(size, tile_reader(conn))


def tile_reader(conn: Connection) -> ReadTile:
    """Reads tiles on this connection."""
    statement = _READ.format(one="%s" if conn.dialect.name == "postgresql" else "?")

    def read(level: int, number: int) -> bytes:
        row = conn.exec_driver_sql(statement, (level, number)).first()
        return b"" if row is None else bytes(row[0])

    return read


def edge(conn: Connection, size: int) -> dict[int, bytes]:
    """The tile of each level that is not full, in a tree of so many entries."""
    read, found, level = tile_reader(conn), {}, 0
    while hashes := size >> (TILE_HEIGHT * level):
        if hashes % TILE_WIDTH:
            found[level] = read(level, hashes // TILE_WIDTH)
        level += 1
    return found


def put_tiles(tx: Tx, tiles: Sequence[Tile]) -> None:
    """Keep tiles that are new or have grown."""
    statement = _PUT.format(one="%s" if tx.is_postgres else "?")
    for tile in tiles:
        tx.execute(statement, tile)
