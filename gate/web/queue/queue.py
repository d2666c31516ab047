"""The queue: what needs the viewer, what waits for others, what is held, and what was decided."""

from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BaseModel, StringConstraints
from starlette.requests import Request

from gate.api.http.permits import GateDep
from gate.errors import Invalid
from gate.flow.answers.queue import QueueAnswer
from gate.flow.queries import queue as queue_chapter
from gate.flow.queries.queue import DECIDED_COUNTED_MAX, QueueFilters, Tab
from gate.web.forms import read_form
from gate.web.page import Pages, View
from gate.web.queue import deciding, wanted
from gate.web.viewer import Doer, Viewer, WaitingListDep

TEXT_LENGTH_MAX = 300
LABELS = {
    Tab.MINE: "Needs you",
    Tab.OTHERS: "Waiting for others",
    Tab.HELD: "Held",
    Tab.DECIDED: "Decided",
}

pages = Pages()


class QueueQuery(BaseModel, extra="forbid"):
    """What stands in the address: the text of the box, and where the page begins."""

    q: Annotated[str, StringConstraints(max_length=TEXT_LENGTH_MAX)] = ""
    after: str | None = None


@pages.page("/")
async def queue(
    query: Annotated[QueueQuery, Query()], by: Viewer, gate: GateDep, waiting_list: WaitingListDep
) -> View:
    """The first page anybody sees in the morning."""
    filters = replace(wanted.read(query.q), after=query.after)
    found = await queue_chapter.queue(gate, waiting_list, filters, by)
    return View(
        "queue.html",
        found,
        {
            "queue": found,
            "now": found.at,
            "tabs": _tabs(found, filters),
            "filters": filters,
            "text": query.q,
            "following": _address(wanted.written(filters, filters.tab), found.next)
            if found.next
            else None,
            "back": _address(query.q, query.after),
            "may_batch": sum(item.needs_me for item in found.items) > 1,
        },
    )


@pages.form("/queue/decisions")
async def decide_many(
    request: Request, by: Doer, gate: GateDep, waiting_list: WaitingListDep
) -> View:
    """One word for several changes that wait for the same reasons."""
    form = await read_form(request, by)
    chosen = form.get("change", [])
    if not chosen:
        raise Invalid("No change was chosen. Tick the changes that you mean, then decide.")
    waiting = {one.id: one for one in await waiting_list.waiting()}
    ids = [one.partition(":")[0] for one in chosen]
    if len({waiting[one].reasons for one in ids if one in waiting}) > 1:
        raise Invalid(
            "These changes wait for different reasons. Decide together only what waits for "
            "the same ones."
        )
    return await deciding.many(gate, form, by)


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


def _counted(tab: Tab, n: int) -> str:
    if tab is Tab.DECIDED and n > DECIDED_COUNTED_MAX:
        return f"{DECIDED_COUNTED_MAX}+"
    return str(n)


def _address(text: str, after: str | None) -> str:
    query = {name: value for name, value in (("q", text), ("after", after)) if value}
    return f"/?{urlencode(query)}" if query else "/"
