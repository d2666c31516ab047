"""The tree of RFC 6962 as its definition reads, slowly: what the fast one is compared with."""

from collections.abc import Sequence
from hashlib import sha256

from gate.ledger.tiles import Tile, Tree, grow
from gate.ledger.tree import hash_leaf


def leaves(size: int) -> list[bytes]:
    """Hashes of so many different entries."""
    return [hash_leaf(b"entry %d" % number) for number in range(size)]


def root_of(hashes: Sequence[bytes]) -> bytes:
    """MTH of leaf hashes, section 2.1."""
    if not hashes:
        return sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    middle = split(len(hashes))
    return sha256(b"\x01" + root_of(hashes[:middle]) + root_of(hashes[middle:])).digest()


def path_of(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PATH, section 2.1.1."""
    if len(hashes) == 1:
        return []
    middle = split(len(hashes))
    if index < middle:
        return [*path_of(index, hashes[:middle]), root_of(hashes[middle:])]
    return [*path_of(index - middle, hashes[middle:]), root_of(hashes[:middle])]


def proof_of(size1: int, hashes: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """PROOF and SUBPROOF, section 2.1.2."""
    if size1 == len(hashes):
        return [] if whole else [root_of(hashes)]
    middle = split(len(hashes))
    if size1 <= middle:
        return [*proof_of(size1, hashes[:middle], whole=whole), root_of(hashes[middle:])]
    return [*proof_of(size1 - middle, hashes[middle:], whole=False), root_of(hashes[:middle])]


def split(size: int) -> int:
    """The largest power of two smaller than it."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


class Kept:
    """Tiles in memory, as a database keeps them: the newest form of each."""

    def __init__(self) -> None:
        self.size = 0
        self.tiles: dict[tuple[int, int], bytes] = {}

    def append(self, hashes: Sequence[bytes]) -> list[Tile]:
        """Grow by these leaves; the tiles that changed."""
        edge = {}
        for (level, number), kept in self.tiles.items():
            if number == self.size >> 8 * (level + 1):
                edge[level] = kept
        changed = grow(self.size, edge, hashes)
        self.tiles.update({(tile.level, tile.number): tile.hashes for tile in changed})
        self.size += len(hashes)
        return changed

    def tree(self, size: int | None = None) -> Tree:
        """The tree of the first so many leaves, or of all."""
        whole = self.size if size is None else size
        return Tree(whole, lambda level, number: self.tiles.get((level, number), b""))
