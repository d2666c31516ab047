"""The page of one service: owners, policies, what runs where, what waits, what was earned, and what
failed.
"""

from typing import Annotated

from fastapi import Path

from gate.api.http.permits import GateDep
from gate.api.models.fields import Name
from gate.flow.queries.insights.periods import WEEKS
from gate.flow.queries.insights.service import service
from gate.web.insights.charts import spark
from gate.web.page import Pages, View
from gate.web.viewer import Viewer, WaitingListDep

pages = Pages()


@pages.page("/services/{name:path}")
async def show(
    name: Annotated[Name, Path()], by: Viewer, gate: GateDep, waiting_list: WaitingListDep
) -> View:
    """Return the page. Everybody who is signed in may read every service."""
    found = await service(gate, waiting_list, name, by)
    values = {
        "found": found,
        "sparks": [spark(one.figures.weeks) for one in found.places],
        "weeks": WEEKS,
        "now": found.at,
    }
    return View("insights/service.html", found, values)
