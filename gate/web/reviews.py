"""The reviews that are due after emergencies, as a page, so that none is forgotten."""

from gate.api.http.permits import GateDep
from gate.flow.queries import reviews
from gate.web.page import Pages, View
from gate.web.viewer import Viewer

pages = Pages()


@pages.page("/reviews")
async def show(_: Viewer, gate: GateDep) -> View:
    """Return the reviews that are due, the earliest first."""
    found = await reviews.due(gate)
    return View("reviews.html", {"items": list(found)}, {"rows": found, "now": gate.clock()})
