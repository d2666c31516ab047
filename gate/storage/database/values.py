"""Between rows and values: a value has a field for each column of its query, in the same order."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Select

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


def first(conn: Connection, kind: Callable[..., T], query: Select[Any]) -> T | None:
    """Return the first row of a query as a value of this kind, or None."""
    row = conn.execute(query).first()
    return None if row is None else kind(*row)


def every(conn: Connection, kind: Callable[..., T], query: Select[Any]) -> tuple[T, ...]:
    """Return all rows of a query as such values. The query itself has to have a limit."""
    return tuple(kind(*row) for row in conn.execute(query))


def each(conn: Connection, kind: Callable[..., T], query: Select[Any]) -> Iterator[T]:
    """Yield the rows of a query as such values, however many they are."""
    for row in conn.execute(query):
        yield kind(*row)


def reader(kind: Callable[..., T]) -> Callable[[Iterable[Any]], T]:
    """Return a function that makes such a value of a row."""
    return lambda row: kind(*row)


def row_of(kind: type["DataclassInstance"]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that makes a row of such a value."""
    return attrgetter(*_names(kind))


def values_of(value: "DataclassInstance") -> dict[str, Any]:
    """Return the fields of a value by name, for columns of the same names."""
    return {name: getattr(value, name) for name in _names(type(value))}


@cache
def _names(kind: type["DataclassInstance"]) -> tuple[str, ...]:
    """Return the names of the fields, which every decision needs and no decision changes."""
    return tuple(field.name for field in fields(kind))
