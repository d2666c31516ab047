"""Verifies an export: every entry is where it was sealed, every record is the one that was decided,
and every head is signed.

This needs only the standard library and `cryptography`, reads iterables of bytes, and does not use
the database, so that anybody can run it. Whether the entries fit together is judged by `lives.py`.
"""

import base64
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from gate.ledger.checkpoint import (
    Checkpoint,
    NoteError,
    epoch_of,
    origin_of,
    read_checkpoint,
)
from gate.ledger.export import Check, Faults
from gate.ledger.note import KeyTextError, VerifierKey
from gate.ledger.signers import Keys
from gate.ledger.tiles import (
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tree,
    read_tile_path,
    tile_path,
    tile_root,
)
from gate.ledger.tree import EMPTY_ROOT, HASH_BYTES

_DECISION, _RECORD = b'"kind":"decision"', b'"record":"'
_REGISTRATION, _OF_POLICIES = b'"kind":"registration"', b'"part":"policies"'
_REVISION = b'"revision":"'
_WHOSE_RECORD, _WHOSE_POLICIES = "record of this decision", "policies that are registered here"
_KEY, _EPOCH = b'"kind":"key"', b'"kind":"epoch"'
_SHA256_HEX = 64


class TreeCheck(Check):
    """Computes the tree again from the entries, and compares it with every tile and signed head.

    `since` are signed heads that were kept outside; each must be the beginning of this log. The
    newest head must be signed by a given key, or by a key that a given one has handed over to.
    """

    def __init__(
        self, keys: Collection[VerifierKey], since: Sequence[bytes], faults: Faults
    ) -> None:
        self.head: Checkpoint | None = None
        self.checkpoints = 0
        # The sizes at which epochs began, from the second epoch on.
        self.epochs: list[int] = []
        self._faults = faults
        self._keys = Keys(keys)
        self._kept = _Kept(since, faults)
        self._origin = ""
        self._size = 0
        self._edge: dict[int, bytes] = {}
        self._leaves: list[bytes] = []
        # The hashes of the tile of entries that is read now, as the export says.
        self._sealed = b""
        # The digest of what has to come next, empty for nothing, and what that is.
        self._awaits, self._awaited = b"", ""
        self._good = 0
        self._newest_trusted = False

    def begin(self, origin: str) -> None:
        """Take the name of the log, which is also that of its key."""
        self._origin = origin
        if origin not in self._keys.names:
            self._faults.add(
                0,
                f"this is the log {origin}, the key is that of "
                f"{', '.join(sorted(self._keys.names))}",
            )

    def tile(self, path: str, encoded: str) -> None:
        """Take a tile. A tile of entries announces their hashes, a higher one follows from those
        below it.
        """
        found = read_tile_path(path)
        level = found.level if found and found.level is not None else -1
        place = self._size if level == 0 else self._size - 1
        number = place >> TILE_HEIGHT * (level + 1)
        hashes = _hashes(encoded)
        if (
            not hashes
            or path != tile_path(level, number, len(hashes) // HASH_BYTES)
            or (level == 0 and self._leaves)
        ):
            self._faults.add(
                self._size, f"tile {path} is not written as tiles are, or stands in the wrong place"
            )
        elif level == 0:
            self._sealed = hashes
        elif hashes != self._edge.get(level):
            begin = number << TILE_HEIGHT * (level + 1)
            self._faults.add(begin, f"tile {path} is not what follows from the tiles below it")

    def entries(self, index: int, bodies: Sequence[bytes], records: Mapping[int, bytes]) -> None:
        """Compare the hashes of entries with those that were sealed at these places.

        Nearly always all are the sealed ones, and have their records: that is seen at once.
        Otherwise, and where an entry says something about the log itself, they are taken one by
        one.
        """
        leaves = [sha256(b"\x00" + body).digest() for body in bodies]
        begin, end = len(self._leaves), len(self._leaves) + len(leaves)
        as_sealed = b"".join(leaves) == self._sealed[begin * HASH_BYTES : end * HASH_BYTES]
        kept = not self._kept.sizes.isdisjoint(range(index + 1, index + len(leaves) + 1))
        if self._awaits or not as_sealed or kept or not _are_plain(index, bodies, records):
            for place, body in enumerate(bodies, index):
                self._entry(place, body)
                if place in records:
                    self.record(place, records[place])
            return
        self._leaves += leaves
        self._size += len(leaves)
        if end == TILE_WIDTH:
            self._fold()

    def _entry(self, index: int, body: bytes) -> None:
        """Compare the hash of one entry with the one that was sealed at this place.

        The tree goes on with the sealed hash. So a changed entry is found where it is, and a
        changed tile is found by the signed head.
        """
        leaf = sha256(b"\x00" + body).digest()
        sealed = self._sealed_at(len(self._leaves))
        if sealed != leaf:
            self._faults.add(index, "this is not the entry that was sealed here")
        self._append(index, sealed or leaf)
        if _DECISION in body:
            self._await(body, _RECORD, _WHOSE_RECORD)
        elif _REGISTRATION in body and _OF_POLICIES in body:
            self._await(body, _REVISION, _WHOSE_POLICIES)
        elif _KEY in body:
            self._keys.announced(index, body, self._faults)
        elif _EPOCH in body:
            self.epochs.append(index)

    def removed(self, index: int) -> None:
        """Use the hash in the tile instead of the missing entry, so that the others can still be
        checked.
        """
        self._append(index, self._sealed_at(len(self._leaves)) or EMPTY_ROOT)

    def _sealed_at(self, place: int) -> bytes:
        return self._sealed[place * HASH_BYTES : (place + 1) * HASH_BYTES]

    def _append(self, index: int, leaf: bytes) -> None:
        if self._awaits:
            self._missing(index - 1)
        self._leaves.append(leaf)
        self._size = index + 1
        if len(self._leaves) == TILE_WIDTH:
            self._fold()
        if self._size in self._kept.sizes:
            self._kept.compare(self._size, self._root())

    def record(self, index: int, body: bytes) -> None:
        """Compare the digest of a record with the one in its entry."""
        if self._awaited != _WHOSE_RECORD:
            self._faults.add(index, "a record stands here, and the entry is of no decision")
        elif sha256(body).hexdigest().encode() != self._awaits:
            self._faults.add(
                index,
                "the record of this decision is not the one that was decided: its SHA-256 "
                "is another one",
            )
        self._awaits, self._awaited = b"", ""

    def policies(self, index: int, body: bytes) -> None:
        """Compare the digest of policies with the revision that was registered."""
        if self._awaited != _WHOSE_POLICIES:
            self._faults.add(index, "policies stand here, and the entry registers none")
        elif sha256(body).hexdigest().encode() != self._awaits:
            self._faults.add(
                index,
                "the policies are not those that were registered here: their SHA-256 is "
                "another one",
            )
        self._awaits, self._awaited = b"", ""

    def checkpoint(self, size: int, note: bytes) -> None:
        """Require that a head covers exactly the entries so far, and that a key of the log signed
        it.
        """
        try:
            head = read_checkpoint(note)
            signers = self._keys.signers(note, head.origin)
        except (NoteError, KeyTextError) as error:
            self._faults.add(
                size, f"the checkpoint of {size} entries is not signed as it should be: {error}"
            )
            return
        self.checkpoints += 1
        if head.origin != origin_of(self._origin, len(self.epochs) + 1):
            self._faults.add(
                size,
                f"the checkpoint of {size} entries is of {head.origin}: another log, or "
                "another epoch",
            )
        elif head.size != size:
            self._faults.add(size, f"a checkpoint of {head.size} entries stands behind {size}")
        elif head.root != self._root():
            self._faults.add(
                self._good,
                f"one of the entries {self._good} to {size - 1} is not the one that was signed",
            )
        else:
            self.head, self._good = head, size
            self._newest_trusted = not signers.isdisjoint(self._keys.trusted)

    def end(self, entries: int) -> None:
        """Judge the export as a whole."""
        if self._awaits:
            self._missing(entries - 1)
        missing = len(self._sealed) // HASH_BYTES - len(self._leaves)
        if missing > 0:
            self._faults.add(entries, f"{missing} entries of the last tile are missing")
        signed = self.head.size if self.head else 0
        if signed != entries or self.head is None:
            self._faults.add(
                entries, f"{entries} entries are here, the newest valid checkpoint covers {signed}"
            )
        elif not self._newest_trusted:
            self._faults.add(
                signed - 1,
                "the newest checkpoint is signed by a key that was not given, and none "
                "that was has handed over to it",
            )
        self._kept.end(entries, self._origin, self.epochs, self._keys)

    def _await(self, body: bytes, field: bytes, what: str) -> None:
        """Require that the next line has the digest in this field of the entry."""
        begin = body.find(field) + len(field)
        self._awaits, self._awaited = body[begin : begin + _SHA256_HEX], what

    def _missing(self, index: int) -> None:
        verb = "is" if self._awaited == _WHOSE_RECORD else "are"
        self._faults.add(index, f"the {self._awaited} {verb} missing")
        self._awaits, self._awaited = b"", ""

    def _fold(self) -> None:
        """Put the root of a full tile into the tile above, and so on upwards."""
        added, level = tile_root(b"".join(self._leaves)), 1
        self._leaves, self._sealed = [], b""
        while True:
            hashes = self._edge.get(level, b"")
            self._edge[level] = (b"" if len(hashes) == TILE_BYTES else hashes) + added
            if len(self._edge[level]) < TILE_BYTES:
                return
            added, level = tile_root(self._edge[level]), level + 1

    def _root(self) -> bytes:
        return Tree(self._size, self._right_edge).root()

    def _right_edge(self, level: int, _: int) -> bytes:
        """Return the last tile of a level. The root needs no other tile, because the roots of full
        ones are in the tiles above.
        """
        if level:
            return self._edge.get(level, b"")
        return b"".join(self._leaves)


class _Kept:
    """Signed heads that were kept outside."""

    def __init__(self, notes: Sequence[bytes], faults: Faults) -> None:
        self._faults = faults
        self._notes: list[tuple[Checkpoint, bytes]] = []
        self._roots: dict[int, bytes] = {}
        for note in notes:
            try:
                self._notes.append((read_checkpoint(note), note))
            except NoteError as error:
                faults.add(0, f"what was kept outside is no checkpoint: {error}")
        self.sizes = frozenset(head.size for head, _ in self._notes)

    def compare(self, size: int, root: bytes) -> None:
        """Compare the kept heads of this size with the root of so many entries here."""
        self._roots[size] = root

    def end(self, entries: int, origin: str, epochs: Sequence[int], keys: Keys) -> None:
        """Require that each kept head was found to be the beginning of this log."""
        good = 0
        for head, note in sorted(self._notes, key=lambda kept: kept[0].size):
            epoch = epoch_of(head.origin, origin)
            ends = (*epochs, entries)[epoch - 1] if epoch and epoch <= len(epochs) + 1 else None
            try:
                keys.signers(note, head.origin)
            except NoteError as error:
                self._faults.add(
                    good,
                    f"the checkpoint of {head.size} entries that was kept outside is not of "
                    f"this log: {error}",
                )
                continue
            if ends is None or head.size > ends:
                self._faults.add(
                    ends or 0,
                    f"{head.size} entries were signed when the checkpoint was kept, of "
                    f"those {ends or 0} are here",
                )
            elif head.size and self._roots.get(head.size) != head.root:
                self._faults.add(
                    good,
                    f"one of the entries {good} to {head.size - 1} is not the one of the "
                    "checkpoint that was kept outside",
                )
            else:
                good = head.size


def _are_plain(index: int, bodies: Sequence[bytes], records: Mapping[int, bytes]) -> bool:
    """Whether each decision among these entries has the record that it names, nothing else has a
    record, and no entry is about policies, the key or an epoch.
    """
    together = b"".join(bodies)
    if _REGISTRATION in together or _KEY in together or _EPOCH in together:
        return False
    decisions = 0
    if _DECISION in together:
        for place, body in enumerate(bodies, index):
            if _DECISION in body:
                decisions += 1
                found = body.find(_RECORD) + len(_RECORD)
                record = sha256(records.get(place, b"")).hexdigest()
                if record.encode() != body[found : found + _SHA256_HEX]:
                    return False
    return decisions == len(records)


def _hashes(encoded: str) -> bytes:
    """Return the hashes of a tile, or nothing if it is not base64 in its one form."""
    try:
        hashes = base64.b64decode(encoded.encode("ascii"), validate=True)
    except ValueError:
        return b""
    if base64.b64encode(hashes).decode() == encoded and len(hashes) % HASH_BYTES == 0:
        return hashes
    return b""
