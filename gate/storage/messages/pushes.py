"""The people who pushed commits, by reports of code hosts. A host has no other record of it.

These rows are kept for good, as every name is. A commit may wait in a branch for a year, and every
act asks again who pushed it, so a person who was forgotten could approve their own work.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, and_, func, select

from gate.core.catalogue.catalogue import ERASED
from gate.storage.database.bulk import Bulk
from gate.storage.database.tx import Tx
from gate.storage.tables.schema_hosts import pushes
from gate.storage.texts import name_ids, read_texts

_P = pushes.c
_COLUMNS = ("issuer", "repository_id", "commit_sha", "pusher", "at")
_BULK = Bulk(pushes, _COLUMNS, tail="ON CONFLICT DO NOTHING")


def add(tx: Tx, repository: tuple[str, int], commits: Collection[str], pusher: str) -> None:
    """Keep who pushed these commits, once."""
    issuer, number = repository
    who = name_ids(tx, [pusher])[pusher]
    _BULK.insert(tx, [(issuer, number, commit, who, tx.now) for commit in dict.fromkeys(commits)])


def pushers(
    conn: Connection, repository: tuple[str, int], commits: Sequence[str]
) -> tuple[str, ...]:
    """Return everybody who pushed one of these commits; `ERASED` stands for an erased name."""
    issuer, number = repository
    of_these = (
        select(_P.pusher)
        .distinct()
        .where(_P.issuer == issuer, _P.repository_id == number, _P.commit_sha.in_(commits))
    )
    return _spelled(conn, conn.execute(of_these).scalars().all())


def first_pushers(
    conn: Connection, repository: tuple[str, int], commits: Sequence[str]
) -> tuple[str, ...]:
    """Return those who pushed one of these commits first; `ERASED` stands for an erased name."""
    issuer, number = repository
    here = and_(_P.issuer == issuer, _P.repository_id == number, _P.commit_sha.in_(commits))
    first = select(_P.commit_sha, func.min(_P.at).label("at")).where(here).group_by(_P.commit_sha)
    each = first.subquery()
    of_these = (
        select(_P.pusher)
        .distinct()
        .join(each, and_(_P.commit_sha == each.c.commit_sha, _P.at == each.c.at))
        .where(here)
    )
    return _spelled(conn, conn.execute(of_these).scalars().all())


def _spelled(conn: Connection, ids: Sequence[str]) -> tuple[str, ...]:
    known = read_texts(conn, ids)
    return tuple(sorted({known.get(one, ERASED) for one in ids}))
