"""Where a page of a list begins and ends, as opaque cursors of the caller who was given them."""

from typing import TYPE_CHECKING

from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.storage.database import cursor
from gate.storage.database.cursor import Position, fingerprint

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


async def own_name(gate: Gate, environment: str | None) -> str | None:
    """What the environment is called in what was recorded: a filter may say any of its names, as a submit may."""
    return environment and (await gate.rulebooks.current()).catalogue.environment_named(environment)


def position_of(gate: Gate, given: str | None, query: "DataclassInstance", by: Caller) -> Position | None:
    """The position of a cursor. Raises `BadRequest` for one of another caller, or of other filters."""
    if given is None:
        return None
    return cursor.unseal(gate.secrets.cursors, given, scope=by.caller, filters=fingerprint(query))


def sealed(gate: Gate, position: Position | None, query: "DataclassInstance", by: Caller) -> str | None:
    """The cursor of a position; None at the end."""
    if position is None:
        return None
    return cursor.seal(gate.secrets.cursors, scope=by.caller, filters=fingerprint(query), position=position)
