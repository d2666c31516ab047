"""What was refused to somebody we know goes into the ledger."""

import structlog

from gate.errors import GateError
from gate.flow.changes.endings import tell
from gate.flow.gate import Gate
from gate.flow.refusals import Refused
from gate.ledger.format import Kind
from gate.storage.changes import changes
from gate.storage.database.tx import Tx

_log = structlog.get_logger("gate.refuse")


async def keep(gate: Gate, refused: Refused) -> None:
    """Put it on record, unless the same was a moment ago.

    Never fails: whoever is refused is refused in any case.
    """
    untold = gate.refusals.due(refused)
    if untold is None:
        return
    try:
        await gate.store.write(_keep, refused, untold)
    except GateError as error:
        _log.warning(
            "a refusal could not be recorded",
            by=refused.by,
            operation=refused.operation,
            error=error.detail,
        )


async def refuse(gate: Gate, refused: Refused, error: GateError) -> GateError:
    """Return the error once it is on record, for whoever raises it."""
    await keep(gate, refused)
    error.told = True
    return error


def _keep(tx: Tx, refused: Refused, untold: int) -> None:
    """Of a change only where there is one: anybody can name what is not."""
    known = refused.change is not None and changes.read(tx.conn, refused.change) is not None
    tell(
        tx,
        Kind.REFUSAL,
        refused.change if known else None,
        problem=refused.problem,
        operation=refused.operation,
        by=refused.by,
        revision=refused.revision,
        untold=untold or None,
    )
