"""What could not be delivered: an operator sees it, and has it sent again under its own id."""

from gate.errors import NotFound
from gate.flow.answers.wire import instant
from gate.flow.asks import Wire
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.storage.messages import letters
from gate.storage.messages.letters import DeadLetter

SHOWN_MAX = 200


async def state(gate: Gate, by: Caller) -> Wire:
    """How every target is, and the newest messages that were given up; never what stands in one."""
    _ = by  # admins see all of it
    health = await gate.store.read(letters.health)
    dead = await gate.store.read(letters.dead_letters, limit=SHOWN_MAX)
    targets = [{"target": one.target, "waiting": one.waiting, "oldest_at": instant(one.oldest_at), "dead": one.dead} for one in health]
    return {"targets": targets, "dead": [_view(one) for one in dead]}


async def send_again(gate: Gate, message_id: str, by: Caller) -> None:
    """Have a dead message tried anew. Raises `NotFound` for one that is not dead."""
    _ = by
    if not await gate.store.write(letters.send_again, message_id):
        raise NotFound(f"there is no dead message {message_id[:64]}; GET /v1/outbox lists those that there are")


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
