"""The queue of a person: changes that need the person's approval, that wait for others, that are
held, and that are decided.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import TypeAlias

from sqlalchemy import Connection

from gate.core.change import WAITING
from gate.core.decision.values import Band, ChangeType
from gate.core.instants import from_us, to_us
from gate.errors import BadRequest
from gate.flow.answers.queue import FacetCount, QueueAnswer, QueueItem
from gate.flow.answers.reasons import against, explained, freeze_named
from gate.flow.caller import Person
from gate.flow.changes.known import Known, know_all
from gate.flow.commands import PAGE_ITEMS_DEFAULT, Part
from gate.flow.gate import Gate
from gate.flow.lists import part_of, sealed
from gate.flow.queries.waiting_list import Waiting, WaitingList, after
from gate.flow.queries.withdrawn import Withdrawal, withdrawals
from gate.flow.rulebooks import Rulebooks
from gate.storage.changes import change_list, changes
from gate.storage.changes.change_list import ChangeFilters
from gate.storage.database import pages
from gate.storage.database.cursor import Position

DECIDED_COUNTED_MAX = 99
SEARCHED_MAX = 500
"""The most changes with the searched words that are looked at, newest first."""

FACETS_SHOWN = 6
"""The most values of one kind that are offered as filters."""

_REASONS_SHOWN = 4
_DIGITS_MAX = 17


class Tab(StrEnum):
    """The parts of the queue."""

    MINE = "mine"
    OTHERS = "others"
    HELD = "held"
    DECIDED = "decided"


@dataclass(frozen=True, slots=True)
class QueueFilters:
    """The filters of the queue. None means any value, and every word of `words` must occur."""

    tab: Tab = Tab.MINE
    service: str | None = None
    environment: str | None = None
    type: ChangeType | None = None
    band: Band | None = None
    words: str = ""
    # The beginning of a commit.
    commit: str = ""
    after: str | None = None
    limit: int = PAGE_ITEMS_DEFAULT


async def queue(
    gate: Gate, waiting_list: WaitingList, filters: QueueFilters, by: Person
) -> QueueAnswer:
    """Return one page of one part of the queue, with the number of changes in each part."""
    waiting = _fitting(await waiting_list.waiting(), filters)
    if filters.words or filters.commit:
        having = await gate.store.read_slowly(_having_words, _having(filters), gate.clock())
        waiting = [one for one in waiting if one.id in having]
    parts = _parts(waiting, by)
    counts: dict[str, int] = {tab.value: len(found) for tab, found in parts.items()}
    query = replace(_having(filters), settled=True, type=filters.type, band=filters.band)
    counts[Tab.DECIDED.value] = await gate.store.read(_count_settled, query, gate.clock())
    if filters.tab is Tab.DECIDED:
        items, following = await _decided(gate, query, filters, by)
    else:
        items, following = await _waiting(gate, parts[filters.tab], filters, by)
    facets = _facets(parts.get(filters.tab, ()))
    return QueueAnswer(filters.tab.value, counts, tuple(items), facets, following, gate.clock())


def _facets(found: Sequence[Waiting]) -> tuple[FacetCount, ...]:
    """Return the values by which this part can be filtered, the most frequent first."""
    counted: dict[str, Counter[str]] = {
        "is": Counter(map(attrgetter("band.word"), found)),
        "environment": Counter(map(attrgetter("environment"), found)),
        "service": Counter(map(attrgetter("service"), found)),
    }
    return tuple(
        FacetCount(name, value, changes)
        for name, values in counted.items()
        for value, changes in values.most_common(FACETS_SHOWN)
    )


def tab_of(one: Waiting, by: Person) -> Tab:
    """Return the part of the queue where this person looks for the change first.

    A change that needs the person's approval is in the person's own part even while it is held.
    """
    if one.needs_word_of(by):
        return Tab.MINE
    return Tab.HELD if one.held else Tab.OTHERS


def _parts(waiting: Sequence[Waiting], by: Person) -> dict[Tab, list[Waiting]]:
    """Return the changes of each part in one pass over the list, because a queue may be long.

    A held change that needs the person's approval is in two parts, because the part of held changes
    shows everything that a freeze stops.
    """
    mine, others, held = [], [], []
    for one in waiting:
        if one.held:
            held.append(one)
        if one.needs_word_of(by):
            mine.append(one)
        elif not one.held:
            others.append(one)
    return {Tab.MINE: mine, Tab.OTHERS: others, Tab.HELD: held}


def _fitting(waiting: Sequence[Waiting], filters: QueueFilters) -> Sequence[Waiting]:
    for name in ("service", "environment", "type", "band"):
        wanted = getattr(filters, name)
        if wanted is not None:
            waiting = [one for one in waiting if getattr(one, name) == wanted]
    return waiting


async def _waiting(
    gate: Gate, found: list[Waiting], filters: QueueFilters, by: Person
) -> tuple[list[QueueItem], str | None]:
    behind = after(found, _read_cursor(filters.after))
    some = behind[: filters.limit]
    known = await gate.store.read(_read, gate.rulebooks, [one.id for one in some])
    now = gate.clock()
    items = [_item(gate, known[one.id], one, by, now) for one in some if one.id in known]
    return items, _cursor(some[-1]) if len(behind) > len(some) else None


async def _decided(
    gate: Gate, query: ChangeFilters, filters: QueueFilters, by: Person
) -> tuple[list[QueueItem], str | None]:
    asked = Part(cursor=filters.after, limit=filters.limit)
    now, part = gate.clock(), part_of(gate, query, asked, by)
    found, withdrawn, following = await gate.store.read(
        _settled_page, gate.rulebooks, query, part, now
    )
    items = [_settled_item(gate, one, withdrawn.get(one.stored.id), by, now) for one in found]
    return items, sealed(gate, query, asked, following, by)


def _settled_item(
    gate: Gate, known: Known, withdrawn: Withdrawal | None, by: Person, now: datetime
) -> QueueItem:
    item = _item(gate, known, None, by, now)
    if withdrawn is None:
        return item
    return replace(item, decided_by=(withdrawn.by,), said=withdrawn.said)


def _item(
    gate: Gate, known: Known, waiting: Waiting | None, by: Person, now: datetime
) -> QueueItem:
    reasons = against(
        freeze_named(explained(known.record, known.policy), known.record, known.texts)
    )
    found = tuple(one for one in reasons if not one.is_unknown)
    rejected = [one for one in known.approvals if one.rejected]
    spoken = rejected or [one for one in known.approvals if one.lapsed_at is None]
    comments = [known.texts.get(one.comment, "") for one in spoken]
    return QueueItem(
        **vars(known.answer(now, gate.base_url)),
        because=reasons[0].because if reasons else "",
        against=found[:_REASONS_SHOWN],
        unknown=tuple(one.title for one in reasons if one.is_unknown),
        more_against=max(len(found) - _REASONS_SHOWN, 0),
        needs_me=waiting is not None and waiting.needs_word_of(by),
        mine=by.id in known.people.excluded,
        approved_by_me=waiting is not None and by.id in waiting.approvers,
        needs=tuple(sorted(waiting.needs)) if waiting else (),
        reasons_key=waiting.reasons if waiting else "",
        emergency_reason=known.texts.get(known.record.asked.emergency_reason, ""),
        emergency_incident=known.record.asked.emergency_incident,
        asked_by=known.asked_by(gate.rulebooks.latest),
        settled_at=known.stored.settled_at,
        decided_by=tuple(known.labels.get(one.person, one.person) for one in spoken),
        said=next((said for said in reversed(comments) if said), ""),
    )


def _read(conn: Connection, books: Rulebooks, ids: Sequence[str]) -> dict[str, Known]:
    found = (changes.read(conn, one) for one in ids)
    known = know_all(conn, books, [stored for stored in found if stored is not None])
    return {one.stored.id: one for one in known}


_Settled: TypeAlias = tuple[list[Known], dict[str, Withdrawal], Position | None]


def _settled_page(
    conn: Connection, books: Rulebooks, query: ChangeFilters, part: pages.Part, now: datetime
) -> _Settled:
    found = change_list.change_page(conn, query, part, now=now)
    known = know_all(conn, books, found.rows)
    return known, withdrawals(conn, books.latest.catalogue, known), found.next


def _count_settled(conn: Connection, query: ChangeFilters, now: datetime) -> int:
    return change_list.count(conn, query, DECIDED_COUNTED_MAX + 1, now=now)


def _having_words(conn: Connection, query: ChangeFilters, now: datetime) -> set[str]:
    """Return the ids of changes that wait, or are approved and may be held, with the words."""
    newest = pages.Part(SEARCHED_MAX)
    return {
        stored.id
        for state in WAITING
        for stored in change_list.change_page(
            conn, replace(query, state=state), newest, now=now
        ).rows
    }


def _having(filters: QueueFilters) -> ChangeFilters:
    """Return the filters for the database alone: place, words and commit."""
    return ChangeFilters(
        service=filters.service,
        environment=filters.environment,
        words=filters.words,
        commit=filters.commit,
    )


def _cursor(one: Waiting) -> str:
    """Return the position where the next page begins, as readable text.

    The text is not sealed, because every viewer of the queue may see all of it.
    """
    later, submitted_at, change = one.key
    return f"{int(later)}_{to_us(submitted_at)}_{change}"


def _read_cursor(given: str | None) -> tuple[bool, datetime, str] | None:
    if given is None:
        return None
    later, _, rest = given.partition("_")
    instant_us, _, change = rest.partition("_")
    if later not in {"0", "1"} or not instant_us.isdecimal() or len(instant_us) > _DIGITS_MAX:
        raise BadRequest(
            "This is no place in the queue. Open the queue from its beginning.",
            problem="bad_cursor",
        )
    return later == "1", from_us(int(instant_us)), change
