"""Tiles: however a tree grew, it is the tree of the definition, and so is every proof that is read
from its tiles.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.ledger.tiles import TILE_BYTES, TILE_WIDTH, Tree, grow, read_tile_path, tile_path
from gate.ledger.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    ProofError,
    verify_consistency,
    verify_inclusion,
)
from tests.ledger.trees import Kept, leaves, path_of, proof_of, root_of

LEAVES = leaves(1200)


@pytest.mark.parametrize(
    ("level", "number", "width", "path"),
    [
        (0, 0, 256, "0/000"),
        (0, 1234067, 256, "0/x001/x234/067"),
        (2, 999, 7, "2/999.p/7"),
        (2, 1000, 255, "2/x001/000.p/255"),
        (None, 67, 256, "entries/067"),
        (None, 1000, 1, "entries/x001/000.p/1"),
        (63, 5, 256, "63/005"),
    ],
)
def test_a_tile_has_one_address(level: int | None, number: int, width: int, path: str) -> None:
    assert tile_path(level, number, width) == path
    assert read_tile_path(path) == (level, number, width)


@pytest.mark.parametrize(
    "path",
    [
        "", "0", "0/", "0/0", "0/00", "0/0000", "00/000", "64/000", "-1/000", "0/x000/000",
        "0/x00/000", "0/001/002", "0/x001/x002", "0/000.p/0", "0/000.p/256", "0/000.p/01",
        "0/000.p/", "0/000/p/1", "entries/1", "Entries/001", "0/000\n", "0//000",
        "0/\u0660\u0660\u0660",
    ],
)  # fmt: skip
def test_any_other_address_is_none(path: str) -> None:
    assert read_tile_path(path) is None


@given(st.lists(st.integers(1, 400), max_size=6))
def test_a_tree_grows_to_the_same_tiles_in_whatever_steps(steps: list[int]) -> None:
    size = min(sum(steps), len(LEAVES))
    at_once, in_steps = Kept(), Kept()
    at_once.append(LEAVES[:size])
    for step in steps:
        in_steps.append(LEAVES[in_steps.size : in_steps.size + step])

    assert in_steps.tiles == at_once.tiles
    assert in_steps.tree().root() == root_of(LEAVES[:size])


@given(st.integers(1, len(LEAVES)), st.data())
def test_proofs_read_from_tiles_are_those_of_the_definition(size: int, data: st.DataObject) -> None:
    kept = Kept()
    kept.append(LEAVES)  # the tiles have grown on since the tree of that size
    tree, hashes = kept.tree(size), LEAVES[:size]
    index = data.draw(st.integers(0, size - 1))
    size1 = data.draw(st.integers(1, size))

    assert tree.root() == root_of(hashes)
    assert tree.leaf(index) == hashes[index]
    assert tree.inclusion_proof(index) == path_of(index, hashes)
    assert tree.consistency_proof(size1) == proof_of(size1, hashes)
    verify_inclusion(index, size, hashes[index], tree.inclusion_proof(index), tree.root())
    verify_consistency(
        size1, size, tree.consistency_proof(size1), root_of(hashes[:size1]), tree.root()
    )


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    kept = Kept()
    kept.append(LEAVES[:1] * 70_000)

    widths = {key: len(hashes) // HASH_BYTES for key, hashes in kept.tiles.items()}
    partial = {key: width for key, width in widths.items() if width < TILE_WIDTH}
    assert partial == {(0, 273): 112, (1, 1): 17, (2, 0): 1}
    assert sum(level == 0 for level, _ in widths) == 274


def test_a_tree_of_256_has_a_full_tile_and_one_hash_above() -> None:
    kept = Kept()
    changed = kept.append(LEAVES[:256])

    assert [(tile.level, tile.number, len(tile.hashes)) for tile in changed] == [
        (0, 0, TILE_BYTES),
        (1, 0, HASH_BYTES),
    ]


def test_an_empty_tree_has_a_root_and_no_proofs() -> None:
    tree = Kept().tree()

    assert tree.root() == EMPTY_ROOT
    with pytest.raises(ProofError):
        tree.inclusion_proof(0)
    with pytest.raises(ProofError):
        tree.consistency_proof(0)


def test_nothing_is_proved_where_a_tile_is_missing_or_too_short() -> None:
    kept = Kept()
    kept.append(LEAVES[:600])
    kept.tiles[0, 2] = kept.tiles[0, 2][:-HASH_BYTES]

    with pytest.raises(ProofError, match="tile 0/002 has no hash 87"):
        kept.tree().root()
    del kept.tiles[0, 1]
    with pytest.raises(ProofError, match="tile 0/001"):
        kept.tree().inclusion_proof(300)


@pytest.mark.parametrize("edge", [{}, {0: b"\0" * 32 * 87}, {0: b"\0" * 32 * 89}])
def test_a_tree_does_not_grow_on_an_edge_that_is_not_its_own(edge: dict[int, bytes]) -> None:
    with pytest.raises(ProofError, match=r"0/002 has .* a tree of 600 entries has 88"):
        grow(600, edge, LEAVES[:1])


def test_a_proof_reads_each_tile_once() -> None:
    kept = Kept()
    kept.append(LEAVES)
    asked: list[tuple[int, int]] = []

    def read(level: int, number: int) -> bytes:
        asked.append((level, number))
        return kept.tiles[level, number]

    tree = Tree(kept.size, read)
    tree.inclusion_proof(700)
    tree.root()
    assert len(asked) == len(set(asked))
