"""The messages that could not be delivered. An operator lists them, and has them sent again under
their own ids.
"""

from sqlalchemy import Connection

from gate.errors import NotFound
from gate.flow.answers.outbox import DeadLetterAnswer, OutboxAnswer, TargetAnswer
from gate.flow.caller import Caller
from gate.flow.commands import Part
from gate.flow.gate import Gate
from gate.flow.lists import FIRST_PAGE, Whole, one_page
from gate.storage.database import pages
from gate.storage.messages import dead_letters
from gate.storage.messages.dead_letters import DeadLetter, TargetHealth


async def outbox(gate: Gate, by: Caller, part: Part = FIRST_PAGE) -> OutboxAnswer:
    """Return the health of every target, and a page of the messages that were given up, newest
    first.

    The content of a message is never part of the answer.
    """
    page = await one_page(gate, Whole("dead letters"), part, by, _page)
    health = await gate.store.read(dead_letters.health)
    return OutboxAnswer(page.items, page.next, tuple(map(_target, health)))


async def send_again(gate: Gate, message_id: str) -> None:
    """Queue a dead message for delivery again. Raises `NotFound` for a message that is not dead."""
    if not await gate.store.write(dead_letters.send_again, message_id):
        raise NotFound(
            f"there is no dead message {message_id[:64]}; GET /v1/outbox lists those that there are"
        )


def _page(conn: Connection, part: pages.Part) -> pages.Page[DeadLetterAnswer]:
    found = dead_letters.dead_letter_page(conn, part)
    return pages.Page(tuple(map(_letter, found.rows)), found.next)


def _target(one: TargetHealth) -> TargetAnswer:
    return TargetAnswer(one.target, one.waiting, one.oldest_at, one.dead)


def _letter(one: DeadLetter) -> DeadLetterAnswer:
    return DeadLetterAnswer(
        id=one.id,
        target=one.target,
        change=one.change_id,
        at=one.at,
        dead_at=one.dead_at,
        attempts=one.attempts,
        error=one.error,
    )
