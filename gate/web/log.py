"""The log as a page: search, filters, facets with counts, and one page for each decision."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, Field

from gate.api.http.permits import GateDep
from gate.api.models.fields import Name
from gate.api.models.queries import ActKind, Words
from gate.core.decision.values import Band, BandWord, ChangeType, Outcome, Route
from gate.core.instants import midnight, rfc3339
from gate.errors import NotFound
from gate.flow.answers.delivery import CountAnswer
from gate.flow.answers.reasons import FactAnswer
from gate.flow.answers.written import indented
from gate.flow.commands import Part
from gate.flow.identity.labels import requester
from gate.flow.queries import facets, log, look
from gate.storage.changes.log import ACT, ANYTHING, DECISION, LogFilters
from gate.web.page import Blank, Cursor, Pages, View
from gate.web.viewer import Viewer

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
KINDS: Mapping[str, str] = {
    ANYTHING: "everything",
    DECISION: "decisions",
    ACT: "what people did",
    "approval": "approvals",
    "rejection": "rejections",
    "lapse": "approvals taken back or lapsed",
    "override": "overrides",
    "cancellation": "withdrawals",
    "post_review": "reviews held",
    "freeze": "freezes and stopped lines",
    "activation": "policies put in force",
    "registration": "policies registered",
    "standard_change": "standard changes",
    "incident": "incidents",
    "link": "ties to incidents",
    "improvement": "improvements",
    "notice": "notices to customers",
    "token": "tokens",
    "role": "people and roles",
    "erasure": "erasures of people",
}
"""The kinds of rows that a reader may filter by, in words."""

ROUTES: Mapping[str, str] = {
    "automatic": "passes by itself",
    "review": "people decide",
    "emergency": "emergency path",
    "observed": "only observed",
}
"""The routes of decisions, in words."""

FACETS = ("outcome", "route", "band", "environment", "service")

pages = Pages()


class LogPageQuery(BaseModel, extra="forbid"):
    """The parameters in the address. Days are whole days in UTC, and the last one is included."""

    q: Words = ""
    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None
    outcome: Annotated[Outcome | None, Blank] = None
    type: Annotated[ChangeType | None, Blank] = None
    route: Annotated[Route | None, Blank] = None
    band: Annotated[BandWord | None, Blank] = None
    first: Annotated[date | None, Blank, Field(alias="from")] = None
    last: Annotated[date | None, Blank, Field(alias="to")] = None
    kind: Annotated[ActKind, BeforeValidator(lambda value: value or ANYTHING)] = ANYTHING
    cursor: Cursor = None

    def filters(self) -> LogFilters:
        """Return the parameters as filters of the log."""
        return LogFilters(
            service=self.service,
            environment=self.environment,
            type=self.type,
            route=self.route,
            band=Band.of(self.band) if self.band else None,
            outcome=self.outcome,
            words=self.q,
            kind=self.kind,
        )

    def part(self) -> Part:
        """Return the days as a part of the log."""
        begins = None if self.first is None else midnight(self.first)
        ends = None
        if self.last is not None and self.last < date.max:
            ends = midnight(self.last + timedelta(days=1))
        return Part(begins, ends, self.cursor)

    def pairs(self, **other: Any) -> dict[str, str]:
        """Return the parameters of the page's address, with some of them replaced."""
        kind = None if self.kind == ANYTHING else self.kind
        given = self.model_dump(by_alias=True, mode="json")
        given = {**given, "kind": kind, "cursor": None, **other}
        return {name: str(value) for name, value in given.items() if value not in {None, ""}}


@pages.page("/log")
async def read_log(query: Annotated[LogPageQuery, Query()], by: Viewer, gate: GateDep) -> View:
    """Return one page of what happened, newest first: a line for each change, and one for each act
    without a change.

    It shows what `/v1/log` answers for `kind=all`, grouped by change.
    """
    filters, part = query.filters(), query.part()
    found = await log.lines(gate, filters, by, part)
    counted = await facets.of_log(gate, filters)
    data = {"items": list(found.items), "next": found.next, "facets": counted}
    book = await gate.rulebooks.current()
    exported = {"from": _instant(part.begins), "to": _instant(part.ends)}
    values = {
        "lines": found.items,
        "kinds": KINDS,
        "routes": ROUTES,
        "query": query,
        "catalogue": book.catalogue,
        "facets": [_facet(name, counted[name], query) for name in FACETS],
        "days": facets.FACET_DAYS,
        "following": _address("/log", query.pairs(cursor=found.next)) if found.next else None,
        "exports": {
            kind: _address("/v1/log", query.pairs(kind=query.kind, format=kind, **exported))
            for kind in ("csv", "ndjson")
        },
        "saved": _address("/log", query.pairs()),
        "names": {
            one.head.change: requester(book, one.head.requested_by or "")
            for one in found.items
            if one.head
        },
        "now": gate.clock(),
        "is_filtered": bool(query.pairs()),
    }
    return View("log.html", data, values)


@pages.page("/changes/{change_id}/decisions/{number}")
async def read_decision(change_id: str, number: str, by: Viewer, gate: GateDep) -> View:
    """Return everything from which one decision was made."""
    if not _NUMBER.fullmatch(number):
        raise NotFound(f"{change_id[:64]} has no decision {number[:20]}")
    decision = await look.decision(gate, change_id, int(number), by)
    return View(
        "decision.html",
        decision,
        {
            "decision": decision,
            "groups": _by_group(decision.facts),
            "standard": next(
                (one.title for one in decision.reasons if one.rule == decision.standard_change), ""
            ),
            "raw": indented(decision),
        },
    )


def _facet(name: str, counted: Sequence[CountAnswer], query: LogPageQuery) -> dict[str, Any]:
    chosen = query.pairs().get(name)
    values = [
        {
            "value": one.value,
            "count": one.count,
            "here": one.value == chosen,
            "address": _address(
                "/log", query.pairs(**{name: None if one.value == chosen else one.value})
            ),
        }
        for one in counted
    ]
    return {"name": name, "entries": values}


def _by_group(facts: Mapping[str, FactAnswer]) -> dict[str, list[tuple[str, FactAnswer]]]:
    found: dict[str, list[tuple[str, FactAnswer]]] = {}
    for name, fact in sorted(facts.items()):
        found.setdefault(name.partition(".")[0], []).append((name, fact))
    return found


def _instant(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)


def _address(path: str, pairs: dict[str, str]) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path
