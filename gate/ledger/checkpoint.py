"""Signed tree heads and offline proofs, to the byte: c2sp.org/signed-note, tlog-checkpoint and
tlog-proof.

The promise of `open_note`: the text it returns was signed by one of the keys it was given. A key is
known by its name and its id together. Signatures of unknown keys are ignored (a rotated key, a
witness); one false signature of a known key refuses the whole note.
"""

import base64
import re
from collections.abc import Collection
from dataclasses import dataclass

from gate.ledger.note import KEY_ID_BYTES, SigningKey, VerifierKey
from gate.ledger.tree import HASH_BYTES, hash_leaf, verify_inclusion

NOTE_BYTES_MAX = 64 * 1024
SIGNATURES_MAX = 64
PROOF_BYTES_MAX = 256 * 1024
PROOF_FIRST_LINE = "c2sp.org/tlog-proof@v1"

_SIGNATURE = re.compile(r"\u2014 (?P<name>[^\s+]+) (?P<encoded>[A-Za-z0-9+/]+={0,2})")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


_EPOCH = re.compile(r"/epoch-([1-9][0-9]{0,8})\Z")


class NoteError(ValueError):
    """The bytes are no note of that form, or no known key has signed the note."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its name, how many entries it has, and the root of the tree over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class Proof:
    """The proof that an entry is in a log.

    `extra` contains the bytes of the entry itself; `note` is the checkpoint as it was signed.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: bytes
    extra: bytes | None = None

    def __bytes__(self) -> bytes:
        """Return the content of the proof file, whose suffix is .tlog-proof."""
        lines = [PROOF_FIRST_LINE]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(one).decode() for one in self.hashes]
        return "\n".join([*lines, "", ""]).encode() + self.note


def origin_of(name: str, epoch: int) -> str:
    """Return the name of a log in an epoch.

    After a restore that lost signed entries a new epoch begins, and the log has another name,
    because one log never signs two histories. Whoever has a head of the earlier epoch sees so that
    this log is not its continuation.
    """
    return name if epoch == 1 else f"{name}/epoch-{epoch}"


def name_of(origin: str) -> str:
    """Return the log's own name, without the epoch."""
    return _EPOCH.sub("", origin)


def epoch_of(origin: str, name: str) -> int | None:
    """Return the epoch in the origin of the log of this name, or None for another log."""
    found = _EPOCH.fullmatch(origin.removeprefix(name))
    epoch = 1 if origin == name else int(found[1]) if found else 0
    return epoch if epoch > 0 and origin_of(name, epoch) == origin else None


def sign_checkpoint(key: SigningKey, checkpoint: Checkpoint) -> bytes:
    """Return the signed note. The same key and checkpoint always give the same bytes."""
    if key.name != checkpoint.origin:
        raise ValueError(f"key {key.name} signs its own log, not {checkpoint.origin}")
    signature = base64.b64encode(key.key_id + key.sign(checkpoint.text.encode())).decode()
    return f"{checkpoint.text}\n\u2014 {key.name} {signature}\n".encode()


def open_note(content: bytes, keys: Collection[VerifierKey]) -> str:
    """Return the text that at least one of these keys has signed. Raises `NoteError`."""
    text, signatures = _split_note(content)
    known = {(key.name, key.key_id): key for key in keys}
    verified = False
    for name, signed in signatures:
        key = known.get((name, signed[:KEY_ID_BYTES]))
        if key is None:
            continue
        if not key.verifies(text.encode(), signed[KEY_ID_BYTES:]):
            raise NoteError(f"the signature of {key.hint} does not belong to this text")
        verified = True
    if not verified:
        by = ", ".join(f"{name}+{signed[:KEY_ID_BYTES].hex()}" for name, signed in signatures)
        raise NoteError(
            f"no known key has signed: signed by {by}, known are "
            f"{', '.join(key.hint for key in keys) or 'none'}"
        )
    return text


def open_checkpoint(content: bytes, keys: Collection[VerifierKey]) -> Checkpoint:
    """Return the checkpoint of a note that one of these keys has signed. Raises `NoteError`."""
    return _read_body(open_note(content, keys))


def read_checkpoint(content: bytes) -> Checkpoint:
    """Return the checkpoint in a note without verifying it, which is only for one's own files.

    Raises `NoteError`.
    """
    return _read_body(_split_note(content)[0])


