"""The pane beside the queue: enough of one change to decide on it."""

from collections.abc import Mapping
from typing import Any

from gate.flow.caller import Person
from gate.flow.gate import Gate
from gate.flow.queries.story import story
from gate.web.changes import sources
from gate.web.changes.headline import headline
from gate.web.changes.risk_bar import risk_bar

NOTHING: Mapping[str, Any] = {"story": None, "change": None}


async def values(gate: Gate, change_id: str, by: Person) -> dict[str, Any]:
    """What the pane shows of a change. Raises `NotFound`."""
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
