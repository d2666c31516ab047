"""Whether a change failed: by its result, or because an incident is tied to it.

Both count once, and both can be corrected.
"""

from sqlalchemy import update

from gate.core.change import FAILED_RESULTS
from gate.core.kinds import ChangedFiles
from gate.storage.changes import paths, similar
from gate.storage.database.tx import Tx
from gate.storage.incidents import links
from gate.storage.tables.schema import changes
from gate.storage.tables.stored_change import StoredChange


def judge(tx: Tx, change: StoredChange, files: ChangedFiles) -> int:
    """Recompute whether the change failed, and adjust the failures of its place and files.

    Returns 1 if it became failed, -1 if it no longer is, 0 if nothing changed. To be called with
    the row as it is now, under the lock of its place.
    """
    failed = change.result in FAILED_RESULTS or bool(links.of_change(tx.conn, change.id))
    if failed == change.failed:
        return 0
    statement = (
        update(changes)
        .where(changes.c.id == change.id, changes.c.failed == change.failed)
        .values(failed=failed, failed_at=tx.now if failed else None)
    )
    if tx.conn.execute(statement).rowcount != 1:
        return 0
    tx.touch(change.id)
    count = paths.count_failure if failed else paths.take_back_failure
    count(tx, change.service, change.environment, files.paths)
    more = 1 if failed else -1
    similar.add_failures(tx, change, files.kinds, more)
    return more
