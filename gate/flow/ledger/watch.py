"""The state of the ledger that one server remembers between two turns."""

from dataclasses import dataclass
from pathlib import Path

from gate.ledger.checkpoint import Checkpoint
from gate.storage.ledger.heads import LedgerState


@dataclass(slots=True)
class Watch:
    """`guard` is the file with the last signed head, None where nobody named one.

    `judged` is what was found good last, so that only what is new is looked at. `block` is the
    block of entries that is looked over next, None for the newest, and `began_at` when looking over
    all of them began last.
    """

    guard: Path | None = None
    judged: tuple[LedgerState, Checkpoint | None] | None = None
    block: int | None = None
    began_at: float | None = None
