"""The authority map as a page: who may do what in each place, and what nobody may."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from gate.api.http.permits import GateDep
from gate.api.models.fields import Name
from gate.core.decision.values import Band
from gate.flow.answers.place import AuthorityAnswer, CellAnswer, HoldersAnswer
from gate.flow.audit.authority import AuthorityQuery, authority
from gate.web.page import Blank, Pages, View
from gate.web.viewer import Viewer

pages = Pages()

_OVERRIDE, _REINSTATE = "Lift a hold", "Reinstate"
_BANDS = tuple(band.word.capitalize() for band in Band)
COLUMNS = (*_BANDS, "Emergency", _OVERRIDE, _REINSTATE)
"""What is done in a place: approve a change of each band, and the other acts."""


class AuthorityPageQuery(BaseModel, extra="forbid"):
    """The places that are shown."""

    service: Annotated[Name | None, Blank] = None
    environment: Annotated[Name | None, Blank] = None


@dataclass(frozen=True, slots=True)
class Holders:
    """Who does an act together, such as "1 of owners", and the people who are known.

    `lack` says what is wrong if too few people may do it, or is empty.
    """

    words: str
    people: str
    lack: str


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring columns in which the same people act, such as "Low to Critical"."""

    columns: int
    label: str
    holders: list[Holders]

    @property
    def is_fine(self) -> bool:
        """Whether there are enough people for the act, so that a phone may leave it out."""
        return not any(one.lack for one in self.holders)


@pages.page("/authority")
async def show(query: Annotated[AuthorityPageQuery, Query()], _: Viewer, gate: GateDep) -> View:
    """Return the map of all places, or of those that the viewer chose."""
    found = await authority(gate, AuthorityQuery(query.service, query.environment))
    catalogue = gate.rulebooks.latest.catalogue
    values = {
        "found": found,
        "columns": COLUMNS,
        "rows": [(place, _row(place)) for place in found.places],
        "asked": query,
        "services": sorted(catalogue.services),
        "environments": list(catalogue.environments),
    }
    return View("authority.html", found, values)


def _row(place: AuthorityAnswer) -> list[Span]:
    """Return who does what, with neighbouring columns of approvals that are the same as one."""
    row = _by_column(place)
    spans = []
    same = groupby(COLUMNS, lambda column: (column in _BANDS or column, row[column]))
    for (_, holders), columns in same:
        first, *others = columns
        label = f"{first} to {others[-1]}" if others else first
        spans.append(Span(1 + len(others), label, holders))
    return spans


def _by_column(place: AuthorityAnswer) -> Mapping[str, list[Holders]]:
    """Return who does what by column, each group of holders once."""
    row: dict[str, list[Holders]] = {column: [] for column in COLUMNS}
    for cell in place.cells:
        known = row[_column(cell)]
        for entry in cell.entries:
            holders = _holders(entry)
            if holders not in known:
                known.append(holders)
    return row


def _column(cell: CellAnswer) -> str:
    if cell.act == "override":
        return _OVERRIDE
    if cell.act == "reinstate":
        return _REINSTATE
    if cell.of == "an emergency":
        return "Emergency"
    return next(band for band in _BANDS if f" {band.lower()} " in cell.of)


def _holders(entry: HoldersAnswer) -> Holders:
    lacks = entry.missing and not entry.single_sign_on
    lack = f"only {len(entry.people)}" if entry.people else "nobody"
    return Holders(
        f"{entry.count} of {' or '.join(entry.by)}",
        ", ".join(entry.people),
        f"{lack} there" if lacks else "",
    )
