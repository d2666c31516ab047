"""How the gate itself is: what it could not tell others, what it has not worked on, and whether it
may sign and write.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from gate.flow.answers.wire import instant
from gate.flow.asks import Wire
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook
from gate.storage.messages import inbox as inbox_table
from gate.storage.messages import upkeep as figures
from gate.storage.messages.inbox import GivenUp
from gate.storage.messages.upkeep import Waiting

GIVEN_UP_SHOWN = 20
"""Of the deliveries that were given up, so many of the newest are shown; the figures count all of
them."""


async def upkeep(gate: Gate, by: Caller) -> Wire:
    """Everything an operator looks at first.

    Every signed-in person reads it; no secret is in it.
    """
    _ = by
    book = await gate.rulebooks.current()
    outbox, inbox, given_up = await gate.store.read_slowly(_read)
    groups = book.catalogue.groups.values()
    trouble = gate.rulebooks.files_trouble
    return {
        "unready": list(await ready(gate)),
        "signing_key": await gate.signing.find() is not None,
        "single_sign_on": gate.single_sign_on is not None,
        "code_hosts": sorted(map(str, gate.hosts)),
        "outbox": _views(outbox),
        "inbox": _views(inbox),
        "given_up": [
            {
                "source": one.source,
                "kind": one.kind,
                "at": instant(one.at),
                "attempts": one.attempts,
                "error": one.error,
            }
            for one in given_up
        ],
        "policy_files": trouble and {"error": trouble.because, "since": instant(trouble.since)},
        "groups": [
            {
                "name": one.name,
                "people": [_named(book, person) for person in one.people],
                "sso": list(one.sso),
            }
            for one in groups
        ],
        "at": instant(gate.clock()),
    }


def _read(conn: Connection) -> tuple[tuple[Waiting, ...], tuple[Waiting, ...], tuple[GivenUp, ...]]:
    return figures.messages(conn), figures.told(conn), inbox_table.given_up(conn, GIVEN_UP_SHOWN)


def _named(book: Rulebook, person: str) -> Wire:
    return {"id": person, "name": book.catalogue.label_of(person)}


def _views(found: Iterable[Waiting]) -> list[Wire]:
    return [
        {
            "name": one.name,
            "waiting": one.waiting,
            "dead": one.dead,
            "oldest_at": instant(one.oldest_at),
            "error": one.error,
        }
        for one in found
    ]


async def ready(gate: Gate) -> list[str]:
    """Why this server cannot decide, empty when it can.

    A broken policy file is no reason: the last good set decides.
    """
    troubles = (await gate.store.unready(), gate.signing.stopped)
    return [trouble for trouble in troubles if trouble is not None]


async def lacking(gate: Gate) -> list[str]:
    """What an operator must mend although the gate decides: no load balancer should take the server
    out because of it.
    """
    problem = await gate.signing.problem()
    return [] if problem is None else [problem]
