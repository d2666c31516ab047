"""Pages of lists, and cursors that are valid only for the caller to whom they were given."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sqlalchemy import Connection

from gate.flow.caller import Caller
from gate.flow.commands import Page, Part
from gate.flow.gate import Gate
from gate.storage.database import cursor, pages
from gate.storage.database.cursor import Position, fingerprint

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Filters = TypeVar("Filters", bound="DataclassInstance")
Item = TypeVar("Item")
ReadPage: TypeAlias = Callable[[Connection, pages.Part], pages.Page[Item]]
"""Reads the items of one page, ready to be shown."""

FIRST_PAGE = Part()


@dataclass(frozen=True, slots=True)
class Whole:
    """A list without filters, and whose it is: such as the decisions of one change."""

    name: str
    of: str | None = None


async def one_page(
    gate: Gate,
    filters: "DataclassInstance",
    asked: Part,
    by: Caller,
    read: ReadPage[Item],
    *,
    slowly: bool = False,
) -> Page[Item]:
    """Return one page: at most `asked.limit` items after `asked.cursor`, and the cursor of the next
    page.

    Every list is answered by this function, so that none is cut without a `next`. The cursor is
    valid only with these filters, which `read` has too. `slowly` is for pages that take long and
    must keep nobody else waiting. Raises `BadRequest` for a cursor of another caller, list or
    filters.
    """
    part = part_of(gate, filters, asked, by)
    reading = gate.store.read_slowly if slowly else gate.store.read
    found = await reading(read, part)
    return Page(found.rows, sealed(gate, filters, asked, found.next, by))


async def by_own_name(gate: Gate, filters: Filters) -> Filters:
    """Return the filters with the environment under its own name in the catalogue.

    A filter may give any of its names, as a submit may, but records hold the own one.
    """
    named: Any = filters
    if named.environment is None:
        return filters
    catalogue = (await gate.rulebooks.current()).catalogue
    return replace(filters, environment=catalogue.environment_named(named.environment))


def part_of(gate: Gate, filters: "DataclassInstance", asked: Part, by: Caller) -> pages.Part:
    """Return the part of the list that is requested.

    Raises `BadRequest` for a cursor of another caller or of other filters.
    """
    position = None
    if asked.cursor is not None:
        position = cursor.unseal(
            gate.secrets.cursors,
            asked.cursor,
            scope=by.caller,
            filters=fingerprint(filters, asked.begins, asked.ends),
        )
    return pages.Part(asked.limit, position, asked.begins, asked.ends)


def sealed(
    gate: Gate,
    filters: "DataclassInstance",
    asked: Part,
    position: Position | None,
    by: Caller,
) -> str | None:
    """Return the cursor of a position, or None at the end."""
    if position is None:
        return None
    return cursor.seal(
        gate.secrets.cursors,
        scope=by.caller,
        filters=fingerprint(filters, asked.begins, asked.ends),
        position=position,
    )
