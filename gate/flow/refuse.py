"""Records refusals to known callers in the ledger."""

import structlog

from gate.errors import GateError
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.refusals import Refused
from gate.ledger.format import Kind
from gate.storage.changes import changes
from gate.storage.database.tx import Tx

_log = structlog.get_logger("gate.refuse")


async def record_refusal(gate: Gate, refused: Refused) -> None:
    """Record a refusal, unless an equal one was recorded within the last minute.

    A failure is logged and not raised, because the caller is refused in any case.
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
    """Record the refusal and return `error`, for the caller to raise."""
    await record_refusal(gate, refused)
    error.is_recorded = True
    return error


def _keep(tx: Tx, refused: Refused, untold: int) -> None:
    """Append the entry; under a change only if there is one, because callers can invent ids."""
    known = refused.change is not None and changes.read(tx.conn, refused.change) is not None
    append_entry(
        tx,
        Kind.REFUSAL,
        refused.change if known else None,
        problem=refused.problem,
        operation=refused.operation,
        by=refused.by,
        revision=refused.revision,
        untold=untold or None,
    )