def signed_by(content: bytes) -> set[str]:
    """Return the keys that a note names as its signers, as `<name>+<key id>`, without verifying."""
    return {f"{name}+{signed[:KEY_ID_BYTES].hex()}" for name, signed in _split_note(content)[1]}


def read_proof(content: bytes) -> Proof:
    """Return the parts of a proof file, without verifying them. Raises `NoteError`."""
    if len(content) > PROOF_BYTES_MAX:
        raise NoteError(
            f"the proof has {len(content)} bytes, at most {PROOF_BYTES_MAX} are allowed"
        )
    head, separator, note = content.partition(b"\n\n")
    first, *lines = _text(head).split("\n")
    if first != PROOF_FIRST_LINE or not separator:
        raise NoteError(
            f"no proof: its first line is {PROOF_FIRST_LINE}, and an empty line stands "
            "before the checkpoint"
        )
    extra = (
        _decoded(lines.pop(0).removeprefix("extra "), "extra")
        if lines and lines[0].startswith("extra ")
        else None
    )
    word, _, number = (lines or [""])[0].partition(" ")
    if word != "index" or not _NUMBER.fullmatch(number):
        raise NoteError(f"found {(lines or [''])[0]!r:.80}, allowed is the word index and a number")
    return Proof(int(number), tuple(_hash(line) for line in lines[1:]), note, extra)


def verify_proof(proof: Proof, entry: bytes, keys: Collection[VerifierKey]) -> Checkpoint:
    """Prove that exactly these bytes are in a log whose head one of the keys signed.

    Returns that head. Raises `NoteError` for the signature, and `ProofError` for the place in the
    tree.
    """
    head = open_checkpoint(proof.note, keys)
    verify_inclusion(proof.index, head.size, hash_leaf(entry), proof.hashes, head.root)
    return head


def _split_note(content: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text with its last line feed, and each signature line as name and bytes."""
    if len(content) > NOTE_BYTES_MAX:
        raise NoteError(f"the note has {len(content)} bytes, at most {NOTE_BYTES_MAX} are allowed")
    whole = _text(content)
    text, separator, signed = whole.rpartition("\n\n")
    if not text or not separator or not signed.endswith("\n"):
        raise NoteError(
            "no signed note: a text, an empty line and at least one signature line, each "
            "with its line feed"
        )
    lines = signed[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise NoteError(f"the note has {len(lines)} signatures, at most {SIGNATURES_MAX} are read")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    found = _SIGNATURE.fullmatch(line)
    if found is None:
        raise NoteError(f"found {line!r:.120}, allowed is a signature line: — <key name> <base64>")
    signed = _decoded(found["encoded"], "a signature")
    if len(signed) <= KEY_ID_BYTES:
        raise NoteError(
            f"the signature of {found['name']} has {len(signed)} bytes, too few for a key "
            "id and a signature"
        )
    return found["name"], signed


def _read_body(text: str) -> Checkpoint:
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):  # noqa: PLR2004 - origin, size and root
        raise NoteError(
            "no checkpoint: at least three lines, none of them empty: origin, size, root"
        )
    origin, size, root, *_ = lines
    if not _NUMBER.fullmatch(size):
        raise NoteError(
            f"the size is {size!r:.40}, allowed is a whole number without leading zeros"
        )
    return Checkpoint(origin, int(size), _hash(root))


def _hash(encoded: str) -> bytes:
    decoded = _decoded(encoded, "a hash")
    if len(decoded) != HASH_BYTES:
        raise NoteError(f"a hash has {HASH_BYTES} bytes, found {len(decoded)}")
    return decoded


def _decoded(encoded: str, what: str) -> bytes:
    """Return the bytes of standard base64 with padding.

    Only the form that encoding gives is accepted, because other forms could hide changed bits.
    """
    try:
        decoded = base64.b64decode(encoded.encode("ascii"), validate=True)
    except ValueError:
        raise NoteError(f"{what} is not base64: {encoded!r:.80}") from None
    if base64.b64encode(decoded).decode() != encoded:
        raise NoteError(f"{what} is not the one base64 form of its bytes: {encoded!r:.80}")
    return decoded


def _text(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise NoteError("not UTF-8") from None
    if any(character < " " and character != "\n" for character in text):
        raise NoteError("a control character other than the line feed stands in it")
    return text
