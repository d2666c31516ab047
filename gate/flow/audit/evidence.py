"""The evidence pack of one change: records, policies, proofs, and the answers that people read
about it.
"""

import io
import zipfile
from collections.abc import Mapping

from sqlalchemy import Connection

from gate.errors import Invalid, Unavailable
from gate.flow.answers.written import indented
from gate.flow.audit.replay import replayed
from gate.flow.caller import Caller
from gate.flow.changes.known import visible_change
from gate.flow.gate import Gate
from gate.flow.queries import look
from gate.ledger.checkpoint import Proof, read_checkpoint
from gate.ledger.format import read_entry
from gate.ledger.pack import (
    ABOUT,
    PACK_BYTES_MAX,
    manifest,
    policies_name,
    proof_name,
    record_name,
)
from gate.storage.audit import pack as parts
from gate.storage.changes import decisions
from gate.storage.ledger import heads
from gate.storage.ledger.exporting import kept_policies
from gate.storage.ledger.tree import tree

ENTRIES_MAX = 1_000
_BEGINNING_OF_TIME = (1980, 1, 1, 0, 0, 0)
"""A fixed time, so that equal parts make an equal archive."""


async def evidence(gate: Gate, change_id: str, by: Caller) -> bytes:
    """Return the pack as a ZIP archive.

    Raises `NotFound`, and `Unavailable` while an entry about the change is not signed yet.
    """
    known = await visible_change(gate, change_id, by)
    change = known.stored.id
    files = dict(await gate.store.read_slowly(_proved, change))
    decided = await look.decisions(gate, change, by)
    about = {
        "change.json": known.answer(gate.clock(), gate.base_url),
        "decisions.json": decided,
        "replay.json": await replayed(gate, change, None, by),
        "incidents.json": await gate.store.read(parts.incidents_of, change),
        "closures.json": await gate.store.read(parts.closures_of, change),
    }
    for name, said in about.items():
        files[f"{ABOUT}{name}"] = indented(said).encode()
    if sum(map(len, files.values())) > PACK_BYTES_MAX:
        raise Invalid(
            f"the evidence of {change} has more than {PACK_BYTES_MAX} bytes; export the ledger"
        )
    return _zipped(files)


def _proved(conn: Connection, change: str) -> Mapping[str, bytes]:
    """Return the files that can be verified against the newest signed head: proofs, records and
    policies.
    """
    signed = heads.newest_checkpoint(conn)
    entries = parts.entries_of(conn, change, ENTRIES_MAX + 1)
    if len(entries) > ENTRIES_MAX:
        raise Invalid(
            f"{change} has more than {ENTRIES_MAX} entries; export the ledger, which has all"
        )
    if signed is None or any(place is None or place >= signed[0] for place, _ in entries):
        raise Unavailable(
            "an entry about this change is not signed yet; ask again in a second",
            problem="signing_unavailable",
        )
    size, note = signed
    grown = tree(conn, size)
    files: dict[str, bytes] = {}
    for place, body in entries:
        if place is None:
            continue
        entry = read_entry(body)
        hashes = tuple(grown.inclusion_proof(place))
        proof = Proof(place, hashes, bytes(note), extra=body)
        files[proof_name(place, entry.kind.value)] = bytes(proof)
        if entry.kind.value == "decision":
            number, revision = entry.fields["number"], entry.fields["policy_revision"]
            files[record_name(number)] = decisions.record(conn, change, number)
            policies = kept_policies(conn, revision) if revision else None
            if policies is not None:
                files[policies_name(revision)] = policies
    files[f"{ABOUT}manifest.json"] = manifest(change, read_checkpoint(bytes(note)), len(entries))
    return files


def _zipped(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(files):
            packed.writestr(zipfile.ZipInfo(name, _BEGINNING_OF_TIME), files[name])
    return archive.getvalue()
