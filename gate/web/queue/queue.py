"""The queue as a page: what needs the viewer, what waits for others, what is held, and what was
decided.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Query
from pydantic import BaseModel, Field, StringConstraints, ValidationError
from starlette.requests import Request

from gate.api.http.permits import GateDep
from gate.core.decision.values import Band
from gate.errors import Invalid
from gate.flow.answers.queue import QueueAnswer
from gate.flow.caller import Person
from gate.flow.gate import Gate
from gate.flow.queries.queue import DECIDED_COUNTED_MAX, QueueFilters, Tab
from gate.flow.queries.queue import queue as read_queue
from gate.flow.queries.waiting_list import WaitingList
from gate.web.forms import read_form, text_of
from gate.web.page import Blank, Pages, View, own_path
from gate.web.queue import deciding, pane, wanted
from gate.web.queue.rows import row_of
from gate.web.viewer import Doer, Viewer, WaitingListDep

TEXT_LENGTH_MAX, ID_LENGTH_MAX = 300, 64
LABELS = {
    Tab.MINE: "Needs you",
    Tab.OTHERS: "Waiting for others",
    Tab.HELD: "Held",
    Tab.DECIDED: "Decided",
}

pages = Pages()


class _GivenBack(NamedTuple):
    """A decision on several changes that was refused as a whole: why, and what was in its form."""

    refused: Invalid | None
    ticked: frozenset[str]
    comment: str


NOTHING_GIVEN_BACK = _GivenBack(None, frozenset(), "")


class QueueQuery(BaseModel, extra="forbid"):
    """The parameters in the address: the text of the box, the position where the page begins, and
    the change in the pane.
    """

    q: Annotated[str, StringConstraints(max_length=TEXT_LENGTH_MAX)] = ""
    after: str | None = None
    open: Annotated[str | None, Blank, Field(max_length=ID_LENGTH_MAX)] = None


@pages.page("/")
async def queue(
    query: Annotated[QueueQuery, Query()], by: Viewer, gate: GateDep, waiting_list: WaitingListDep
) -> View:
    """Return the queue, with one of its changes in the pane."""
    return await _page(query, by, gate, waiting_list)


async def _page(
    query: QueueQuery,
    by: Person,
    gate: Gate,
    waiting_list: WaitingList,
    given_back: _GivenBack = NOTHING_GIVEN_BACK,
) -> View:
    catalogue = (await gate.rulebooks.current()).catalogue
    refused = given_back.refused
    try:
        filters = wanted.read(query.q, catalogue)
    except Invalid as error:
        # What was typed stays in the box, to be mended there.
        filters, refused = QueueFilters(), error
    filters = replace(filters, after=query.after)
    found = await read_queue(gate, waiting_list, filters, by)
    ids = [item.id for item in found.items]
    opened = query.open if query.open in ids else next(iter(ids), None)
    rows = [row_of(item, found.at) for item in found.items]
    values = {
        "queue": found,
        "rows": rows,
        "now": found.at,
        "tabs": _tabs(found, filters),
        "chips": _chips(found, filters),
        "filters": filters,
        "text": query.q,
        "refused": refused.detail if refused else "",
        "given_back": given_back,
        "following": _address(wanted.written(filters, filters.tab), found.next)
        if found.next
        else None,
        "back": _address(query.q, query.after),
        "may_batch": any(row.may_batch for row in rows),
        "opened": opened,
        **(await pane.values(gate, opened, by) if opened else pane.NOTHING),
        "then": _address(query.q, query.after, _behind(ids, opened)),
    }
    return View("queue.html", found, values, 422 if refused else 200, refused)


def _behind(ids: Sequence[str], opened: str | None) -> str | None:
    """Return the change that the pane shows after this one is decided: the next one, or else the
    last.
    """
    left = [one for one in ids if one != opened]
    return left[min(ids.index(opened), len(left) - 1)] if opened and left else None


@pages.form("/queue/decisions")
async def decide_many(
    request: Request, by: Doer, gate: GateDep, waiting_list: WaitingListDep
) -> View:
    """Give one decision on several changes, each of which is judged separately.

    What is refused as a whole is given back in the queue, with its ticks and its comment.
    """
    form = await read_form(request, by)
    try:
        return await deciding.many(gate, form, by)
    except Invalid as refused:
        given_back = _GivenBack(
            refused, frozenset(form.get("change", [])), text_of(form, "comment")
        )
        query = _query_of(own_path(text_of(form, "back")))
        return await _page(query, by, gate, waiting_list, given_back)


def _query_of(address: str) -> QueueQuery:
    """Return what was shown in the queue at this address, or the whole queue for another one."""
    given = dict(parse_qsl(urlsplit(address).query))
    try:
        return QueueQuery(**given)
    except ValidationError:
        return QueueQuery()


def _tabs(found: QueueAnswer, filters: QueueFilters) -> list[dict[str, object]]:
    return [
        {
            "label": label,
            "address": _address(wanted.written(filters, tab), None),
            "count": _counted(tab, found.counts[tab.value]),
            "here": tab is filters.tab,
            "id": tab.value,
        }
        for tab, label in LABELS.items()
    ]


def _chips(found: QueueAnswer, filters: QueueFilters) -> list[dict[str, object]]:
    """Return the filters that are worth a click: those in force, which a click removes, and those
    of a kind with several values.
    """
    chosen = {
        "is": filters.band.word if filters.band is not None else None,
        "environment": filters.environment,
        "service": filters.service,
    }
    offered = [(one.name, one.value, str(one.changes)) for one in found.facets]
    here = {(name, value) for name, value, _ in offered}
    offered += [(n, v, "") for n, v in chosen.items() if v and (n, v) not in here]
    several = Counter(name for name, _, _ in offered)
    return [
        {
            "label": value,
            "count": count,
            "here": chosen[name] == value,
            "address": _address(_with(filters, name, None if chosen[name] == value else value)),
        }
        for name, value, count in offered
        if several[name] > 1 or chosen[name] == value
    ]


def _with(filters: QueueFilters, name: str, value: str | None) -> str:
    """Return the text of the box with another value of this filter, or without the filter."""
    if name == "is":
        narrowed = replace(filters, band=Band.of(value) if value else None)
    elif name == "environment":
        narrowed = replace(filters, environment=value)
    else:
        narrowed = replace(filters, service=value)
    return wanted.written(narrowed, filters.tab)


def _counted(tab: Tab, n: int) -> str:
    if tab is Tab.DECIDED and n > DECIDED_COUNTED_MAX:
        return f"{DECIDED_COUNTED_MAX}+"
    return str(n)


def _address(text: str, after: str | None = None, opened: str | None = None) -> str:
    pairs = (("q", text), ("after", after), ("open", opened))
    query = {name: value for name, value in pairs if value}
    return f"/?{urlencode(query)}" if query else "/"
