"""The uses of identity tokens.

A token works only for what it was first used for, so a stolen one is useless for anything else.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from gate.core.instants import to_us
from gate.storage.database.bulk import Bulk
from gate.storage.database.hot import Hot, items_of
from gate.storage.database.rows import TokenUseRow
from gate.storage.database.tx import Tx
from gate.storage.database.upsert import insert_new
from gate.storage.tables import schema_work
from gate.storage.tables.columns import among

EXPIRED_A_TURN_MAX = 1_000
"""The most uses of expired tokens that one transaction deletes."""

_BULK = Bulk(schema_work.token_uses, TokenUseRow._fields)
_USES = schema_work.token_uses.c
_FIND = Hot(
    """
SELECT t.issuer, t.jti, t.bound_to FROM {wanted} CROSS JOIN token_uses AS t
WHERE t.issuer = {wanted[0]} AND t.jti = {wanted[1]}
""",
    "wanted",
)


def bound_to(conn: Connection, use: TokenUseRow) -> str | None:
    """Return what this token was used for, or None if it was not used yet."""
    found: str | None = conn.execute(
        select(_USES.bound_to).where(_USES.issuer == use.issuer, _USES.jti == use.jti)
    ).scalar()
    return found


def bind(tx: Tx, use: TokenUseRow) -> bool:
    """Bind a token to its use. False: it was used for something else."""
    is_new = insert_new(tx, schema_work.token_uses, use._asdict())
    return is_new or bound_to(tx.conn, use) == use.bound_to


def find(tx: Tx, uses: Sequence[TokenUseRow]) -> dict[tuple[str, str], str]:
    """Return what tokens that were used are bound to, by issuer and id."""
    rows = _FIND.run(tx, items_of([(use.issuer, use.jti) for use in uses])).fetchall()
    return {(issuer, jti): bound for issuer, jti, bound in rows}


def insert_uses(tx: Tx, rows: Sequence[TokenUseRow]) -> None:
    """Bind tokens to their uses; one that was used already raises."""
    _BULK.insert(tx, rows)


def delete_expired(tx: Tx) -> int:
    """Delete uses of expired tokens up to the limit, and return how many."""
    expired = (
        select(_USES.issuer, _USES.jti)
        .where(_USES.expires_at <= to_us(tx.now))
        .order_by(_USES.expires_at)
        .limit(EXPIRED_A_TURN_MAX)
    )
    rows = tx.conn.execute(expired).all()
    if rows:
        these = among((_USES.issuer, _USES.jti), rows)
        tx.conn.execute(delete(schema_work.token_uses).where(these))
    return len(rows)
