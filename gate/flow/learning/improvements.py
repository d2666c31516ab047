"""Items of the register of improvements: a person tries something, and a figure of the gate says
what came of it.

The figure is read when the item begins and again for its due date, over times of the same length.
Without the second reading no item is closed. No decision reads an item.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import OWNERS_OF_LAST_RESORT, Catalogue
from gate.core.days import last_days
from gate.core.decision.places import unknown, unknown_names
from gate.core.facts import DECIMAL_UNIT
from gate.core.instants import clock, rfc3339
from gate.core.learning.improvements import Figure, Priority
from gate.errors import Conflict, Fault, Invalid, NotFound
from gate.flow.answers.delivery import ScoreAnswer
from gate.flow.answers.insights.improvement import ImprovementAnswer, improvement_answer
from gate.flow.caller import Caller, Person
from gate.flow.commands import Page, Part
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.identity.membership import as_of_now, require_one_of
from gate.flow.ids import new_id
from gate.flow.learning import proposals
from gate.flow.learning.scorecard import card
from gate.flow.lists import FIRST_PAGE, Whole, one_page
from gate.flow.rulebooks import Rulebooks
from gate.ledger.format import Kind
from gate.storage import texts
from gate.storage.database import pages
from gate.storage.database.tx import Tx
from gate.storage.figures import improvements, issues
from gate.storage.figures.improvements import OPEN_MAX, OPEN_OF_ONE_MAX, Improvement

COMPARED_DAYS_MAX = 30
"""The longest time that is compared; an item that is due sooner compares fewer days."""

DUE_MIN, DUE_MAX = timedelta(days=1), timedelta(days=366)

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ImprovementCommand:
    """What a person wants to try, who answers for it until when, and what it is measured by."""

    proposal: str | None
    service: str
    environment: str
    experiment: str
    owner: str
    priority: Priority
    due_at: datetime
    figure: Figure
    link: str | None = None


class _Reading(NamedTuple):
    value: int | None
    n: int


async def listing(gate: Gate, by: Caller, part: Part = FIRST_PAGE) -> Page[ImprovementAnswer]:
    """Return a page of the items, newest first, closed ones too."""
    return await one_page(gate, Whole("improvements"), part, by, _page)


async def add(gate: Gate, command: ImprovementCommand, by: Person) -> ImprovementAnswer:
    """Begin an item: read its figure now, and keep both.

    Raises `Invalid` for a name that the catalogue lacks, a due date that is too near or too far,
    and a figure that nothing was counted for; `Conflict` for a proposal that is gone or taken, and
    where too many items are open.
    """
    catalogue = (await gate.rulebooks.current()).catalogue
    environment = catalogue.environment_named(command.environment)
    command = replace(
        command, service=catalogue.service_named(command.service), environment=environment
    )
    now = gate.clock()
    _check(catalogue, command, now)
    if command.proposal is not None:
        await _require_proposed(gate, command)
    days = min((command.due_at - now) // _DAY, COMPARED_DAYS_MAX)
    found = await gate.store.read_slowly(_reading, catalogue, command, days, now)
    if found.value is None:
        raise Invalid(
            f"nothing was counted for {command.figure} of {command.service} in "
            f"{command.environment} in the last {days} days, so nothing could be put beside it "
            "later; name another figure"
        )
    return await gate.store.write(_add, command, days, found, by.caller)


async def postpone(gate: Gate, improvement: str, due_at: datetime, by: Person) -> ImprovementAnswer:
    """Set a later due date.

    Raises `Conflict` for an item that has its figure already: that one stays.
    """
    if due_at > gate.clock() + DUE_MAX:
        raise Invalid(f"the due date is more than {DUE_MAX.days} days ahead; name an earlier one")
    return await gate.store.write(_postpone, gate.rulebooks, improvement, due_at, by)


async def close(gate: Gate, improvement: str, finding: str, by: Person) -> ImprovementAnswer:
    """Close an item that has its figure, with one sentence of what was found.

    Raises `Conflict` before the due date, for a figure that nothing was counted for, and for an
    item that is closed.
    """
    item = await gate.store.read(improvements.read, improvement)
    if item is not None and item.after_at is None and item.due_at <= gate.clock():
        await _read_again(gate, item)
    return await gate.store.write(_close, gate.rulebooks, improvement, finding, by)


async def read_due(gate: Gate) -> None:
    """Read the figures of the items that are due."""
    for item in await gate.store.read(improvements.unread, gate.clock()):
        await _read_again(gate, item)


def _check(catalogue: Catalogue, command: ImprovementCommand, now: datetime) -> None:
    said = unknown_names(catalogue, command.service, command.environment)
    if said:
        raise Invalid(said[0])
    if command.owner not in catalogue.groups:
        detail = unknown("group", command.owner, catalogue.groups)
        raise Invalid(detail, faults=[Fault(detail, "#/owner")])
    if not now + DUE_MIN <= command.due_at <= now + DUE_MAX:
        detail = (
            f"found {clock(command.due_at)}, allowed is a due date from {DUE_MIN.days} to "
            f"{DUE_MAX.days} days ahead"
        )
        raise Invalid(detail, faults=[Fault(detail, "#/due_at")])


async def _require_proposed(gate: Gate, command: ImprovementCommand) -> None:
    found = {one.id: one for one in (await proposals.listing(gate)).proposals}
    proposed = found.get(command.proposal or "")
    if proposed is None:
        raise Conflict(
            f"{(command.proposal or '')[:200]} is not proposed now: its cause is gone, or an item "
            "of it is open; leave out `proposal` to write an item of your own"
        )
    if (proposed.service, proposed.environment) != (command.service, command.environment):
        raise Invalid(
            f"the proposal is about {proposed.service} in {proposed.environment}, not about "
            f"{command.service} in {command.environment}"
        )


async def _read_again(gate: Gate, item: Improvement) -> None:
    catalogue = (await gate.rulebooks.current()).catalogue
    found = await gate.store.read_slowly(_reading, catalogue, item, item.days, item.due_at)
    await gate.store.write(_keep_reading, item, found)


def _reading(
    conn: Connection,
    catalogue: Catalogue,
    about: ImprovementCommand | Improvement,
    days: int,
    ends: datetime,
) -> _Reading:
    """Return the figure over so many days before this instant, as the scorecard counts them."""
    place = (about.service, about.environment)
    found = card(conn, catalogue, place, last_days(days, ends), ends)
    parts = vars(found.flow) | vars(found.quality) | vars(found.stability)
    score: ScoreAnswer = parts[about.figure.value]
    value = None if score.value is None else round(score.value * DECIMAL_UNIT)
    return _Reading(value, score.n)


def _add(
    tx: Tx, command: ImprovementCommand, days: int, found: _Reading, by: str
) -> ImprovementAnswer:
    if improvements.count_open(tx.conn) >= OPEN_MAX:
        raise Conflict(f"{OPEN_MAX} items are open, allowed are {OPEN_MAX}; close one first")
    if improvements.count_open(tx.conn, by) >= OPEN_OF_ONE_MAX:
        raise Conflict(
            f"{OPEN_OF_ONE_MAX} items that you began are open, allowed are {OPEN_OF_ONE_MAX}; "
            "close one first, or have somebody else begin this one"
        )
    if command.proposal in improvements.taken(tx.conn):
        raise Conflict(f"an item of {command.proposal} is open already; GET /v1/improvements")
    experiment = texts.keep_text(tx, command.experiment)
    item = Improvement(
        id=new_id("imp", tx.now),
        proposal=command.proposal,
        experiment=experiment,
        owner=command.owner,
        priority=command.priority,
        link=command.link,
        service=command.service,
        environment=command.environment,
        figure=command.figure,
        days=days,
        before_value=found.value or 0,
        before_n=found.n,
        due_at=command.due_at,
        after_value=None,
        after_n=None,
        after_at=None,
        created_at=tx.now,
        created_by=by,
    )
    improvements.add(tx, item)
    append(tx, item, "begun", by=by, reason=experiment, value=item.before_value)
    return answer(tx.conn, item)


def _postpone(
    tx: Tx, books: Rulebooks, improvement: str, due_at: datetime, by: Person
) -> ImprovementAnswer:
    item = owned(tx, books, improvement, by)
    if due_at <= item.due_at:
        raise Invalid(
            f"found {clock(due_at)}, allowed is a due date after {clock(item.due_at)}: an item "
            "is never measured sooner than its author said"
        )
    if not improvements.postpone(tx, item, due_at):
        raise Conflict(f"{item.id} has its figure, or is closed; begin another item")
    postponed = _known(tx, improvement)
    append(tx, postponed, "postponed", by=by.caller)
    return answer(tx.conn, postponed)


def _close(
    tx: Tx, books: Rulebooks, improvement: str, finding: str, by: Person
) -> ImprovementAnswer:
    item = owned(tx, books, improvement, by)
    found = texts.keep_text(tx, finding)
    if not improvements.close(tx, improvement, found, by.caller):
        raise Conflict(_not_closed(item))
    issues.stop(tx, improvement)
    closed = _known(tx, improvement)
    append(tx, closed, "closed", by=by.caller, reason=found)
    return answer(tx.conn, closed)


def _not_closed(item: Improvement) -> str:
    if item.closed_at is not None:
        return f"{item.id} is closed already"
    if item.after_at is None:
        return f"{item.figure} is read again on {clock(item.due_at)}; without it no item is closed"
    return (
        f"nothing was counted for {item.figure} before {clock(item.due_at)}, so there is nothing "
        "to put beside the figure of the beginning; set a later due date"
    )


def _keep_reading(tx: Tx, item: Improvement, found: _Reading) -> None:
    """Keep a figure that the gate itself has read, so the entry names nobody."""
    if improvements.keep_reading(tx, item, found.value, found.n):
        append(tx, item, "measured", value=found.value)


def append(tx: Tx, item: Improvement, action: str, **fields: object) -> None:
    """Append what happened to an item to the ledger."""
    append_entry(
        tx,
        Kind.IMPROVEMENT,
        None,
        improvement=item.id,
        action=action,
        service=item.service,
        environment=item.environment,
        owner=item.owner,
        figure=item.figure.value,
        due_at=rfc3339(item.due_at),
        **fields,
    )


def owned(tx: Tx, books: Rulebooks, improvement: str, by: Person) -> Improvement:
    """Return the item. Raises `NotFound`, and `NotAllowed` for whoever does not answer for it now:
    a person may have left a group since the request began.
    """
    item = _known(tx, improvement)
    now = as_of_now(tx.conn, by, books.in_force(tx).catalogue)
    require_one_of(dict.fromkeys((item.owner, OWNERS_OF_LAST_RESORT)), now, "change this item")
    return item


def _known(tx: Tx, improvement: str) -> Improvement:
    item = improvements.read(tx.conn, improvement)
    if item is None:
        raise NotFound(
            f"there is no improvement {improvement[:64]}; GET /v1/improvements lists them"
        )
    return item


def _page(conn: Connection, part: pages.Part) -> pages.Page[ImprovementAnswer]:
    found = improvements.improvement_page(conn, part)
    return pages.Page(_answers(conn, found.rows), found.next)


def answer(conn: Connection, item: Improvement) -> ImprovementAnswer:
    """Return an item as it is shown."""
    (answer,) = _answers(conn, [item])
    return answer


def _answers(conn: Connection, items: Sequence[Improvement]) -> tuple[ImprovementAnswer, ...]:
    wanted = [one for item in items for one in (item.experiment, item.finding) if one]
    said = texts.read_texts(conn, wanted)
    followed = issues.of_items(conn, [item.id for item in items])
    return tuple(improvement_answer(item, said, followed.get(item.id)) for item in items)
