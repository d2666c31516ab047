"""Changes the signing key of a ledger that has entries: hands over to a new key, or
opens an epoch.
"""

import base64
import sys
from pathlib import Path

from gate.cli.database import existing
from gate.config import Settings
from gate.errors import Invalid
from gate.flow.entries import append_entry
from gate.flow.key_place import guard_place, required_key_place
from gate.flow.ledger.guard import contradiction, read_guard
from gate.flow.signing import make_key, read_key
from gate.ledger.checkpoint import epoch_of, origin_of
from gate.ledger.format import Kind
from gate.ledger.note import SigningKey
from gate.ledger.signers import rotation_text
from gate.storage.database.tx import Tx
from gate.storage.ledger import heads
from gate.storage.ledger.heads import Head
from gate.storage.ledger.tree import tree
from gate.storage.store import transaction
from gate.storage.texts import insert_texts, new_text

COMMAND_LINE = "command-line"
NEW_SUFFIX = ".new"


def rotate() -> None:
    """Sign with a new key from now on.

    The old key signs the new one, so that whoever trusts the old one can trust the new one. The new
    key is on the disk before the ledger names it, and replaces the old file afterwards, so that
    another call finishes an interrupted rotation.
    """
    settings = Settings.read()
    file, old = _own_key(settings)
    beside = file.with_name(f"{file.name}{NEW_SUFFIX}")
    new = read_key(beside, settings.address) or make_key(beside, settings.address)
    with transaction(existing(settings)) as tx:
        _hand_over(tx, old, new)
    kept = file.with_name(f"{file.name}.{old.key_id.hex()}")
    file.replace(kept)
    beside.replace(file)
    print(
        f"the old key is {kept}; give {file} to every server of this database and restart it",
        file=sys.stderr,
    )
    print(new.verifier)


def open_epoch(comment: str) -> None:
    """Let a restored database be signed again, under the name of another log.

    Raises `Invalid` if the database continues what was signed last, because then nothing was lost.
    """
    settings = Settings.read()
    _, key = _own_key(settings)
    place = guard_place(settings)
    guard = read_guard(place) if place else None
    if guard is None:
        raise Invalid("there is no guard, so nothing contradicts this database: start the gate")
    with transaction(existing(settings)) as tx:
        head = _locked(tx)
        against = contradiction(guard, key.name, head, tree(tx.conn, guard.size))
        before = epoch_of(guard.origin, key.name)
        if against is None or before is None:
            raise Invalid(
                against
                or "the database goes on from what was signed last: a new epoch is not "
                "needed, start the gate"
            )
        epoch = max(before, head.epoch) + 1
        said = new_text(comment)
        insert_texts(tx, [said])
        heads.set_head(tx, epoch=epoch)
        append_entry(
            tx,
            Kind.EPOCH,
            None,
            epoch=epoch,
            size=head.size,
            signed=guard.size,
            root=guard.root.hex(),
            comment=said.id,
            by=COMMAND_LINE,
        )
    print(
        f"epoch {epoch} begins after {head.size} entries; {guard.size} had been signed",
        file=sys.stderr,
    )
    print(key.named(origin_of(key.name, epoch)).verifier)


def _own_key(settings: Settings) -> tuple[Path, SigningKey]:
    place = required_key_place(settings)
    key = read_key(place.path, settings.address)
    if key is None:
        raise Invalid(
            f"there is no key at {place.path}; put it back, or name it with GATE_SIGNING_KEY_FILE"
        )
    return place.path, key


def _hand_over(tx: Tx, old: SigningKey, new: SigningKey) -> None:
    head, before, after = _locked(tx), str(old.verifier), str(new.verifier)
    if head.key == after:
        # The ledger names the new key already; only the files were not moved.
        return
    if head.key != before:
        raise Invalid(
            f"the ledger is signed with {head.key or 'no key yet'}, the file has {before}; "
            "only the key in use hands over"
        )
    heads.set_head(tx, key=after)
    signature = base64.b64encode(old.sign(rotation_text(after))).decode()
    append_entry(
        tx,
        Kind.KEY,
        None,
        key=after,
        action="rotated",
        before=before,
        signature=signature,
        by=COMMAND_LINE,
    )


def _locked(tx: Tx) -> Head:
    head = heads.lock_head(tx)
    if head is None:
        raise Invalid("a server seals the ledger at this moment; ask again")
    return head
