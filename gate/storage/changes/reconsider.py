"""Changes that something asks to look at again: an instant in their row, which survives whoever set
it.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from gate.core.change import State
from gate.storage.database.tx import Tx
from gate.storage.tables.columns import equals
from gate.storage.tables.schema import changes


def ask(tx: Tx, service: str | None = None, environment: str | None = None) -> None:
    """All pending changes of a place, of a service or environment everywhere, or all there are; the
    worker does it soon.
    """
    here = changes.c
    wanted = [
        equals(here.state, State.PENDING),
        or_(here.redecide_at.is_(None), here.redecide_at > tx.now),
    ]
    if service is not None:
        wanted.append(here.service == service)
    if environment is not None:
        wanted.append(here.environment == environment)
    tx.conn.execute(update(changes).where(*wanted).values(redecide_at=tx.now))


def ask_commits(
    tx: Tx, repository: tuple[str, int], services: Collection[str], commits: Collection[str]
) -> None:
    """Pending changes of these commits of a repository; of its services, where a change names no
    repository.
    """
    due = or_(changes.c.redecide_at.is_(None), changes.c.redecide_at > tx.now)
    tx.conn.execute(
        update(changes)
        .where(_of_commits(repository, services, commits), due)
        .values(redecide_at=tx.now)
    )


def is_waited_for(
    conn: Connection,
    repository: tuple[str, int],
    services: Collection[str],
    commits: Collection[str],
) -> bool:
    """Whether there is such a change."""
    return (
        conn.execute(
            select(changes.c.id).where(_of_commits(repository, services, commits)).limit(1)
        ).first()
        is not None
    )


def _of_commits(
    repository: tuple[str, int], services: Collection[str], commits: Collection[str]
) -> ColumnElement[bool]:
    here = changes.c
    issuer, number = repository
    same = or_(
        and_(here.repository_issuer == issuer, here.repository_id == number),
        and_(here.repository_id.is_(None), here.service.in_(services)),
    )
    return and_(here.commit_sha.in_(commits), equals(here.state, State.PENDING), same)
