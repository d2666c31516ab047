"""The register of improvements as a page: proposals with their evidence, and the items of people,
each with its figure before and after.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.permits import GateDep
from gate.api.models.learning import (
    PROPOSAL_LENGTH_MAX,
    ImprovementPatch,
    ImprovementRequest,
    IssueRequest,
)
from gate.core.catalogue.catalogue import OWNERS_OF_LAST_RESORT
from gate.core.instants import rfc3339
from gate.core.learning.improvements import FIGURE_WORDS, Figure, Priority
from gate.errors import Fault, Invalid
from gate.flow.answers.insights.improvement import ProposalAnswer, ReadingAnswer
from gate.flow.caller import Person
from gate.flow.commands import Part
from gate.flow.gate import Gate
from gate.flow.learning import improvements, issues, proposals
from gate.flow.queries import look
from gate.web.forms import Form, errors_of, read_form, read_request, text_of
from gate.web.notices import Notice
from gate.web.page import Blank, Cursor, Pages, View, go_on
from gate.web.viewer import Doer, Viewer

_FIELDS = (
    "proposal",
    "service",
    "environment",
    "experiment",
    "owner",
    "priority",
    "due_at",
    "figure",
    "link",
)
_ADDRESS = "/improvements"

pages = Pages()


class ImprovementsQuery(BaseModel, extra="forbid"):
    """The proposal that the form is filled from, and where the list of items goes on."""

    proposal: Annotated[
        Annotated[str, StringConstraints(max_length=PROPOSAL_LENGTH_MAX)] | None, Blank
    ] = None
    cursor: Cursor = None


@pages.page(_ADDRESS)
async def show(query: Annotated[ImprovementsQuery, Query()], by: Viewer, gate: GateDep) -> View:
    """Return the proposals, the items, and a form that is filled from the chosen proposal."""
    return await _page(gate, by, query)


@pages.form(_ADDRESS)
async def begin(request: Request, by: Doer, gate: GateDep) -> View | Response:
    """Begin an item. A refused form is shown again with everything that was typed."""
    form = await read_form(request, by)
    try:
        given = {name: text_of(form, name) or None for name in _FIELDS}
        given["due_at"] = _due(form)
        await improvements.add(gate, read_request(ImprovementRequest, **given).command(), by)
    except Invalid as refused:
        return await _page(gate, by, ImprovementsQuery(), form, refused)
    return go_on(request, _ADDRESS, Notice.IMPROVEMENT_BEGUN)


@pages.form(_ADDRESS + "/{improvement}")
async def change(request: Request, improvement: str, by: Doer, gate: GateDep) -> Response:
    """Set a later due date, or close the item with what was found."""
    form = await read_form(request, by)
    finding = text_of(form, "finding")
    ask = read_request(
        ImprovementPatch, **({"finding": finding} if finding else {"due_at": _due(form)})
    )
    if ask.due_at is not None:
        await improvements.postpone(gate, improvement, ask.due_at, by)
        return go_on(request, _ADDRESS, Notice.IMPROVEMENT_POSTPONED)
    await improvements.close(gate, improvement, ask.finding or "", by)
    return go_on(request, _ADDRESS, Notice.IMPROVEMENT_CLOSED)


@pages.form(_ADDRESS + "/{improvement}/issue")
async def follow(request: Request, improvement: str, by: Doer, gate: GateDep) -> Response:
    """Have an issue opened for the item, or follow one that there is."""
    form = await read_form(request, by)
    given = {name: text_of(form, name) or None for name in ("tracker", "link")}
    if given["tracker"]:
        # The field of the address stands in the same form, and was not meant.
        given["link"] = None
    ask = read_request(IssueRequest, **given)
    if ask.tracker is not None:
        await issues.ask(gate, improvement, ask.tracker, by)
        return go_on(request, _ADDRESS, Notice.ISSUE_ASKED)
    await issues.follow(gate, improvement, ask.link or "", by)
    return go_on(request, _ADDRESS, Notice.ISSUE_FOLLOWED)


async def _page(
    gate: Gate,
    by: Person,
    query: ImprovementsQuery,
    form: Form | None = None,
    refused: Invalid | None = None,
) -> View:
    catalogue = (await gate.rulebooks.current()).catalogue
    proposed = (await proposals.listing(gate)).proposals
    items = await improvements.listing(gate, by, Part(cursor=query.cursor))
    chosen = next((found for found in proposed if found.id == query.proposal), None)
    values: dict[str, Any] = {
        "proposed": proposed,
        "titles": await look.titles(gate, [id_ for found in proposed for id_ in found.changes]),
        "chosen": chosen,
        "items": [(item, _worded(item.figure, item.before, item.after)) for item in items.items],
        "next": items.next,
        "form": _filled(form, chosen),
        "figures": [(figure.value, FIGURE_WORDS[figure][0]) for figure in Figure],
        "priorities": _choices(Priority),
        "services": _choices(sorted(catalogue.services)),
        "environments": _choices(catalogue.environments),
        "trackers": [(name.value, tracker.host) for name, tracker in gate.trackers.items()],
        "groups": _choices(sorted(catalogue.groups)),
        "now": gate.clock(),
        "answers_for": {*by.groups} if OWNERS_OF_LAST_RESORT not in by.groups else None,
        "errors": errors_of(refused.faults) if refused else {},
        "refused": refused.detail if refused else "",
    }
    data = {"proposals": proposed, "items": items.items, "next": items.next}
    return View("insights/improvements.html", data, values, 422 if refused else 200)


def _choices(words: Iterable[str]) -> list[tuple[str, str]]:
    """Return the options of a field: what is sent, and what is read."""
    return [(str(word), str(word)) for word in words]


def _filled(form: Form | None, chosen: ProposalAnswer | None) -> dict[str, str]:
    """Return what the fields of the form hold: what was typed, or what the proposal says."""
    if form is not None:
        return {name: text_of(form, name) for name in _FIELDS}
    filled = dict.fromkeys(_FIELDS, "")
    if chosen is not None:
        filled |= {
            "proposal": chosen.id,
            "service": chosen.service,
            "environment": chosen.environment,
            "figure": chosen.figure.value,
        }
    return filled


def _worded(figure: Figure, before: ReadingAnswer, after: ReadingAnswer | None) -> dict[str, str]:
    name, worded = FIGURE_WORDS[figure]
    said = [
        "-" if one is None or one.value is None else f"{worded(one.value)} (of {one.n})"
        for one in (before, after)
    ]
    return {"figure": name, "before": said[0], "after": said[1]}


def _due(form: Form) -> str | None:
    """Return the end of the day of a form, in UTC, or None if the field is empty."""
    given = text_of(form, "due_at")
    if not given:
        return None
    try:
        day = datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        detail = f"{given[:40]} is no day; write it like 2026-12-24"
        raise Invalid(f"due_at: {detail}.", faults=[Fault(detail, "#/due_at")]) from None
    return rfc3339(datetime.combine(day.date(), time(23, 59, 59), tzinfo=UTC))
