"""The change schedule: when something is frozen, and when it is open again."""

from datetime import datetime, timedelta

from gate.core import freeze
from gate.core.freeze import Window
from gate.flow.asks import Wire
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.look import windows_to_come
from gate.flow.wire import instant

SCHEDULE_DAYS = 28
"""How far a schedule looks ahead when nobody says."""


async def schedule(
    gate: Gate, begins: datetime | None, ends: datetime | None, service: str | None, environment: str | None, by: Caller
) -> Wire:
    """Windows that touch the time, earliest first; of a place where both are named, with its next opening."""
    _ = by  # everybody who reads the calendar reads all of it
    book = await gate.rulebooks.current()
    now = gate.clock()
    begins = begins or now
    ends = ends or begins + timedelta(days=SCHEDULE_DAYS)
    windows, said = await gate.store.read(windows_to_come, min(begins, now))
    scope = None
    if service is not None and environment is not None:
        scope = freeze.scope_of(book.catalogue, service, book.catalogue.environment_named(environment))
    found = freeze.schedule(book.calendar, windows, begins, ends, scope)
    return {
        "items": [_view(window, said) for window in found],
        "next_opening": instant(freeze.next_opening(book.calendar, windows, scope, now)) if scope else None,
    }


def _view(window: Window, said: dict[str, str]) -> Wire:
    return {
        "id": window.id,
        "reason": said.get(window.reason, window.reason),
        "stop": window.stop,
        "begins": instant(window.begins),
        "ends": instant(window.ends),
        "services": sorted(window.reach.services),
        "environments": sorted(window.reach.environments),
    }
