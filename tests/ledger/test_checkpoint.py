"""Signed notes, checkpoints and proof files: the published examples, and whatever is not of the
form is refused (A69).
"""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gate.ledger.checkpoint import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Checkpoint,
    NoteError,
    Proof,
    open_checkpoint,
    open_note,
    read_checkpoint,
    read_proof,
    sign_checkpoint,
    verify_proof,
)
from gate.ledger.note import SigningKey, VerifierKey
from gate.ledger.tree import ProofError, hash_leaf
from tests.ledger.trees import path_of, root_of

FOO = VerifierKey.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
FOO_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
NAME = "gate.example.com/decisions"
KEY = SigningKey(NAME, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = SigningKey("witness.example.com", Ed25519PrivateKey.from_private_bytes(bytes(32)))
ENTRIES = [b'{"entry": %d}' % number for number in range(5)]
HASHES = [hash_leaf(entry) for entry in ENTRIES]
HEAD = Checkpoint(NAME, 5, root_of(HASHES))
NOTE = sign_checkpoint(KEY, HEAD)
KEYS = [KEY.verifier]


def signed(text: str, *keys: SigningKey, form: str = "— {name} {signature}\n") -> bytes:
    """A note over any text, also one that is no checkpoint."""
    lines = []
    for key in keys or (KEY,):
        blob = base64.b64encode(key.key_id + key.sign(text.encode())).decode()
        lines.append(form.format(name=key.name, signature=blob))
    return f"{text}\n{''.join(lines)}".encode()


def test_the_published_note_opens() -> None:
    assert open_note(FOO_NOTE, [FOO]) == "This is an example message.\n"


def test_a_checkpoint_opens_as_it_was_signed() -> None:
    root = base64.b64encode(HEAD.root).decode()

    assert NOTE.startswith(f"{NAME}\n5\n{root}\n\n— {NAME} ".encode())
    assert open_checkpoint(NOTE, KEYS) == read_checkpoint(NOTE) == HEAD
    assert sign_checkpoint(KEY, HEAD) == NOTE


@pytest.mark.parametrize(
    ("note", "says"),
    [
        pytest.param(b"", "no signed note", id="empty"),
        pytest.param(FOO_NOTE[:-1], "no signed note", id="no last line feed"),
        pytest.param(FOO_NOTE.replace(b"\n", b"\r\n"), "control character", id="CRLF"),
        pytest.param(FOO_NOTE.replace(b"\n\n", b"\n"), "no signed note", id="no empty line"),
        pytest.param(FOO_NOTE + b"\n", "signature line", id="an empty line at the end"),
        pytest.param(
            b"\n" + FOO_NOTE[len("This is an example message.\n") :], "no signed note", id="no text"
        ),
        pytest.param(
            FOO_NOTE.replace(b"example m", b"example\tm"), "control character", id="a tab"
        ),
        pytest.param(FOO_NOTE.replace("—".encode(), b"-"), "signature line", id="a hyphen"),
        pytest.param(
            FOO_NOTE.replace(b"example.com/foo U", b"example.com/foo  U"),
            "signature line",
            id="two blanks",
        ),
        pytest.param(
            FOO_NOTE.replace(b"com/foo", b"com/+foo"),
            "signature line",
            id="a plus sign in the name",
        ),
        pytest.param(
            FOO_NOTE.replace(b"com/foo", "com/\u2003foo".encode()),
            "signature line",
            id="a wide blank in the name",
        ),
        pytest.param(
            FOO_NOTE.replace(b"QM=", b"QN="),
            "one base64 form",
            id="another base64 of the same bytes",
        ),
        pytest.param(FOO_NOTE.replace(b"QM=", b"QM"), "base64", id="base64 without padding"),
        pytest.param(
            FOO_NOTE.replace(b"example m", b"Example m"), "does not belong", id="another text"
        ),
        pytest.param(
            FOO_NOTE.replace(b"Uw2QOkn8", b"Uw2QOkn9"), "does not belong", id="another signature"
        ),
        pytest.param(FOO_NOTE.replace(b"Uw2QOk", b"Uw2QPk"), "no known key", id="another key id"),
        pytest.param(FOO_NOTE.replace(b"com/foo", b"com/bar"), "no known key", id="another name"),
        pytest.param(FOO_NOTE.replace(b"Thi", b"Th\xff"), "UTF-8", id="no UTF-8"),
        pytest.param(b"x" * NOTE_BYTES_MAX + FOO_NOTE, "at most", id="too long"),
        pytest.param(
            FOO_NOTE + "— a AAAAAA==\n".encode(), "too few", id="a key id without a signature"
        ),
    ],
)
def test_what_is_no_note_of_a_known_key_is_refused(note: bytes, says: str) -> None:
    with pytest.raises(NoteError, match=says):
        open_note(note, [FOO])


def test_a_false_signature_of_a_known_key_refuses_a_note_that_another_has_signed() -> None:
    text = HEAD.text
    good, bad = signed(text, KEY), signed("something else\n", OTHER)
    both = good + bad.rpartition(b"\n\n")[2]

    assert open_note(both, [KEY.verifier]) == text  # to whom the other key is unknown
    with pytest.raises(NoteError, match="does not belong"):
        open_note(both, [KEY.verifier, OTHER.verifier])


def test_another_key_of_the_same_name_and_id_is_refused() -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    forged = base64.b64encode(KEY.key_id + private.sign(HEAD.text.encode())).decode()

    with pytest.raises(NoteError, match="does not belong"):
        open_note(f"{HEAD.text}\n— {NAME} {forged}\n".encode(), KEYS)


def test_sixteen_signatures_are_read_and_too_many_are_not() -> None:
    assert (
        open_note(signed(HEAD.text, KEY, *[OTHER] * 15), [OTHER.verifier, KEY.verifier])
        == HEAD.text
    )
    with pytest.raises(NoteError, match="at most"):
        open_note(signed(HEAD.text, *[KEY] * (SIGNATURES_MAX + 1)), KEYS)


def test_the_last_empty_line_separates() -> None:
    text = "one\n\ntwo\n"

    assert open_note(signed(text), KEYS) == text
    with pytest.raises(NoteError, match="no checkpoint"):
        open_checkpoint(signed(text), KEYS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(HEAD.text.replace("\n5\n", "\n05\n"), "leading zeros", id="a leading zero"),
        pytest.param(HEAD.text.replace("\n5\n", "\n+5\n"), "leading zeros", id="a sign"),
        pytest.param(HEAD.text.replace("\n5\n", "\n-1\n"), "leading zeros", id="a negative size"),
        pytest.param(
            HEAD.text.replace("\n5\n", "\n\u0665\n"),
            "leading zeros",
            id="a digit of another script",
        ),
        pytest.param(HEAD.text.replace("\n5\n", "\n5 \n"), "leading zeros", id="a blank"),
        pytest.param(f"{NAME}\n5\n", "no checkpoint", id="two lines"),
        pytest.param(f"{NAME}\n5\nAAAA\n", "32 bytes", id="a short root"),
        pytest.param(f"\n{HEAD.text}", "no checkpoint", id="an empty line in front"),
    ],
)
def test_a_text_that_is_no_checkpoint_is_refused(text: str, says: str) -> None:
    with pytest.raises(NoteError, match=says):
        open_checkpoint(signed(text), KEYS)


