"""Proofs of the tree: every published vector, and no mutant of a proof passes (A68)."""

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.ledger.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    ProofError,
    hash_children,
    hash_leaf,
    verify_consistency,
    verify_inclusion,
)
from tests.ledger.trees import leaves, path_of, proof_of, root_of
from tests.shared_data import shared

VECTORS = "payloads/merkle-rfc6962"
SIZE_MAX = 40
LEAVES = leaves(SIZE_MAX)
ROOTS = [root_of(LEAVES[:size]) for size in range(SIZE_MAX + 1)]
KNOWN = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)


def decoded(raw: Any) -> Any:
    return (
        [decoded(one) for one in raw or []] if not isinstance(raw, str) else base64.b64decode(raw)
    )


def check_inclusion(vector: dict[str, Any]) -> None:
    verify_inclusion(
        vector["leafIdx"],
        vector["treeSize"],
        decoded(vector["leafHash"]),
        decoded(vector["proof"]),
        decoded(vector["root"]),
    )


def check_consistency(vector: dict[str, Any]) -> None:
    verify_consistency(
        vector["size1"],
        vector["size2"],
        decoded(vector["proof"]),
        decoded(vector["root1"]),
        decoded(vector["root2"]),
    )


@pytest.mark.parametrize(
    ("folder", "check", "many"),
    [("inclusion", check_inclusion, 50), ("consistency", check_consistency, 40)],
)
def test_every_published_vector_is_answered_as_published(
    folder: str, check: Callable[[dict[str, Any]], None], many: int
) -> None:
    files = sorted(Path(shared(VECTORS), folder).rglob("*.json"))
    wrong = []
    for file in files:
        vector = json.loads(file.read_bytes())
        try:
            check(vector)
            refused = False
        except ProofError:
            refused = True
        if refused != vector["wantErr"]:
            wrong.append(f"{file}: {vector['desc']}")

    assert wrong == []
    assert len(files) >= many


def test_known_hashes() -> None:
    contents = [bytes.fromhex(text) for text in KNOWN]
    hashes = [hash_leaf(content) for content in contents]

    assert EMPTY_ROOT == sha256(b"").digest() == root_of([])
    assert (
        hash_leaf(b"L123456").hex()
        == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    )
    assert (
        hash_children(b"N123", b"N456").hex()
        == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )
    assert (
        root_of(hashes).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        pytest.param({"index": 7}, "not in a tree", id="an index behind the tree"),
        pytest.param({"size": 0}, "not in a tree", id="an empty tree"),
        pytest.param({"index": -1}, "whole number", id="a negative index"),
        pytest.param({"index": True}, "whole number", id="a boolean"),
        pytest.param({"size": 7.0}, "whole number", id="a float"),
        pytest.param({"leaf_hash": LEAVES[3][:-1]}, "32 bytes", id="a short leaf hash"),
        pytest.param({"leaf_hash": LEAVES[3].hex()}, "32 bytes", id="a hash as text"),
        pytest.param({"root": ROOTS[7] + b"\0"}, "32 bytes", id="a long root"),
        pytest.param(
            {"proof": [*path_of(3, LEAVES[:7]), b""]}, "32 bytes", id="an empty hash in the proof"
        ),
        pytest.param({"proof": path_of(3, LEAVES[:7])[:-1]}, "shorter", id="a truncated proof"),
        pytest.param(
            {"proof": [*path_of(3, LEAVES[:7]), ROOTS[7]]}, "longer", id="an extended proof"
        ),
        pytest.param(
            {"leaf_hash": hash_children(LEAVES[2], LEAVES[3])},
            "another root",
            id="a node for a leaf",
        ),
        pytest.param({"root": ROOTS[8]}, "another root", id="the root of another tree"),
    ],
)
def test_an_inclusion_that_is_not_proved_is_refused(changed: dict[str, Any], says: str) -> None:
    good: dict[str, Any] = {
        "index": 3,
        "size": 7,
        "leaf_hash": LEAVES[3],
        "proof": path_of(3, LEAVES[:7]),
        "root": ROOTS[7],
    }
    verify_inclusion(**good)

    with pytest.raises(ProofError, match=says):
        verify_inclusion(**good | changed)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        pytest.param(
            {"size1": 0, "root1": EMPTY_ROOT, "proof": []}, "prove nothing", id="from nothing"
        ),
        pytest.param({"size1": 8}, "not the beginning", id="backwards"),
        pytest.param({"proof": []}, "proof is empty", id="no proof"),
        pytest.param({"root1": ROOTS[7], "root2": ROOTS[3]}, "does not lead", id="swapped roots"),
        pytest.param(
            {"size1": 7, "root1": ROOTS[7]}, "same root and an empty proof", id="a proof of nothing"
        ),
        pytest.param(
            {"size1": 7, "proof": []},
            "same root and an empty proof",
            id="two histories of one size",
        ),
    ],
)
def test_a_consistency_that_is_not_proved_is_refused(changed: dict[str, Any], says: str) -> None:
    good: dict[str, Any] = {
        "size1": 3,
        "size2": 7,
        "proof": proof_of(3, LEAVES[:7]),
        "root1": ROOTS[3],
        "root2": ROOTS[7],
    }
    verify_consistency(**good)

    with pytest.raises(ProofError, match=says):
        verify_consistency(**good | changed)


@given(st.data())
def test_a_proof_passes_and_no_mutant_of_it_does(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, SIZE_MAX))
    index = data.draw(st.integers(0, size - 1))
    proof = path_of(index, LEAVES[:size])
    verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])

    # an index of another size of tree may lead to the same place, so only what is hashed is mutated
    leaf, *others = mutated(data, [LEAVES[index], *proof, ROOTS[size]])
    with pytest.raises(ProofError):
        verify_inclusion(index, size, leaf, others[:-1], others[-1])


@given(st.data())
def test_two_sizes_are_consistent_and_no_mutant_is(data: st.DataObject) -> None:
    size2 = data.draw(st.integers(1, SIZE_MAX))
    size1 = data.draw(st.integers(1, size2))
    proof = proof_of(size1, LEAVES[:size2])
    verify_consistency(size1, size2, proof, ROOTS[size1], ROOTS[size2])

    first, *others = mutated(data, [ROOTS[size1], *proof, ROOTS[size2]])
    with pytest.raises(ProofError):
        verify_consistency(size1, size2, others[:-1], first, others[-1])


def mutated(data: st.DataObject, hashes: list[bytes]) -> list[bytes]:
    """The same hashes with one bit flipped, one more, one less or two swapped: never the same
    list.
    """
    changed = list(hashes)
    place = data.draw(st.integers(0, len(hashes) - 1))
    match data.draw(st.sampled_from(["flip", "repeat", "drop", "swap"])):
        case "flip":
            bit = data.draw(st.integers(0, 8 * HASH_BYTES - 1))
            flipped = bytearray(changed[place])
            flipped[bit // 8] ^= 1 << bit % 8
            changed[place] = bytes(flipped)
        case "repeat":
            changed.insert(place, hashes[place])
        case "drop" if len(hashes) > 2:
            del changed[place]
        case _:
            changed.reverse()
    if changed == hashes:  # one hash, or all alike: the tree of one leaf
        changed[0] = hash_leaf(changed[0])
    return changed
