"""The chat gets the pack of every week once, whichever replica looks first.

After a time in which no replica ran, it gets that of the last week that is over, and none of those
before: nobody holds their meetings any more.
"""

from functools import partial

import orjson

from gate.core.learning.weeks import WeeklyTime
from gate.core.messages.digest import Digest
from gate.core.messages.outgoing import Message
from gate.flow.connections import Chore
from gate.flow.gate import Gate
from gate.flow.learning import weeks
from gate.flow.learning.week_in_words import digest
from gate.flow.learning.weeks import WeekQuery
from gate.storage.database.tx import Tx
from gate.storage.messages import reminders
from gate.storage.messages.outbox import queue_messages

TARGET = "slack:weekly"
EVERY_SECONDS = 60.0


def chore(time: WeeklyTime) -> Chore:
    """Return the chore that posts the pack at this time of the week."""
    return Chore("weekly pack", EVERY_SECONDS, partial(post_due, time=time))


async def post_due(gate: Gate, time: WeeklyTime) -> None:
    """Put the pack of the week before into the outbox, if the time has come and none did."""
    zone = (await gate.rulebooks.current()).calendar.zone
    week = time.newest(gate.clock(), zone).before.name
    if not await gate.store.read(reminders.is_posted, week):
        await gate.store.write(_post, week)


async def read_pack(gate: Gate, message: Message) -> Digest:
    """Return what the message says. The week is over, so every attempt says the same."""
    week = str(orjson.loads(message.body)["week"])
    return digest(await weeks.pack(gate, WeekQuery(week)), gate.base_url)


def _post(tx: Tx, week: str) -> None:
    """The row and the message are of one transaction, so neither is there without the other."""
    if reminders.take_week(tx, week):
        queue_messages(tx, TARGET, [(None, orjson.dumps({"week": week}))])
