"""The list of incidents with their links."""

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from gate.flow.answers.incident import IncidentAnswer, incident_answers, with_unknown
from gate.flow.caller import Caller
from gate.flow.commands import Page, Part
from gate.flow.gate import Gate
from gate.flow.lists import FIRST_PAGE, by_own_name, one_page
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


def _page(
    filters: IncidentFilters, conn: Connection, part: pages.Part
) -> pages.Page[IncidentAnswer]:
    found = incidents.incident_page(conn, filters, part)
    return pages.Page(incident_answers(conn, found.rows), found.next)
