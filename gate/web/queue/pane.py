"""The pane beside the queue, with enough of one change to decide on it."""

from collections.abc import Mapping
from typing import Any

from gate.api.http.permits import GateDep
from gate.flow.caller import Person
from gate.flow.gate import Gate
from gate.flow.queries.story import story
from gate.web.changes import sources
from gate.web.changes.headline import headline
from gate.web.changes.risk_bar import risk_bar
from gate.web.page import Pages, View
from gate.web.viewer import Viewer

pages = Pages()

NOTHING: Mapping[str, Any] = {"story": None, "change": None}


@pages.page("/changes/{change_id}/pane")
async def show_pane(change_id: str, by: Viewer, gate: GateDep) -> View:
    """Return the pane of one change, for the script that moves from row to row."""
    found = await values(gate, change_id, by)
    return View("pane-page.html", found["story"], {**found, "then": "/"})


async def values(gate: Gate, change_id: str, by: Person) -> dict[str, Any]:
    """Return the values that the pane shows of a change. Raises `NotFound`."""
    found = await story(gate, change_id, by)
    return {
        "story": found,
        "change": found.change,
        "now": found.at,
        "headline": headline(found),
        "bar": risk_bar(found.change, found.explained, found.bands),
        "links": sources.links(found.change),
        "diff": sources.summary(found.decisions[0].facts if found.decisions else {}),
    }
