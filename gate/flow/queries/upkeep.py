"""The health of the gate itself: messages that are not delivered, deliveries that are not
processed, and whether it can sign and write.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Group
from gate.core.change import State
from gate.flow.answers.upkeep import (
    FilesAnswer,
    GivenUpAnswer,
    GroupAnswer,
    NamedAnswer,
    UpkeepAnswer,
    WaitingAnswer,
)
from gate.flow.gate import Gate
from gate.flow.rulebooks import Rulebook
from gate.storage.changes import waiting
from gate.storage.messages import inbox as inbox_table
from gate.storage.messages import upkeep as figures
from gate.storage.messages.inbox import GivenUp
from gate.storage.messages.upkeep import Waiting

GIVEN_UP_SHOWN = 20
"""The most deliveries given up that are shown, newest first; the figures count all of them."""


async def upkeep(gate: Gate) -> UpkeepAnswer:
    """Return everything an operator looks at first.

    Every signed-in person may read it, because no secret is in it.
    """
    book = await gate.rulebooks.current()
    outbox, inbox, given_up = await gate.store.read_slowly(_read)
    trouble = gate.rulebooks.files_trouble
    return UpkeepAnswer(
        unready=tuple(await ready(gate)),
        signing_key=await gate.signing.find() is not None,
        single_sign_on=gate.single_sign_on is not None,
        code_hosts=tuple(sorted(map(str, gate.hosts))),
        outbox=_waiting(outbox),
        inbox=_waiting(inbox),
        given_up=tuple(
            GivenUpAnswer(one.source, one.kind, one.at, one.attempts, one.error) for one in given_up
        ),
        policy_files=FilesAnswer(trouble.because, trouble.since) if trouble else None,
        groups=tuple(_group(book, one) for one in book.catalogue.groups.values()),
        at=gate.clock(),
    )


def _read(conn: Connection) -> tuple[tuple[Waiting, ...], tuple[Waiting, ...], tuple[GivenUp, ...]]:
    return (
        figures.messages(conn),
        figures.incoming(conn),
        inbox_table.given_up(conn, GIVEN_UP_SHOWN),
    )


def _group(book: Rulebook, group: Group) -> GroupAnswer:
    people = tuple(NamedAnswer(one, book.catalogue.label_of(one)) for one in group.people)
    return GroupAnswer(group.name, people, tuple(group.sso))


def _waiting(found: Iterable[Waiting]) -> tuple[WaitingAnswer, ...]:
    return tuple(
        WaitingAnswer(one.name, one.waiting, one.dead, one.oldest_at, one.error) for one in found
    )


async def measure(gate: Gate) -> None:
    """Update the metrics of changes that wait."""
    now = gate.clock()
    found = await gate.store.read_slowly(waiting.counted)
    nobody = (0, now)
    gate.metrics.changes(
        {
            state: (count, max((now - oldest).total_seconds(), 0.0))
            for state in (State.PENDING.value, waiting.HELD)
            for count, oldest in (found.get(state, nobody),)
        }
    )


async def ready(gate: Gate) -> list[str]:
    """Return why this server cannot decide. The list is empty if it can.

    A broken policy file is no reason, because the last good set still decides.
    """
    troubles = (await gate.store.unready(), gate.signing.stopped)
    return [trouble for trouble in troubles if trouble is not None]


async def lacking(gate: Gate) -> list[str]:
    """Return what an operator must mend although the gate can decide.

    These problems are no reason for a load balancer to take the server out.
    """
    problem = await gate.signing.problem()
    return [] if problem is None else [problem]
