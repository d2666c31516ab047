"""Changes that something asks to look at again: an instant in their row, which survives whoever set it."""

from sqlalchemy import and_, literal_column, or_, update

from gate.core.instants import to_us
from gate.storage.schema import changes
from gate.storage.tx import Tx


def ask(tx: Tx, service: str | None = None, environment: str | None = None) -> None:
    """All pending or held changes of a place, of a service or environment everywhere, or all there are; the worker does it soon."""
    here = changes.c
    now = to_us(tx.now)
    held = and_(here.state == literal_column("'approved'"), here.hold.is_not(None))
    wanted = [or_(here.state == literal_column("'pending'"), held), or_(here.redecide_at.is_(None), here.redecide_at > now)]
    if service is not None:
        wanted.append(here.service == service)
    if environment is not None:
        wanted.append(here.environment == environment)
    tx.conn.execute(update(changes).where(*wanted).values(redecide_at=now))
