"""An evidence pack: everything about one change in one archive, which proves itself offline.

    proofs/0000017-decision.tlog-proof   one for each entry about the change, the entry in it
    records/1.json                       the record of each decision, byte for byte
    policies/<revision>.json             the policies of each decision, in the form of their digest
    about/…                              what the gate says besides: readable, and not proved

What is under `about` is a service to readers. Everything else must follow from the signed head, and
the entries together must be a life that a change can have. So an entry that later ones follow from
cannot be left out; that no later one exists is proved by an export alone.

Needs the standard library and `cryptography` alone.
"""

import json
import re
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any

from gate.ledger.checkpoint import Checkpoint, NoteError, read_proof, verify_proof
from gate.ledger.export import Faults
from gate.ledger.lives import LifeCheck
from gate.ledger.note import VerifierKey
from gate.ledger.reading import read_fields
from gate.ledger.tree import ProofError

PROOFS, RECORDS, POLICIES, ABOUT = "proofs/", "records/", "policies/", "about/"
FILES_MAX = 3_000
_PLAIN_NAME = re.compile(r"(?:[a-z0-9_-][a-z0-9_.-]*/)*[a-z0-9_-][a-z0-9_.-]*")
PACK_BYTES_MAX = 64 * 1024 * 1024
"""The most bytes of all files together, unpacked."""


def proof_name(index: int, kind: str) -> str:
    """Return the name of a proof's file. The names sort in the order of the ledger."""
    return f"{PROOFS}{index:012}-{kind}.tlog-proof"


def record_name(number: int) -> str:
    """Return the name of the file of the decision with this number."""
    return f"{RECORDS}{number}.json"


def policies_name(revision: str) -> str:
    """Return the name of the file of the policies with this revision."""
    return f"{POLICIES}{revision}.json"


def is_plain_name(name: str) -> bool:
    """Whether a file of a pack lies where its name says, and nowhere else, on every system."""
    return _PLAIN_NAME.fullmatch(name) is not None


class PackCheck:
    """Checks the files of a pack; what is wrong stands in `faults`, by place in the ledger."""

    def __init__(self, files: Mapping[str, bytes], keys: Collection[VerifierKey]) -> None:
        self.faults = Faults()
        self.change = ""
        self.entries = self.decisions = 0
        self.head: Checkpoint | None = None
        self._files = files
        self._keys = keys
        self._proved: set[str] = set()
        self._acts: dict[int, bytes] = {}
        self._records: dict[int, bytes] = {}

    def run(self) -> None:
        """Check every proof, then the files that proofs refer to."""
        for name in sorted(self._files):
            if name.startswith(PROOFS):
                self._proof(name)
        if not self.decisions:
            self.faults.add(0, "the pack proves no decision")
        lives = LifeCheck(self.faults, whole_log=False)
        for index in sorted(self._acts):
            lives.entries(index, [self._acts[index]], self._records)
        for name in sorted(self._files):
            if not name.startswith((PROOFS, ABOUT)) and name not in self._proved:
                self.faults.add(0, f"{name} is in the pack, and no entry has its digest")

    def _proof(self, name: str) -> None:
        try:
            proof = read_proof(self._files[name])
            entry = proof.extra or b""
            head = verify_proof(proof, entry, self._keys)
            fields = read_fields(entry)
        except (NoteError, ProofError, ValueError) as error:
            self.faults.add(0, f"{name} proves nothing: {error}")
            return
        if name != proof_name(proof.index, str(fields.get("kind"))):
            self.faults.add(proof.index, f"{name} is the proof of another entry")
        self.entries += 1
        self._acts[proof.index] = entry
        self.head = head if self.head is None or head.size > self.head.size else self.head
        change = str(fields.get("change"))
        self.change = self.change or change
        if change != self.change:
            self.faults.add(proof.index, f"this entry is about {change}, not about {self.change}")
        if fields.get("kind") == "decision":
            self._decision(proof.index, fields)

    def _decision(self, index: int, fields: Mapping[str, Any]) -> None:
        self.decisions += 1
        self._digest(index, record_name(fields["number"]), str(fields["record"]))
        revision = str(fields["policy_revision"])
        if revision:
            self._digest(index, policies_name(revision), revision)

    def _digest(self, index: int, name: str, expected: str) -> None:
        """Add a fault unless this file exists with this digest."""
        content = self._files.get(name)
        self._proved.add(name)
        if content is None:
            self.faults.add(index, f"{name} is missing")
        elif sha256(content).hexdigest() != expected:
            self.faults.add(index, f"{name} is not the one of this entry: its SHA-256 is another")
        elif name.startswith(RECORDS):
            self._records[index] = content


def manifest(change: str, head: Checkpoint, entries: int) -> bytes:
    """Return the manifest, which a reader should open first."""
    said = {
        "change": change,
        "entries": entries,
        "log": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "verify": "gate ledger verify THIS.zip --key KEY",
        "not_proved": "whatever is under about/ is what the gate says, for people to read",
    }
    return json.dumps(said, indent=2).encode() + b"\n"
