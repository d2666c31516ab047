"""The Merkle tree of RFC 6962: how leaves and nodes are hashed, and the two checks that need bytes
alone.

`verify_inclusion` is RFC 9162 section 2.1.3.2, `verify_consistency` is section 2.1.4.2. Both return
nothing and raise `ProofError`: a caller that forgets to look at an answer must not take a bad proof
for a good one.
"""

from collections.abc import Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()


class ProofError(ValueError):
    """A proof does not prove what was asked. The message says which part of it is wrong."""


def hash_leaf(content: bytes) -> bytes:
    """Return the hash of an entry's exact bytes."""
    return sha256(b"\x00" + content).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node.

    Its first byte differs from that of a leaf, so that neither can be taken for the other.
    """
    return sha256(b"\x01" + left + right).digest()


def verify_inclusion(
    index: int,
    size: int,
    leaf_hash: bytes,
    proof: Sequence[bytes],
    root: bytes,
) -> None:
    """Prove that the leaf with this hash stands at `index` in the tree of `size` leaves with this
    root.

    `proof` begins with the leaf's sibling. Raises `ProofError`.
    """
    _check_numbers(index=index, size=size)
    _check_hashes([leaf_hash, root, *proof])
    if index >= size:
        raise ProofError(f"index {index} is not in a tree of {size} entries")
    _, found = _climb(index, size - 1, leaf_hash, proof)
    if found != root:
        raise ProofError("the proof leads to another root: entry, index, size or proof was changed")


def verify_consistency(
    size1: int,
    size2: int,
    proof: Sequence[bytes],
    root1: bytes,
    root2: bytes,
) -> None:
    """Prove that the tree of `size1` leaves is the beginning of the tree of `size2` leaves.

    Raises `ProofError`. An empty first tree is refused: everything begins with it, so it proves
    nothing.
    """
    _check_numbers(size1=size1, size2=size2)
    _check_hashes([root1, root2, *proof])
    if not 0 < size1 <= size2:
        raise ProofError(f"{size1} entries are not the beginning of {size2}, or prove nothing")
    if size1 == size2:
        if proof or root1 != root2:
            raise ProofError(f"two trees of {size1} entries need the same root and an empty proof")
        return
    if not proof:
        raise ProofError(f"the proof is empty, but the sizes {size1} and {size2} differ")
    # If the first tree is a whole subtree of the second, the climb begins at its root.
    seed, *siblings = [root1, *proof] if size1 & (size1 - 1) == 0 else proof
    position, last = size1 - 1, size2 - 1
    while position % 2:
        position, last = position >> 1, last >> 1
    first, second = _climb(position, last, seed, siblings)
    if first != root1:
        raise ProofError(f"the proof does not lead to the given root of {size1} entries")
    if second != root2:
        raise ProofError(f"the proof does not lead to the given root of {size2} entries")


def _climb(
    position: int,
    last: int,
    seed: bytes,
    siblings: Sequence[bytes],
) -> tuple[bytes, bytes]:
    """Climb from a node to the root of a tree whose last leaf is `last`, and return two roots.

    The first covers the node and all that is left of it, the second covers everything.
    """
    left = whole = seed
    for sibling in siblings:
        if last == 0:
            raise ProofError("the proof is longer than the tree is high")
        if position % 2 or position == last:
            left, whole = hash_children(sibling, left), hash_children(sibling, whole)
            while position % 2 == 0 and position != 0:
                position, last = position >> 1, last >> 1
        else:
            whole = hash_children(whole, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError("the proof is shorter than the tree is high")
    return left, whole


def _check_numbers(**numbers: int) -> None:
    for name, number in numbers.items():
        if type(number) is not int or number < 0:
            raise ProofError(f"{name} is {number!r}, allowed is a whole number from 0")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    for one in hashes:
        if not isinstance(one, bytes) or len(one) != HASH_BYTES:
            raise ProofError(f"a hash has {HASH_BYTES} bytes, found {one!r:.80}")
