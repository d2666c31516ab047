"""Types of columns: what a value is in Python, and what the database keeps of it.

They convert on the way in and on the way out, so no function of `storage` does it by hand. A
statement that goes to the driver as text passes them by and has to do with what the database keeps;
`storage/database/` says which these are.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType, UnionType
from typing import TYPE_CHECKING, Any, get_args

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Dialect,
    SmallInteger,
    Text,
    TypeDecorator,
    literal_column,
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
        """Only an instant is bound as one: a number that is added to a column stays a number."""
        return self if isinstance(value, datetime) else BigInteger()

    def process_bind_param(self, value: datetime | None, _: Dialect) -> int | None:
        """As it is kept."""
        return optional_us(value)

    def process_result_value(self, value: int | None, _: Dialect) -> datetime | None:
        """In UTC."""
        return optional_instant(value)


class Span(TypeDecorator[timedelta]):
    """A length of time, kept as whole microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, _: Dialect) -> int | None:
        """As it is kept."""
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: int | None, _: Dialect) -> timedelta | None:
        """The way back."""
        return None if value is None else value * _MICROSECOND


class Word(TypeDecorator[Any]):
    """One of a few words of our own: a member of an enum, kept as its text."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[Enum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: object, _: Dialect) -> Any:
        """As it is kept; a text that is none of our words is refused."""
        return None if value is None else self.words(value).value

    def process_result_value(self, value: object, _: Dialect) -> Any:
        """The way back."""
        return None if value is None else self.words(value)


class Rank(Word):
    """A word whose members are ordered: kept as a number."""

    impl = SmallInteger  # type: ignore[assignment] # the same enum in another form
    cache_ok = True


class Json(TypeDecorator[Any]):
    """A value that the database only keeps: JSON text, which these two functions write and read."""

    impl = Text
    cache_ok = True

    def __init__(self, write: Callable[[Any], str | None], read: Callable[[str], Any]) -> None:
        super().__init__()
        self.write = write
        self.read = read

    def process_bind_param(self, value: object, _: Dialect) -> str | None:
        """As it is kept."""
        return None if value is None else self.write(value)

    def process_result_value(self, value: str | None, _: Dialect) -> Any:
        """The way back."""
        return None if value is None else self.read(value)


def equals(column: ColumnElement[Any], value: object) -> ColumnElement[bool]:
    """The column has this value. One of our own few words is written into the text of the query.

    A bound value would hide a partial index from SQLite, whose condition the text has to name.
    PostgreSQL keeps one plan for all values, and would not know that of these words one is
    everywhere and another rare.
    """
    if not isinstance(value, Enum):
        return column == value
    written = f"'{value.value}'" if isinstance(value, str) else str(value.value)
    return column == literal_column(written)


def kept(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column as the database keeps it, without any conversion."""
    return type_coerce(column, kept_type(column))


def keeps(column: ColumnElement[Any]) -> Callable[[Any], Any] | None:
    """Return the function that makes of a value what the database keeps, for statements that go to
    the driver as text; None where it keeps the value itself.
    """
    kind = column.type
    if isinstance(kind, TypeDecorator):
        return lambda value: kind.process_bind_param(value, _EITHER)
    return None


def kept_type(column: ColumnElement[Any]) -> TypeEngine[Any]:
    """The type of what the database keeps in this column."""
    if isinstance(column.type, TypeDecorator):
        return column.type.impl_instance
    return column.type


def _write(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _read_texts(text: str) -> tuple[str, ...]:
    return tuple(orjson.loads(text))


def _write_set(texts: frozenset[str]) -> str:
    return _write(sorted(texts))


def _read_set(text: str) -> frozenset[str]:
    return frozenset(orjson.loads(text))


TEXTS = Json(_write, _read_texts)
"""Some texts in their order: a tuple."""

TEXT_SET = Json(_write_set, _read_set)
"""Some texts, each once, in any order: a frozenset."""

NAMED_TEXTS = Json(_write, orjson.loads)
"""A text of each name: a dictionary."""

_TYPES: Mapping[object, type[TypeEngine[Any]] | TypeEngine[Any]] = MappingProxyType(
    {
        str: Text,
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
