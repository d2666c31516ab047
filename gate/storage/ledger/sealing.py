"""The transaction of the sealer: unsealed entries get the next places in the tree, and the tree
grows by their hashes.

Which entries are unsealed is read from the rows themselves, never from a cursor: transactions
commit in another order than they took their ids, and an entry that comes late is simply sealed
later.
"""

from sqlalchemy import Connection, select

from gate.errors import Unavailable
from gate.ledger.tiles import grow
from gate.ledger.tree import ProofError, hash_leaf
from gate.storage.database.hot import Either, Hot, items_of
from gate.storage.database.tx import Tx
from gate.storage.ledger import tree
from gate.storage.ledger.heads import Head, lock_head, set_head
from gate.storage.tables.schema import ledger_entries

SEALED_AT_ONCE_MAX = 1_024
"""The most entries that one transaction seals. That takes some milliseconds, in which nobody else
writes."""

_UNSEALED = (
    select(ledger_entries.c.id, ledger_entries.c.body)
    .where(ledger_entries.c.index.is_(None))
    .order_by(ledger_entries.c.id)
    .limit(SEALED_AT_ONCE_MAX)
)
_PLACE = Hot(
    """
UPDATE ledger_entries SET "index" = ? + {place.place} FROM {place}
WHERE ledger_entries.id = {number}
""",
    "place",
    number=Either("place.value", "(place.value#>>'{}')::bigint"),
)


class LedgerDamaged(Unavailable):
    """The database has something else than was sealed, so nothing more is sealed or signed."""

    problem = "signing_unavailable"


def seal(tx: Tx) -> int:
    """Seal entries that wait, up to the limit, and return how many.

    It is 0 as well while another process has the head.

    Raises `LedgerDamaged` if the tree in the database no longer leads to the head.
    """
    head = lock_head(tx)
    if head is None:
        return 0
    rows = tx.conn.execute(_UNSEALED).all()
    if not rows:
        return 0
    require_whole(tx.conn, head)
    tiles = grow(head.size, tree.edge(tx.conn, head.size), [hash_leaf(row.body) for row in rows])
    tree.put_tiles(tx, tiles)
    _PLACE.run(tx, head.size, items_of([row.id for row in rows]))
    size = head.size + len(rows)
    set_head(tx, size=size, root=tree.tree(tx.conn, size).root(), sealed_at=tx.now)
    return len(rows)


def require_whole(conn: Connection, head: Head) -> None:
    """Raise `LedgerDamaged` if the tiles do not lead to the head."""
    try:
        root = tree.tree(conn, head.size).root()
    except ProofError as error:
        raise LedgerDamaged(
            f"the tree of the {head.size} sealed entries is damaged: {error}"
        ) from None
    if root != head.root:
        raise LedgerDamaged(
            f"the tiles of the {head.size} sealed entries do not lead to their root; they "
            "were changed in the database"
        )
