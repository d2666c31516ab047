"""Erasure of a person: texts, copies of them, and the account. Records and entries hold only ids,
so they stay as they are and verify as before.
"""

from collections import Counter
from collections.abc import Collection

from sqlalchemy import Connection, and_, delete, func, or_, select, text, update

from gate.storage import texts
from gate.storage.database.tx import Tx
from gate.storage.identity.people import TOPIC as PEOPLE
from gate.storage.identity.people import sign_out
from gate.storage.identity.tokens import TOPIC as TOKENS
from gate.storage.privacy.whose import Traces
from gate.storage.tables.schema_people import link_requests, people, tokens
from gate.storage.tables.schema_work import UNDELIVERED, outbox


def erase(tx: Tx, found: Traces, persons: Collection[str]) -> None:
    """Erase these texts and copies, and the accounts of these persons."""
    texts.erase(tx, found.texts, found.changes)
    for table, key in found.copies:
        same = (column == value for column, value in zip(table.primary_key, key, strict=True))
        tx.conn.execute(delete(table).where(and_(*same)))
    for person in persons:
        _close_account(tx, person)


def undelivered(conn: Connection, found: Traces) -> dict[str, int]:
    """Return how many of the messages that would be erased nobody got yet, by their target."""
    copies = {key[0] for table, key in found.copies if table is outbox}
    waiting = select(outbox.c.id, outbox.c.target, outbox.c.change_id).where(text(UNDELIVERED))
    lost = [
        row.target
        for row in conn.execute(waiting.order_by(outbox.c.target))
        if row.id in copies or row.change_id in found.changes
    ]
    return dict(Counter(lost))


def accounts(conn: Connection, persons: Collection[str]) -> int:
    """Return how many of these persons have an account with personal data."""
    said = or_(
        people.c.email.is_not(None),
        people.c.password.is_not(None),
        people.c.external_id.is_not(None),
        people.c.role.is_not(None),
        people.c.claimed_groups != (),
    )
    count = select(func.count()).where(people.c.id.in_(persons), said)
    return int(conn.execute(count).scalar_one())


def _close_account(tx: Tx, person: str) -> None:
    """Remove everything but the row and its id, to which the person's acts still refer."""
    nothing = {
        "email": None,
        "role": None,
        "password": None,
        "password_agreed": None,
        "external_id": None,
        "claimed_groups": (),
        "disabled_at": tx.now,
    }
    tx.conn.execute(update(people).where(people.c.id == person).values(nothing))
    sign_out(tx, person)
    asked = or_(link_requests.c.person == person, link_requests.c.asked_by == person)
    tx.conn.execute(delete(link_requests).where(asked))
    mine = and_(tokens.c.person == person, tokens.c.revoked_at.is_(None))
    tx.conn.execute(update(tokens).where(mine).values(revoked_at=tx.now))
    tx.touch(PEOPLE)
    tx.touch(TOKENS)
