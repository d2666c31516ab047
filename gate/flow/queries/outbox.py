"""What could not be delivered: an operator sees it, and has it sent again under its own id."""

from sqlalchemy import Connection

from gate.errors import NotFound
from gate.flow.answers.wire import instant
from gate.flow.asks import Page, Part, Wire
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.lists import FIRST_PAGE, one_page
from gate.storage.database import pages
from gate.storage.messages import letters
from gate.storage.messages.letters import DeadLetter, DeadLetterQuery, TargetHealth


async def targets(gate: Gate, by: Caller) -> list[Wire]:
    """How every target is."""
    _ = by  # admins see all of it
    return [_target_view(one) for one in await gate.store.read(letters.health)]


async def dead(gate: Gate, by: Caller, part: Part = FIRST_PAGE) -> Page[Wire]:
    """A page of the messages that were given up, newest first; never what stands in one."""
    return await one_page(gate, DeadLetterQuery(part.begins, part.ends), part, by, _page)


async def send_again(gate: Gate, message_id: str, by: Caller) -> None:
    """Have a dead message tried anew. Raises `NotFound` for one that is not dead."""
    _ = by
    if not await gate.store.write(letters.send_again, message_id):
        raise NotFound(
            f"there is no dead message {message_id[:64]}; GET /v1/outbox lists those that there are"
        )


def _page(conn: Connection, query: DeadLetterQuery, part: pages.Part) -> pages.Page[Wire]:
    found = letters.dead_letter_page(conn, query, part)
    return pages.Page(tuple(map(_view, found.rows)), found.next)


def _target_view(one: TargetHealth) -> Wire:
    return {
        "target": one.target,
        "waiting": one.waiting,
        "oldest_at": instant(one.oldest_at),
        "dead": one.dead,
    }


def _view(one: DeadLetter) -> Wire:
    return {
        "id": one.id,
        "target": one.target,
        "change": one.change_id,
        "at": instant(one.at),
        "dead_at": instant(one.dead_at),
        "attempts": one.attempts,
        "error": one.error,
    }
