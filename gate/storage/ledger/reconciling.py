"""Compares the state of changes in the database with the state that follows from their entries."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, exists, not_, or_, select

from gate.ledger.lives import CLOSED, DEPLOYING, WAITING, Life
from gate.storage.tables.columns import as_stored
from gate.storage.tables.schema import changes, ledger_entries

ROWS_AT_ONCE = 5_000
_E, _C = ledger_entries.c, changes.c
_WAITS = {"approved": frozenset({"approved"}), "pending": frozenset({"pending", "approved"})}
"""The states that a waiting change may have, by the outcome of its decision. A pending one may be
approved by now, because no entry says that its approvals are complete."""


def moved(conn: Connection, lives: Mapping[str, Life], size: int) -> Iterator[str]:
    """Yield what is wrong with each change whose row says something else than its entries.

    Changes with newer entries are left out, because those entries were not read.
    """
    newer = exists().where(_E.change_id == _C.id, or_(_E.index.is_(None), _E.index >= size))
    query = (
        select(_C.id, as_stored(_C.state), as_stored(_C.result), _C.decision, _C.subject_digest)
        .where(not_(newer))
        .order_by(_C.id)
    )
    after = ""
    while True:
        rows = conn.execute(query.where(_C.id > after).limit(ROWS_AT_ONCE)).all()
        for change, state, result, decision, digest in rows:
            life = lives.get(change)
            if life is None:
                yield f"{change} is in the database, and the ledger has no entry of it"
                continue
            if state not in _states(life) or (state == "closed" and result != life.state):
                yield f"{change} is {state} in the database, by its entries it is {life.state}"
            if (decision, digest) != (life.number, life.digest):
                yield (
                    f"{change} has decision {decision} in force in the database, by its entries "
                    f"decision {life.number}"
                )
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1][0]


def _states(life: Life) -> frozenset[str]:
    if life.state is WAITING:
        return _WAITS[life.outcome]
    return frozenset(
        {"closed" if life.state in CLOSED else DEPLOYING if life.state is DEPLOYING else life.state}
    )
