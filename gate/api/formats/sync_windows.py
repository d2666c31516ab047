"""Freeze windows of one place as sync windows of Argo CD, to be merged into an `AppProject`.

Field names and meanings are those of `AppProject.spec.syncWindows` in every release that is
supported in 2026.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query

from gate.api.http.answers import Answer
from gate.api.http.permits import GateDep, PlaceReader
from gate.api.http.route import GateRoute
from gate.api.models.open import PatchAnswer
from gate.api.models.queries import SyncWindowsQuery
from gate.flow.answers.calendar import WindowAnswer
from gate.flow.queries import calendar

ALWAYS = "* * * * *"
"""The schedule of a window without an end, which denies at any time while it is in the list."""

_MINUTE = timedelta(minutes=1)

router = APIRouter(prefix="/v1/services", tags=["services"], route_class=GateRoute)


@router.get(
    "/{service:path}/environments/{environment:path}/sync-windows", response_model=PatchAnswer
)
async def read_sync_windows(
    service: str,
    environment: str,
    query: Annotated[SyncWindowsQuery, Query()],
    by: PlaceReader,
    gate: GateDep,
) -> Answer:
    """Return what is frozen here now or in the next four weeks, for `kubectl patch appproject`."""
    found = await calendar.place_schedule(gate, service, environment, by)
    windows = written(found.items, query.globs)
    return Answer(orjson.dumps({"spec": {"syncWindows": windows}}))


def written(windows: Iterable[WindowAnswer], applications: list[str]) -> list[dict[str, Any]]:
    """Return one `deny` for each window, in whole minutes that cover all of it.

    The schedules of Argo CD have no year, so a window that has ended must be removed from the
    project. That is why the whole list is replaced each time.
    """
    return [_denied(window, applications) for window in windows]


def _denied(window: WindowAnswer, applications: list[str]) -> dict[str, Any]:
    begins = window.begins.replace(second=0, microsecond=0)
    if window.ends is None:
        schedule, duration = ALWAYS, "1h"
    else:
        minutes = -(-(window.ends - begins) // _MINUTE)
        schedule = f"{begins.minute} {begins.hour} {begins.day} {begins.month} *"
        duration = f"{minutes}m"
    return {
        "kind": "deny",
        "schedule": schedule,
        "duration": duration,
        "timeZone": "UTC",
        "applications": applications,
        "manualSync": False,
        "description": window.id,
    }
