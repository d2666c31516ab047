"""Asks for changes to be decided again, by an instant in their rows.

The worker finds them by it, even if the process that asked has ended since.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from gate.core.change import State
from gate.storage.database.tx import Tx
from gate.storage.tables.columns import equals
from gate.storage.tables.schema import changes


def ask(tx: Tx, service: str | None = None, environment: str | None = None) -> None:
    """Have the worker decide pending changes again, soon.

    These are all of a service, of an environment, of both together (a place), or with neither all
    there are.
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
    """Have the worker decide pending changes of these commits of a repository again.

    A change that names no repository counts if its service is one of `services`.
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
    """Return whether there is a change that `ask_commits` would find."""
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
