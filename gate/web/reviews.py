"""Reviews that are due after emergencies, so that none is forgotten."""

from gate.api.http.permits import GateDep
from gate.flow.queries import reviews
from gate.web.page import Pages, View
from gate.web.viewer import Viewer

pages = Pages()


@pages.page("/reviews")
async def show(_: Viewer, gate: GateDep) -> View:
    """What is due first stands in front."""
    found = await reviews.due(gate)
    return View("reviews.html", {"items": list(found)}, {"rows": found, "now": gate.clock()})
