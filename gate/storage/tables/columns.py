"""Types of columns, which convert between Python values and what the database stores.

They convert both ways, so no function of `storage` does it by hand. A statement that goes to the
driver as text bypasses them and deals with stored values; `storage/database/` says which these are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, get_args

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Dialect,
    LargeBinary,
    SmallInteger,
    Text,
    TypeDecorator,
    and_,
    literal_column,
    tuple_,
    type_coerce,
)
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.types import TypeEngine

from gate.core.decision.record import read_hold, write_hold
from gate.core.decision.values import Hold
from gate.core.instants import optional_instant, optional_us
from gate.storage.tables.packed import Packed

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_MICROSECOND = timedelta(microseconds=1)

_EITHER = DefaultDialect()
"""Both databases keep the same, so none of our types asks which one it is."""


class Instant(TypeDecorator[datetime]):
    """An instant with a zone, kept as whole microseconds since 1970: exact, and compared as a
    number on both databases.
    """

    impl = BigInteger
    cache_ok = True

    def coerce_compared_value(self, _: Any, value: object) -> TypeEngine[Any]:
        """Return this type for an instant. A number that is added to a column stays a number."""
        return self if isinstance(value, datetime) else BigInteger()

    def process_bind_param(self, value: datetime | None, _: Dialect) -> int | None:
        """Return the instant as the stored number."""
        return optional_us(value)

    def process_result_value(self, value: int | None, _: Dialect) -> datetime | None:
        """Return the stored number as an instant in UTC."""
        return optional_instant(value)


class Span(TypeDecorator[timedelta]):
    """A length of time, kept as whole microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, _: Dialect) -> int | None:
        """Return the duration as the stored number."""
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: int | None, _: Dialect) -> timedelta | None:
        """Return the stored number as a duration."""
        return None if value is None else value * _MICROSECOND


class Word(TypeDecorator[Any]):
    """One of a few words of our own: a member of an enum, kept as its text."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[Enum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: object, _: Dialect) -> Any:
        """Return the stored word. A value that is none of the words raises."""
        return None if value is None else self.words(value).value

    def process_result_value(self, value: object, _: Dialect) -> Any:
        """Return the stored word as a member of its enumeration."""
        return None if value is None else self.words(value)


class Rank(Word):
    """A word whose members are ordered: kept as a number."""

    impl = SmallInteger  # type: ignore[assignment] # the same enum in another form
    cache_ok = True


class Digest(TypeDecorator[str]):
    """A SHA-256 in hexadecimal digits, kept as its 32 bytes, which are half as long."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> bytes | None:
        """Return the bytes of the digest."""
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: Any, _: Dialect) -> Any:
        """Return the digest in digits; what somebody put in its place is returned as it is."""
        return value.hex() if isinstance(value, bytes) else value


Sha256: TypeAlias = Annotated[str, "SHA-256 in hexadecimal digits"]
"""What a field of a row says that becomes a column of `Digest`."""


class Json(TypeDecorator[Any]):
    """A value that the database only keeps: JSON text, which these two functions write and read."""

    impl = Text
    cache_ok = True

    def __init__(self, write: Callable[[Any], str | None], read: Callable[[str], Any]) -> None:
        super().__init__()
        self.write = write
        self.read = read

    def process_bind_param(self, value: object, _: Dialect) -> str | None:
        """Return the value as stored JSON."""
        return None if value is None else self.write(value)

    def process_result_value(self, value: str | None, _: Dialect) -> Any:
        """Return the value of stored JSON."""
        return None if value is None else self.read(value)


def equals(column: ColumnElement[Any], value: object) -> ColumnElement[bool]:
    """Return a condition that the column has this value. A member of an enumeration is written into
    the query as text.

    A bound value would keep SQLite from using a partial index, whose condition the text has to
    name. PostgreSQL keeps one plan for all values, and would not know that one word is frequent and
    another rare.
    """
    if not isinstance(value, Enum):
        return column == value
    written = f"'{value.value}'" if isinstance(value, str) else str(value.value)
    return column == literal_column(written)


def among(
    columns: Sequence[ColumnElement[Any]], rows: Sequence[Sequence[object]]
) -> ColumnElement[bool]:
    """Return a condition that the columns together have the values of one of these rows.

    SQLite finds rows of values by no index and would read the whole table, so each column is
    compared by itself, too.
    """
    each = (
        column.in_(list(dict.fromkeys(values)))
        for column, values in zip(columns, zip(*rows, strict=True), strict=True)
    )
    return and_(*each, tuple_(*columns).in_([tuple(row) for row in rows]))


def as_stored(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the column as the database stores it, without conversion."""
    return type_coerce(column, stored_type(column))


def to_stored(column: ColumnElement[Any]) -> Callable[[Any], Any] | None:
    """Return the function that makes of a value what the database stores, for statements that go to
    the driver as text; None where it stores the value itself.
    """
    kind = column.type
    if isinstance(kind, TypeDecorator):
        return lambda value: kind.process_bind_param(value, _EITHER)
    return None


def stored_type(column: ColumnElement[Any]) -> TypeEngine[Any]:
    """Return the type of the stored value of this column."""
    if isinstance(column.type, TypeDecorator):
        return column.type.impl_instance
    return column.type


def write_json(value: object) -> str:
    """Return texts as JSON, in the one form in which the database keeps and compares them."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _read_texts(text: str) -> tuple[str, ...]:
    return tuple(orjson.loads(text))


def _write_set(texts: frozenset[str]) -> str:
    return write_json(sorted(texts))


def _read_set(text: str) -> frozenset[str]:
    return frozenset(orjson.loads(text))


TEXTS = Json(write_json, _read_texts)
"""Some texts in their order: a tuple."""

TEXT_SET = Json(_write_set, _read_set)
"""Some texts, each once, in any order: a frozenset."""

NAMED_TEXTS = Json(write_json, orjson.loads)
"""A text of each name: a dictionary."""

_TYPES: Mapping[object, type[TypeEngine[Any]] | TypeEngine[Any]] = MappingProxyType(
    {
        str: Text,
        Sha256: Digest,
        int: BigInteger,
        bool: Boolean,
        bytes: Packed,
        datetime: Instant,
        timedelta: Span,
        tuple[str, ...]: TEXTS,
        Hold: Json(write_hold, read_hold),
    }
)


def columns_of(value: type["DataclassInstance"]) -> list[Column[Any]]:
    """Return a column for each field of a value: of its type, and nullable where it may be None."""
    return [_column(field.name, field.type) for field in fields(value)]


def _column(name: str, kind: Any) -> Column[Any]:
    nullable = isinstance(kind, UnionType)
    if nullable:
        # A type or None; there is no other union in a row.
        kind, _ = get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Column(name, Rank(kind) if issubclass(kind, int) else Word(kind), nullable=nullable)
    return Column(name, _TYPES[kind], nullable=nullable)
