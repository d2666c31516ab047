"""One incident as a page, on which release managers tie it to the change that caused it."""

from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.permits import GateDep
from gate.api.models.incidents import LinkRequest
from gate.core.catalogue.catalogue import OWNERS_OF_LAST_RESORT
from gate.errors import Conflict, Invalid, NotFound
from gate.flow.caller import Person
from gate.flow.gate import Gate
from gate.flow.incidents import ties
from gate.flow.queries import incidents, look
from gate.web.changes.changes import METHODS
from gate.web.forms import NOT_WRITTEN, Written, read_form, read_request, text_of, written
from gate.web.notices import Notice
from gate.web.page import Pages, View, go_on
from gate.web.viewer import Linker, Viewer

pages = Pages()


@pages.page("/incidents/{incident_id}")
async def show(incident_id: str, by: Viewer, gate: GateDep) -> View:
    """Return the incident with the last changes before it began."""
    return await _page(gate, incident_id, by)


@pages.form("/incidents/{incident_id}/links")
async def link(request: Request, incident_id: str, by: Linker, gate: GateDep) -> View | Response:
    """Tie it to a change. A refused form is shown again with everything that was typed."""
    form = await read_form(request, by)
    try:
        asked = read_request(
            LinkRequest, change=text_of(form, "change"), reason=text_of(form, "reason")
        )
        await ties.link(gate, incident_id, asked.change, asked.reason, by)
    except (Invalid, Conflict, NotFound) as refused:
        again = written("link", form, refused, "change")
        return await _page(gate, incident_id, by, again)
    return go_on(request, f"/incidents/{incident_id}", Notice.INCIDENT_TIED)


async def _page(gate: Gate, incident_id: str, by: Person, refused: Written = NOT_WRITTEN) -> View:
    found = await incidents.story(gate, incident_id)
    tied = [one.change for one in found.incident.links]
    values = {
        "found": found,
        "titles": await look.titles(gate, [*tied, *(one.change for one in found.suspects)]),
        "incident": found.incident,
        "methods": METHODS,
        "may_tie": OWNERS_OF_LAST_RESORT in by.groups,
        "form": refused,
        "now": gate.clock(),
    }
    return View("insights/incident.html", found, values, 422 if refused.refused else 200)
