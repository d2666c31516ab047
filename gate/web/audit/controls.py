"""Controls as a page: what auditors ask for, and which rules serve it."""

from gate.api.http.permits import GateDep
from gate.flow.audit import controls, reports
from gate.web.page import Pages, View
from gate.web.viewer import Viewer

pages = Pages()


@pages.page("/controls")
async def show(_: Viewer, gate: GateDep) -> View:
    """Return every control, made from the policies in force."""
    found = await controls.controls(gate)
    titles = {one.name: one.title for one in reports.listing()}
    return View("controls.html", found, {"found": found, "titles": titles})
