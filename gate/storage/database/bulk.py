"""Many rows into one table with few statements, whose texts are made once.

PostgreSQL takes all rows as one JSON list, which costs the program nothing but the list. SQLite's
JSON functions cost three times the insert, so there the rows are bound as they are, in statements
of up to 32 rows: few, because the driver releases the GIL at each
(docs/explanation/threads-and-the-gil.md).
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from itertools import chain

import orjson
from sqlalchemy import Table
from sqlalchemy.sql.sqltypes import BigInteger, Boolean, Integer, LargeBinary, SmallInteger, Text

from gate.storage.database.tx import Tx
from gate.storage.tables.columns import stored_type, to_stored

ROWS_A_STATEMENT = (32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""Half-way steps between the powers of two save a quarter of the statements; a statement for every
number would fill the cache."""

_POSTGRES_VALUE = (
    (Text, "r->>{k}"),
    (LargeBinary, "decode(r->>{k}, 'base64')"),
    (Boolean, "(r->>{k})::boolean"),
    (SmallInteger, "(r->>{k})::smallint"),
    (BigInteger, "(r->>{k})::bigint"),
    (Integer, "(r->>{k})::integer"),
)


class Chunks:
    """A statement of SQLite for any number of rows; `text` makes it from the placeholders of
    some.
    """

    def __init__(self, columns: int, text: Callable[[str], str]) -> None:
        row = f"({', '.join('?' * columns)})"
        self._statements = [(size, text(", ".join([row] * size))) for size in ROWS_A_STATEMENT]

    def run(self, tx: Tx, rows: Sequence[tuple[object, ...]]) -> None:
        """Execute it for all rows, in their order."""
        begin, left = 0, len(rows)
        for size, statement in self._statements:
            while left >= size:
                tx.execute(statement, list(chain.from_iterable(rows[begin : begin + size])))
                begin += size
                left -= size


class Bulk:
    """INSERT into one table. `tail` is what follows the rows: ON CONFLICT …

    A row has a value for each column; what the database keeps of it is for the column's type to
    say.

    With `words` each row has one value more, words between blanks, for a column that only
    PostgreSQL has.
    """

    def __init__(
        self, table: Table, columns: Sequence[str], *, tail: str = "", words: bool = False
    ) -> None:
        names = [f'"{name}"' for name in columns]
        values = [_postgres_value(table, name, k) for k, name in enumerate(columns)]
        converted = [(k, to_stored(table.c[name])) for k, name in enumerate(columns)]
        self._to_stored = [(k, convert) for k, convert in converted if convert is not None]
        into = f"INSERT INTO {table.name} ({', '.join(names)})"
        self._sqlite = Chunks(len(columns), lambda rows: f"{into} VALUES {rows} {tail}")
        if words:
            names.append("words")
            values.append(f"r->>{len(columns)}")
        self._postgres = (
            f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(values)} "  # noqa: S608 - names of our own schema
            f"FROM jsonb_array_elements(%s::jsonb) AS r {tail}"
        )

    def insert(self, tx: Tx, rows: Sequence[tuple[object, ...]]) -> None:
        """Insert all rows, or raise the error of the first one that the table refuses."""
        if not rows:
            return
        if self._to_stored:
            rows = [self._stored(row) for row in rows]
        if tx.is_postgres:
            tx.execute(self._postgres, (as_json(rows),))
        else:
            self._sqlite.run(tx, rows)

    def _stored(self, row: tuple[object, ...]) -> tuple[object, ...]:
        stored = list(row)
        for k, convert in self._to_stored:
            # Every type stores None as it is.
            if stored[k] is not None:
                stored[k] = convert(stored[k])
        return tuple(stored)


def as_json(rows: Sequence[tuple[object, ...]]) -> str:
    """Return rows as a JSON list of lists."""
    return orjson.dumps(rows, default=_plain).decode()


def _postgres_value(table: Table, name: str, k: int) -> str:
    kind = stored_type(table.c[name])
    return next(
        template.format(k=k) for known, template in _POSTGRES_VALUE if isinstance(kind, known)
    )


def _plain(value: object) -> object:
    """Return what orjson cannot write by itself, as something it can: bytes and named tuples."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, tuple):
        return tuple(value)
    raise TypeError(f"a row holds a {type(value).__name__}")
