"""Verifiers that others have written read what this one writes: sigstore for checkpoints and
proofs, securesystemslib for DSSE.
"""

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError as EnvelopeError
from securesystemslib.signer._key import SSlibKey
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint, SignedNote
from sigstore.errors import VerificationError

from gate.ledger.checkpoint import (
    Checkpoint,
    Proof,
    open_checkpoint,
    read_proof,
    sign_checkpoint,
    verify_proof,
)
from gate.ledger.note import SigningKey
from gate.ledger.statement import PAYLOAD_TYPE, sign_envelope
from gate.ledger.tree import hash_leaf
from tests.ledger.test_statement import STATEMENT
from tests.ledger.trees import Kept

KEY = SigningKey(
    "gate.example.com/decisions", Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
)
SIZE_MAX = 600
ENTRIES = [b'{"n":%d}' % number for number in range(SIZE_MAX)]
KEPT = Kept()
KEPT.append([hash_leaf(entry) for entry in ENTRIES])


class Keyring:
    """What sigstore asks for a key: this one key, by the beginning of its id."""

    def verify(self, *, key_id: bytes, signature: bytes, data: bytes) -> None:
        """Raises as sigstore's own does."""
        assert key_id == KEY.key_id
        try:
            Ed25519PublicKey.from_public_bytes(KEY.verifier.public).verify(signature, data)
        except Exception as error:
            raise VerificationError("bad signature") from error


def checkpoint_of(size: int) -> bytes:
    tree = KEPT.tree(size)
    return sign_checkpoint(KEY, Checkpoint(KEY.name, size, tree.root()))


def as_sigstore(entry: bytes, proof: Proof, head: Checkpoint) -> Any:
    """The proof where sigstore looks for it."""
    inclusion = SimpleNamespace(
        log_index=proof.index, tree_size=head.size, hashes=list(proof.hashes), root_hash=head.root
    )
    return SimpleNamespace(
        _inner=SimpleNamespace(inclusion_proof=inclusion, canonicalized_body=entry)
    )


@given(st.integers(1, SIZE_MAX), st.data())
def test_sigstore_accepts_our_checkpoints_and_proofs(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    written = bytes(
        Proof(
            index,
            tuple(KEPT.tree(size).inclusion_proof(index)),
            checkpoint_of(size),
            ENTRIES[index],
        )
    )
    proof = read_proof(written)

    theirs = SignedCheckpoint.from_text(proof.note.decode())
    theirs.signed_note.verify(Keyring(), KEY.key_id)  # type: ignore[arg-type]  # all it asks of a keyring
    head = verify_proof(proof, ENTRIES[index], [KEY.verifier])
    assert (theirs.checkpoint.origin, theirs.checkpoint.log_size, theirs.checkpoint.log_hash) == (
        head.origin,
        head.size,
        head.root.hex(),
    )
    verify_merkle_inclusion(as_sigstore(ENTRIES[index], proof, head))


def test_sigstore_refuses_what_we_refuse() -> None:
    note = checkpoint_of(300)
    head = open_checkpoint(note, [KEY.verifier])
    proof = Proof(7, tuple(KEPT.tree(300).inclusion_proof(7)), note)
    forged = note.replace(b"\n300\n", b"\n301\n")

    with pytest.raises(VerificationError):
        verify_merkle_inclusion(as_sigstore(ENTRIES[8], proof, head))
    with pytest.raises(VerificationError):
        SignedNote.from_text(forged.decode()).verify(Keyring(), KEY.key_id)  # type: ignore[arg-type]  # as above


def test_securesystemslib_verifies_the_envelope_of_an_admission() -> None:
    theirs = SSlibKey(
        KEY.verifier.hint, "ed25519", "ed25519", {"public": KEY.verifier.public.hex()}
    )
    envelope = Envelope.from_dict(asdict(sign_envelope(KEY, STATEMENT)))

    assert envelope.payload_type == PAYLOAD_TYPE
    assert list(envelope.verify([theirs], 1)) == [KEY.verifier.hint]
    envelope.payload += b" "
    with pytest.raises(EnvelopeError):
        envelope.verify([theirs], 1)
