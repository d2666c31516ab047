"""The guard: the last head that this server signed, in a file of its own, so that a restored
database is noticed.

A database alone cannot tell that it is an older copy of itself. The guard lies beside the signing
key, where a restored backup does not reach. Without it, or with a guard from the same backup, only
a checkpoint outside can tell.
"""

import os
from pathlib import Path

from gate.errors import Unavailable
from gate.ledger.checkpoint import NOTE_BYTES_MAX, Checkpoint, NoteError, epoch_of, read_checkpoint
from gate.ledger.tiles import Tree
from gate.ledger.tree import ProofError
from gate.storage.ledger.heads import Head

_OWNER_ALONE = 0o600


def read_guard(path: Path) -> Checkpoint | None:
    """Return the head that was signed last, or None if there is no guard.

    Raises `Unavailable` if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return read_checkpoint(file.read(NOTE_BYTES_MAX + 1))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _broken(f"the ledger guard cannot be read ({error.strerror})") from None
    except NoteError as error:
        raise _broken(f"the ledger guard is broken: {error}; put it back from a copy") from None


def write_guard(path: Path, note: bytes) -> None:
    """Write the guard whole or not at all, and have it on the disk before this returns.

    Raises `Unavailable`.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        # The new name is on the disk only when the folder is, too.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _broken(
            f"the ledger guard cannot be written ({error.strerror}); nothing is signed without it"
        ) from None


def contradiction(guard: Checkpoint, name: str, head: Head, tree: Tree) -> str | None:
    """Return why the database cannot be the one whose head is guarded, or None.

    `tree` is the tree of as many entries as the guard has, if the database has them. A guard of an
    earlier epoch is no contradiction, because an operator has declared since that its entries are
    gone.
    """
    epoch = epoch_of(guard.origin, name)
    if epoch is None:
        return f"the guard belongs to {guard.origin}, this server signs {name}"
    if epoch != head.epoch:
        restored = (
            f"the guard is of epoch {epoch}, the database of epoch {head.epoch}: it was "
            "restored from before that epoch"
        )
        return restored if epoch > head.epoch else None
    if guard.size > head.size:
        return (
            f"{guard.size} entries were signed, the database has {head.size}: it was restored "
            "from an older backup"
        )
    try:
        same = tree.root() == guard.root
    except ProofError as error:
        return f"the tree of the {guard.size} entries that were signed is damaged: {error}"
    return (
        None
        if same
        else f"the database has another history of the {guard.size} entries that were signed last"
    )


def _broken(detail: str) -> Unavailable:
    return Unavailable(detail, problem="signing_unavailable", retry_after_seconds=30)
