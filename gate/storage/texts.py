"""The texts that people wrote, and their names. They are stored only here.

Every other table has SHA-256(salt ‖ text) instead, so that a text can be erased here and the ledger
still verifies. The salt keeps anybody from finding a text by trying likely ones.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlalchemy import BindParameter, Connection, bindparam, delete, select, text

from gate.storage.database.bulk import Bulk
from gate.storage.database.randomness import random_bytes
from gate.storage.database.rows import TextRow
from gate.storage.database.tx import Tx
from gate.storage.tables import schema, schema_work

IDS_A_STATEMENT_MAX = 1_000

_BULK = Bulk(schema.texts, TextRow._fields, tail="ON CONFLICT DO NOTHING")
_TEXTS = schema.texts.c
_BY_ID = select(_TEXTS.id, _TEXTS.text).where(_TEXTS.id.in_(bindparam("ids", expanding=True)))
_BY_NAME = select(_TEXTS.name, _TEXTS.id).where(_TEXTS.name.in_(bindparam("names", expanding=True)))

_OF_CHANGES: BindParameter[str] = bindparam("changes", expanding=True)
_ERASE_WORDS = text("UPDATE decisions SET words = '' WHERE change_id IN :changes").bindparams(
    _OF_CHANGES
)
_ERASE_INDEXED = text(
    "DELETE FROM decision_words WHERE rowid IN"
    " (SELECT id FROM decisions WHERE change_id IN :changes)"
).bindparams(_OF_CHANGES)


def new_text(text: str, *, name: bool = False) -> TextRow:
    """Return the row of a text, with a new salt.

    Characters that a database cannot keep (NUL, half a surrogate pair) are replaced.
    """
    kept = (
        text.encode("utf-8", errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    )
    salt = random_bytes()
    return TextRow(
        hashlib.sha256(salt + kept.encode()).hexdigest(), salt.hex(), kept, kept if name else None
    )


def keep_text(tx: Tx, text: str) -> str:
    """Keep a text, and return its id; an empty id for no text."""
    if not text:
        return ""
    row = new_text(text)
    insert_texts(tx, [row])
    return row.id


def insert_texts(tx: Tx, rows: Sequence[TextRow]) -> None:
    """Keep texts; one that is there already is left as it is."""
    _BULK.insert(tx, rows)


def name_ids(tx: Tx, names: Iterable[str]) -> dict[str, str]:
    """Return the id of each name. A name keeps its id until it is erased."""
    wanted = dict.fromkeys(names)
    rows = {name: new_text(name, name=True) for name in wanted}
    kept = [row.text for row in rows.values()]
    known = _known(tx.conn, kept)
    insert_texts(
        tx,
        [row for row in sorted(rows.values(), key=lambda row: row.text) if row.text not in known],
    )
    # Read again, because another process may have inserted some of them first, under other salts.
    known = _known(tx.conn, kept)
    return {name: known[row.text] for name, row in rows.items()}


def read_texts(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Return the texts of these ids; one that was erased is missing."""
    wanted = [one for one in dict.fromkeys(ids) if one]
    found: dict[str, str] = {}
    for begin in range(0, len(wanted), IDS_A_STATEMENT_MAX):
        rows = conn.execute(_BY_ID, {"ids": wanted[begin : begin + IDS_A_STATEMENT_MAX]})
        found.update((row.id, row.text) for row in rows)
    return found


def erase(tx: Tx, ids: Collection[str], changes: Collection[str] = ()) -> int:
    """Erase texts for good, and return how many there were.

    Of these changes the copies are erased as well: the words of the search, stored answers and
    messages. Decisions and ledger entries stay as they are, because they hold only ids.
    """
    if changes:
        _erase_copies(tx, changes)
    return sum(
        tx.conn.execute(delete(schema.texts).where(_TEXTS.id.in_(some))).rowcount
        for some in _some(ids)
    )


def _erase_copies(tx: Tx, changes: Collection[str]) -> None:
    statements = _ERASE_WORDS if tx.is_postgres else _ERASE_INDEXED
    for some in _some(changes):
        tx.conn.execute(statements, {"changes": some})
        for table in (schema_work.idempotency, schema_work.outbox):
            tx.conn.execute(delete(table).where(table.c.change_id.in_(some)))


def _some(ids: Collection[str]) -> Iterator[list[str]]:
    """Yield the ids in lists that fit into one statement."""
    every = sorted(ids)
    for begin in range(0, len(every), IDS_A_STATEMENT_MAX):
        yield every[begin : begin + IDS_A_STATEMENT_MAX]


def _known(conn: Connection, names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for begin in range(0, len(names), IDS_A_STATEMENT_MAX):
        rows = conn.execute(_BY_NAME, {"names": names[begin : begin + IDS_A_STATEMENT_MAX]})
        found.update((row.name, row.id) for row in rows)
    return found
