"""The list of incidents with their links, and one of them with what may have caused it."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.change import Result
from gate.core.incident import SUSPECTS_MAX
from gate.flow.answers.incident import IncidentAnswer, incident_answers, with_unknown
from gate.flow.caller import Caller
from gate.flow.commands import Page, Part
from gate.flow.gate import Gate
from gate.flow.incidents.incidents import found_incident
from gate.flow.lists import FIRST_PAGE, by_own_name, one_page
from gate.storage.changes import change_list
from gate.storage.database import pages
from gate.storage.incidents import incidents
from gate.storage.incidents.incidents import IncidentFilters


async def listing(
    gate: Gate, filters: IncidentFilters, by: Caller, part: Part = FIRST_PAGE
) -> Page[IncidentAnswer]:
    """Return a page of incidents with their links, newest first."""
    filters = await by_own_name(gate, filters)
    catalogue = (await gate.rulebooks.current()).catalogue
    found = await one_page(gate, filters, part, by, partial(_page, filters), slowly=True)
    return replace(found, items=[with_unknown(catalogue, one) for one in found.items])


@dataclass(frozen=True)
class SuspectAnswer:
    """A change that was admitted before the incident began. A null `title` was erased."""

    change: str
    title: str | None
    admitted_at: datetime
    result: Result | None
    tied: bool


@dataclass(frozen=True)
class IncidentStory:
    """One incident, with the last changes of its service before it began, newest first."""

    incident: IncidentAnswer
    suspects: tuple[SuspectAnswer, ...]


async def story(gate: Gate, incident_id: str) -> IncidentStory:
    """Return one incident with what may have caused it. Raises `NotFound`."""
    book = await gate.rulebooks.current()
    return await gate.store.read(_story, book.catalogue, incident_id)


def _story(conn: Connection, catalogue: Catalogue, incident_id: str) -> IncidentStory:
    incident = found_incident(conn, incident_id)
    (answer,) = incident_answers(conn, [incident])
    here = [incident.environment] if incident.environment else list(catalogue.environments)
    found = incidents.suspects(conn, incident.service, here, incident.began_at)
    found = sorted(found, key=lambda one: one.admitted_at, reverse=True)[:SUSPECTS_MAX]
    titles = change_list.titles(conn, [one.change for one in found])
    tied = {one.change for one in answer.links}
    suspects = tuple(
        SuspectAnswer(
            one.change, titles.get(one.change), one.admitted_at, one.result, one.change in tied
        )
        for one in found
    )
    return IncidentStory(with_unknown(catalogue, answer), suspects)


def _page(
    filters: IncidentFilters, conn: Connection, part: pages.Part
) -> pages.Page[IncidentAnswer]:
    found = incidents.incident_page(conn, filters, part)
    return pages.Page(incident_answers(conn, found.rows), found.next)
