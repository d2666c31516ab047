"""The change that speaks for a commit or an artifact in its place, and whether a later deployment
superseded it.
"""

from sqlalchemy import Connection, select

from gate.core.change import State
from gate.storage.changes.changes import every, first
from gate.storage.tables.schema import changes
from gate.storage.tables.stored_change import StoredChange

LOOKED_THROUGH_MAX = 1_000
"""The most changes of a place that are searched for an artifact, newest first. No index has
digests, so each of these rows is read."""


def newest_of(
    conn: Connection, service: str, environment: str, *, commit: str | None, digest: str | None
) -> StoredChange | None:
    """Return the newest change of this commit, with this artifact, or of both; None if none is."""
    here = (changes.c.service == service, changes.c.environment == environment)
    newest = (changes.c.submitted_at.desc(), changes.c.id.desc())
    if digest is None:
        query = select(changes).where(*here, changes.c.commit_sha == commit)
        return first(conn, query.order_by(*newest).limit(1))
    found = every(conn, select(changes).where(*here).order_by(*newest).limit(LOOKED_THROUGH_MAX))
    fitting = (one for one in found if digest in one.digests and commit in {None, one.commit_sha})
    return next(fitting, None)


def waiting_without_run(
    conn: Connection, caller: str, commit: str, subject_key: str
) -> StoredChange | None:
    """Return the newest pending or approved change of this subject that this caller asked for
    outside any run, or None.
    """
    query = select(changes).where(
        changes.c.commit_sha == commit,
        changes.c.subject_key == subject_key,
        changes.c.caller == caller,
        changes.c.run_id.is_(None),
        changes.c.state.in_((State.PENDING.value, State.APPROVED.value)),
    )
    return first(conn, query.order_by(changes.c.submitted_at.desc(), changes.c.id.desc()).limit(1))


def is_superseded(conn: Connection, change: StoredChange) -> bool:
    """Return whether another change was admitted in its place after this one."""
    if change.admitted_at is None:
        return False
    here = (changes.c.service == change.service, changes.c.environment == change.environment)
    later = (changes.c.admitted_at > change.admitted_at, changes.c.id != change.id)
    return conn.execute(select(changes.c.id).where(*here, *later).limit(1)).first() is not None
