"""The list of incidents with their links."""

from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from gate.flow.answers.incident import IncidentAnswer, incident_answers, with_unknown
from gate.flow.asks import Page, Part
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.lists import one_page, own_name
from gate.storage.database import pages
from gate.storage.incidents import incidents
from gate.storage.incidents.incidents import IncidentQuery


@dataclass(frozen=True, slots=True)
class IncidentFilters:
    """Which incidents. None is any."""

    service: str | None = None
    environment: str | None = None
    open: bool | None = None
    part: Part = field(default_factory=Part)


async def listing(gate: Gate, filters: IncidentFilters, by: Caller) -> Page[IncidentAnswer]:
    """A page of incidents with their links, newest first."""
    query = IncidentQuery(
        service=filters.service,
        environment=await own_name(gate, filters.environment),
        open=filters.open,
        begins=filters.part.begins,
        ends=filters.part.ends,
    )
    catalogue = (await gate.rulebooks.current()).catalogue
    found = await one_page(gate, query, filters.part, by, _page, slowly=True)
    return replace(found, items=[with_unknown(catalogue, one) for one in found.items])


def _page(conn: Connection, query: IncidentQuery, part: pages.Part) -> pages.Page[IncidentAnswer]:
    found = incidents.incident_page(conn, query, part)
    return pages.Page(incident_answers(conn, found.rows), found.next)
