"""The rows that an admission writes beside its ledger entry, in one call, so that no count is
forgotten.
"""

from datetime import timedelta

from sqlalchemy import select, text

from gate.core.change import Run, State
from gate.core.decision.values import Outcome
from gate.core.kinds import ChangedFiles
from gate.storage.changes import matches, paths, similar
from gate.storage.changes.moves import move
from gate.storage.database.tx import Tx
from gate.storage.tables.schema import ADMITTED, changes
from gate.storage.tables.stored_change import StoredChange


def admit(
    tx: Tx, change: StoredChange, run: Run, files: ChangedFiles, *, would_wait: bool = False
) -> bool:
    """Consume the approval and start the deployment.

    False: the change moved since it was read, and nothing is written.

    `files` are those of the decision in force. With `would_wait` the change would have to wait now,
    and passes only because the gate observes here. The row says so, because a report of what the
    gate would have done counts it.
    """
    waited = {"would": Outcome.PENDING} if would_wait and change.would is Outcome.APPROVED else {}
    admitted = move(
        tx,
        change.id,
        from_state=State.APPROVED,
        of_decision=change.decision,
        state=State.DEPLOYING,
        admitted_at=tx.now,
        admitted_run_id=run.id,
        admitted_run_attempt=run.attempt,
        admitted_run_step=run.step,
        same_commit=_last_commit(tx, change) == change.commit_sha,
        close_by=tx.now + timedelta(seconds=change.close_within_seconds),
        redecide_at=None,
        **waited,
    )
    if admitted:
        matches.add(tx, change.id, change.service, change.environment, change.matched)
        paths.count_change(tx, change.service, change.environment, files.paths)
        similar.count_change(tx, change, files.kinds)
    return admitted


def _last_commit(tx: Tx, change: StoredChange) -> str | None:
    """Return the commit that was admitted last in the place of this change, or None."""
    here = (
        changes.c.service == change.service,
        changes.c.environment == change.environment,
        text(ADMITTED),
    )
    query = (
        select(changes.c.commit_sha)
        .where(*here)
        .order_by(changes.c.admitted_at.desc(), changes.c.id.desc())
        .limit(1)
    )
    return tx.conn.execute(query).scalar()
