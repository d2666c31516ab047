"""Pages of lists, and where each begins: opaque cursors of the caller who was given them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from sqlalchemy import Connection

from gate.flow.asks import Page, Part
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.storage.database import cursor, pages
from gate.storage.database.cursor import Position, fingerprint

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Query = TypeVar("Query", bound="DataclassInstance")
Item = TypeVar("Item")
ReadPage: TypeAlias = Callable[[Connection, Query, pages.Part], pages.Page[Item]]
"""Reads the items of one page that fit a query, ready to be shown."""

FIRST_PAGE = Part()


async def one_page(
    gate: Gate,
    query: Query,
    asked: Part,
    by: Caller,
    read: ReadPage[Query, Item],
    *,
    slowly: bool = False,
) -> Page[Item]:
    """One page of a list: at most `asked.limit` items after `asked.cursor`, and the cursor of the
    page after it.

    Every list is answered by this function, so that none is cut without a `next`. The query holds
    every filter, for the cursor is good for these filters alone. `slowly` is for pages that take
    long and must keep nobody else waiting. Raises `BadRequest` for a cursor of another caller, of
    another list, or of other filters.
    """
    part = pages.Part(asked.limit, position_of(gate, asked.cursor, query, by))
    reading = gate.store.read_slowly if slowly else gate.store.read
    found = await reading(read, query, part)
    return Page(found.rows, sealed(gate, found.next, query, by))


async def own_name(gate: Gate, environment: str | None) -> str | None:
    """What the environment is called in what was recorded: a filter may say any of its names, as a
    submit may.
    """
    return environment and (await gate.rulebooks.current()).catalogue.environment_named(environment)


def position_of(
    gate: Gate, given: str | None, query: "DataclassInstance", by: Caller
) -> Position | None:
    """The position of a cursor.

    Raises `BadRequest` for one of another caller, or of other filters.
    """
    if given is None:
        return None
    return cursor.unseal(gate.secrets.cursors, given, scope=by.caller, filters=fingerprint(query))


def sealed(
    gate: Gate, position: Position | None, query: "DataclassInstance", by: Caller
) -> str | None:
    """The cursor of a position; None at the end."""
    if position is None:
        return None
    return cursor.seal(
        gate.secrets.cursors, scope=by.caller, filters=fingerprint(query), position=position
    )