def test_lines_of_an_extension_are_read_over() -> None:
    assert open_checkpoint(signed(HEAD.text + "more\n"), KEYS) == HEAD


def test_the_head_of_an_empty_log_is_a_checkpoint() -> None:
    head = Checkpoint(NAME, 0, root_of([]))

    assert open_checkpoint(sign_checkpoint(KEY, head), KEYS) == head


def test_a_key_signs_its_own_log_alone() -> None:
    with pytest.raises(ValueError, match="signs its own log"):
        sign_checkpoint(OTHER, HEAD)


@given(st.integers(0, 8 * len(NOTE) - 1))
def test_no_bit_of_a_checkpoint_can_be_changed(bit: int) -> None:
    changed = bytearray(NOTE)
    changed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(NoteError):
        open_checkpoint(bytes(changed), KEYS)


def proof(index: int = 2, **changed: object) -> Proof:
    parts = {
        "index": index,
        "hashes": tuple(path_of(index, HASHES)),
        "note": NOTE,
        "extra": ENTRIES[index],
        **changed,
    }
    return Proof(**parts)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize("index", range(len(ENTRIES)))
def test_a_proof_file_proves_its_entry(index: int) -> None:
    written = bytes(proof(index))
    read = read_proof(written)

    assert written.startswith(b"c2sp.org/tlog-proof@v1\nextra ")
    assert written.endswith(b"\n\n" + NOTE)
    assert read == proof(index)
    assert verify_proof(read, ENTRIES[index], KEYS) == HEAD


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "no proof", id="empty"),
        pytest.param(bytes(proof()).replace(b"@v1", b"@v2"), "no proof", id="another version"),
        pytest.param(bytes(proof()).replace(b"index 2", b"index 02"), "index", id="a leading zero"),
        pytest.param(bytes(proof()).replace(b"index", b"Index"), "index", id="another word"),
        pytest.param(bytes(proof()).replace(b"\n\n", b"\n"), "no proof", id="no empty line"),
        pytest.param(
            bytes(proof()).replace(b"extra ", b"extra  "), "extra", id="an extra that is no base64"
        ),
        pytest.param(bytes(proof(hashes=(b"short",))), "32 bytes", id="a short hash"),
        pytest.param(b"c2sp.org/tlog-proof@v1\n\n" + NOTE, "index", id="no index"),
        pytest.param(b"x" * 300_000, "at most", id="too long"),
    ],
)
def test_what_is_no_proof_file_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(NoteError, match=says):
        read_proof(content)


def test_a_proof_without_extra_proves_an_entry_that_is_at_hand() -> None:
    bare = read_proof(bytes(proof(extra=None)))

    assert bare.extra is None
    assert verify_proof(bare, ENTRIES[2], KEYS) == HEAD
    with pytest.raises(ProofError):
        verify_proof(bare, ENTRIES[3], KEYS)


def test_a_proof_of_another_index_or_without_a_known_signature_is_refused() -> None:
    with pytest.raises(ProofError):
        verify_proof(proof(hashes=tuple(path_of(3, HASHES))), ENTRIES[2], KEYS)
    with pytest.raises(NoteError):
        verify_proof(proof(), ENTRIES[2], [OTHER.verifier])


def test_this_file_is_read_by_nobody_as_a_note() -> None:
    with pytest.raises(NoteError):
        open_note(Path(__file__).read_bytes(), KEYS)
