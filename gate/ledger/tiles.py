"""The tree as tiles of 256 hashes, by c2sp.org/tlog-tiles: how it grows, and its proofs.

A tile at level L contains the hashes of complete subtrees of 256 ** L leaves. Tiles are read
through a function, so that they may come from the database, a folder or a test. A missing or short
tile raises `ProofError`, because nothing is proved from half a tree.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from gate.ledger.tree import EMPTY_ROOT, HASH_BYTES, ProofError, hash_children

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_BYTES = TILE_WIDTH * HASH_BYTES
LEVEL_MAX = 63
_PAIR = 2 * HASH_BYTES
TILES_KEPT = 256
"""The number of tiles above the entries whose nodes are kept in memory, at some 40 KB each: all of
them in a log of 16 million entries."""
EDGES_KEPT = 4
"""The number of recent forms of the last tile of entries whose nodes are kept, because that tile
grows with every entry."""

_PATH = re.compile(
    r"(?P<level>0|[1-9][0-9]?|entries)/(?P<number>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)

ReadTile: TypeAlias = Callable[[int, int], bytes]
"""Returns the hashes of a tile by level and number; empty for a tile that does not exist."""


class Tile(NamedTuple):
    """One tile of the tree: up to 256 hashes, one after the other."""

    level: int
    number: int
    hashes: bytes


class TilePath(NamedTuple):
    """The tile of an address; without a level it is a bundle of entries."""

    level: int | None
    number: int
    width: int


def tile_path(level: int | None, number: int, width: int = TILE_WIDTH) -> str:
    """Return the address of a tile below `tile/`, as `<L>/<N>[.p/<W>]`.

    Without a level it is that of a bundle of entries.
    """
    digits = f"{number:03}"
    digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
    *groups, last = (digits[begin : begin + 3] for begin in range(0, len(digits), 3))
    partial = f".p/{width}" if width < TILE_WIDTH else ""
    return (
        "/".join(
            ["entries" if level is None else str(level), *(f"x{group}" for group in groups), last]
        )
        + partial
    )


def read_tile_path(text: str) -> TilePath | None:
    """Return the tile of an address, or None if `tile_path` would not write the address so."""
    found = _PATH.fullmatch(text)
    if found is None:
        return None
    level = None if found["level"] == "entries" else int(found["level"])
    path = TilePath(
        level, int(re.sub(r"[x/]", "", found["number"])), int(found["width"] or TILE_WIDTH)
    )
    if (level or 0) <= LEVEL_MAX and tile_path(*path) == text:
        return path
    return None


def grow(size: int, edge: Mapping[int, bytes], leaves: Sequence[bytes]) -> list[Tile]:
    """Append leaf hashes to a tree of `size` leaves.

    `edge` has the tile of each level that is not full yet. Returns every tile that is new or longer
    now, from the lowest level up. Raises `ProofError` if `edge` does not fit the size.
    """
    changed: list[Tile] = []
    level, added = 0, list(leaves)
    while added:
        number, filled = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
        kept = edge.get(level, b"")
        if len(kept) != filled * HASH_BYTES:
            raise ProofError(
                f"tile {tile_path(level, number)} has {len(kept) // HASH_BYTES} hashes, a "
                f"tree of {size} entries has {filled}"
            )
        hashes = kept + b"".join(added)
        pieces = [hashes[begin : begin + TILE_BYTES] for begin in range(0, len(hashes), TILE_BYTES)]
        changed += [Tile(level, number + place, piece) for place, piece in enumerate(pieces)]
        added = [tile_root(piece) for piece in pieces if len(piece) == TILE_BYTES]
        level += 1
    return changed


def tile_root(hashes: bytes) -> bytes:
    """Return the root of the subtree over these hashes, whose number is a power of two."""
    while len(hashes) > HASH_BYTES:
        # Two neighbours are one slice, which is faster than two and a concatenation.
        pairs = [hashes[begin : begin + _PAIR] for begin in range(0, len(hashes), _PAIR)]
        hashes = b"".join([sha256(b"\x01" + pair).digest() for pair in pairs])
    return hashes


def tiles_of_proof(size: int, index: int) -> list[tuple[int, int]]:
    """Return level and number of every tile that the inclusion proof of an entry reads: those above
    the entry, and those at the right edge, which are not full.
    """
    found: dict[tuple[int, int], None] = {}
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        found[level, index >> (TILE_HEIGHT * (level + 1))] = None
        if hashes % TILE_WIDTH:
            found[level, hashes // TILE_WIDTH] = None
        level += 1
    return list(found)


class Tree:
    """A tree of `size` leaves that is read from tiles, each at most once."""

    def __init__(self, size: int, read: ReadTile) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], bytes] = {}
        # The nodes of each tile that was needed, by their height in it.
        self._rows: dict[tuple[int, int], tuple[list[bytes], ...]] = {}

    def root(self) -> bytes:
        """Return the root hash of all leaves."""
        return self._subtree(0, self.size) if self.size else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        """Return the leaf hash at this index."""
        return self._complete(0, index)

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Return PATH(index, D[size]) of RFC 6962 section 2.1.1, the leaf's sibling first."""
        if not 0 <= index < self.size:
            raise ProofError(f"index {index} is not in a tree of {self.size} entries")
        siblings: list[tuple[int, int]] = []
        begin, end = 0, self.size
        while end - begin > 1:
            middle = begin + _split(end - begin)
            if index < middle:
                siblings.append((middle, end))
                end = middle
            else:
                siblings.append((begin, middle))
                begin = middle
        return [self._subtree(*one) for one in reversed(siblings)]

    def consistency_proof(self, size1: int) -> list[bytes]:
        """Return PROOF(size1, D[size]) of RFC 6962 section 2.1.2."""
        if not 0 < size1 <= self.size:
            raise ProofError(f"a tree of {size1} entries is no beginning of one of {self.size}")
        return self._proof(size1, 0, self.size, whole=True)

    def _proof(self, size1: int, begin: int, end: int, *, whole: bool) -> list[bytes]:
        """Return SUBPROOF of RFC 6962. `whole` says that the verifier has the earlier
        root already.
        """
        if size1 == end:
            return [] if whole else [self._subtree(begin, end)]
        middle = begin + _split(end - begin)
        if size1 <= middle:
            return [*self._proof(size1, begin, middle, whole=whole), self._subtree(middle, end)]
        return [*self._proof(size1, middle, end, whole=False), self._subtree(begin, middle)]

    def _subtree(self, begin: int, end: int) -> bytes:
        """Return MTH(D[begin:end]); `begin` is a multiple of the largest power of two in it."""
        leaves = end - begin
        if leaves & (leaves - 1) == 0:
            return self._complete(leaves.bit_length() - 1, begin // leaves)
        middle = begin + _split(leaves)
        return hash_children(self._subtree(begin, middle), self._subtree(middle, end))

    def _complete(self, height: int, position: int) -> bytes:
        """Return the node over 2 ** height leaves; within a tile it is hashed from the
        tile's row.
        """
        level, inner = divmod(height, TILE_HEIGHT)
        first = position << inner
        number, place = divmod(first, TILE_WIDTH)
        width = 1 << inner
        whole = self._tile(level, number)
        if len(whole) < (place + width) * HASH_BYTES:
            raise ProofError(
                f"tile {tile_path(level, number)} has no hash {place + width - 1}, a tree "
                f"of {self.size} entries has one"
            )
        return self._rows_of_tile(level, number, whole)[inner][place >> inner]

    def _rows_of_tile(self, level: int, number: int, whole: bytes) -> tuple[list[bytes], ...]:
        rows = self._rows.get((level, number))
        if rows is None:
            # Of the tiles above the entries there are few, and every proof needs some of them, as
            # it does the tile at the edge.
            if level:
                rows = _rows(whole)
            elif number == self.size >> TILE_HEIGHT:
                rows = _rows_at_edge(whole)
            else:
                rows = _rows_of(whole)
            self._rows[level, number] = rows
        return rows

    def _tile(self, level: int, number: int) -> bytes:
        known = self._tiles.get((level, number))
        if known is None:
            known = self._tiles[level, number] = self._read(level, number)
        return known


def _rows_of(hashes: bytes) -> tuple[list[bytes], ...]:
    """Return the nodes of a tile by their height in it, as far as all their leaves are there.

    They follow from the hashes alone, which are looked up by what they say. So a tile that grows,
    and one of another log, is another one.
    """
    row = [hashes[begin : begin + HASH_BYTES] for begin in range(0, len(hashes), HASH_BYTES)]
    rows = [row]
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=False)
        row = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        rows.append(row)
    return tuple(rows)


_rows = lru_cache(TILES_KEPT)(_rows_of)
_rows_at_edge = lru_cache(EDGES_KEPT)(_rows_of)


def _split(leaves: int) -> int:
    """Return the largest power of two that is smaller than a number above 1."""
    return 1 << ((leaves - 1).bit_length() - 1)
