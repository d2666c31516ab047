"""The pages for freezing and for stopping the line: the form, what the window would hold, and
lifting.
"""

from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Query
from pydantic import BaseModel, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.permits import GateDep
from gate.api.models.acts import FreezeRequest
from gate.api.models.fields import SCOPE_NAMES_MAX, Name
from gate.core.instants import ALLOWED, in_utc, rfc3339
from gate.errors import Conflict, Fault, Invalid, NotAllowed, NotFound
from gate.flow.caller import Person
from gate.flow.commands import FreezeCommand
from gate.flow.gate import Gate
from gate.flow.policies import freezes
from gate.flow.queries.effect import effect
from gate.web import calendar
from gate.web.forms import Form, errors_of, names_of, read_form, read_request, text_of
from gate.web.notices import Notice
from gate.web.page import Blank, Pages, View, go_on
from gate.web.viewer import Doer, Viewer

_TEXT_MAX = 4_000
_ZONE_MAX = 64
NO_END = "Say when it ends. Only a stopped line has no end."

pages = Pages()


class WindowQuery(BaseModel, extra="forbid"):
    """The values with which the form is filled, so that a link can choose the place beforehand."""

    stop: str = ""
    reason: Annotated[str, StringConstraints(max_length=_TEXT_MAX)] = ""
    begins: Annotated[str | None, Blank] = None
    ends: Annotated[str | None, Blank] = None
    zone: Annotated[str, StringConstraints(max_length=_ZONE_MAX)] = ""
    services: Annotated[tuple[Name, ...], Field(max_length=SCOPE_NAMES_MAX)] = ()
    environments: Annotated[tuple[Name, ...], Field(max_length=SCOPE_NAMES_MAX)] = ()

    def form(self) -> Form:
        """Return the values as the fields of a form."""
        lists = {"services": [*self.services], "environments": [*self.environments]}
        texts = {name: getattr(self, name) or "" for name in _TEXTS}
        return {**{name: [text] for name, text in texts.items()}, **lists}


_TEXTS = ("stop", "reason", "begins", "ends", "zone")


@pages.page("/calendar/windows")
async def ask_for_window(query: Annotated[WindowQuery, Query()], by: Viewer, gate: GateDep) -> View:
    """Return the form, with what the window would hold now."""
    return await _form(gate, query.form(), by)


@pages.form("/calendar/windows")
async def add_window(request: Request, by: Doer, gate: GateDep) -> View | Response:
    """Declare a freeze window, or with `stop` stop the line until somebody lifts it.

    A refused form is shown again with everything that was typed. The same happens to a form that
    only asks what the window would hold, which the script sends by itself.
    """
    form = await read_form(request, by)
    if text_of(form, "act") == "look":
        return await _form(gate, form, by)
    stop = text_of(form, "stop") == "yes"
    try:
        times = {} if stop else _times(form)
        ask = read_request(
            FreezeRequest,
            reason=text_of(form, "reason"),
            stop=stop,
            **{name: at for name, at in times.items() if at},
            **{name: names_of(form, name) for name in ("services", "environments")},
        )
        await freezes.add(gate, ask.command(), by)
    except Invalid as refused:
        return await _form(gate, form, by, refused)
    notice = Notice.LINE_STOPPED if stop else Notice.WINDOW_DECLARED
    return go_on(request, "/calendar", notice)


@pages.form("/calendar/windows/{window}/end")
async def lift_window(request: Request, window: str, by: Doer, gate: GateDep) -> View | Response:
    """Lift a window that somebody declared, or let the line run again."""
    await read_form(request, by)
    try:
        lifted = await freezes.lift(gate, window, by)
    except (NotAllowed, NotFound, Conflict) as refused:
        return await calendar.overview(gate, by, refused=refused)
    notice = Notice.STOP_LIFTED if lifted.stop else Notice.WINDOW_LIFTED
    return go_on(request, "/calendar", notice)


async def _form(gate: Gate, form: Form, by: Person, refused: Invalid | None = None) -> View:
    """Return the form as it was filled in, with what the window would hold if it began now.

    If the form was refused, each error is shown at its field.
    """
    book = await gate.rulebooks.current()
    catalogue = book.catalogue
    stop = text_of(form, "stop") == "yes"
    chosen = {name: names_of(form, name) for name in ("services", "environments")}
    # A window with names that the catalogue lacks holds nothing here, and is refused when sent.
    command = FreezeCommand(
        "", stop, services=tuple(chosen["services"]), environments=tuple(chosen["environments"])
    )
    found = await effect(gate, command)
    values: dict[str, Any] = {
        "stop": stop,
        "form": {name: text_of(form, name) for name in _TEXTS},
        "chosen": chosen,
        "services": sorted(catalogue.services),
        "environments": list(catalogue.environments),
        "effect": found,
        "meant_in": text_of(form, "zone") or str(book.calendar.zone),
        "may": freezes.may_freeze(book, by, stop=stop),
        "who": freezes.who_may_freeze(book, stop=stop),
        "errors": errors_of(refused.faults) if refused else {},
        "refused": refused.detail if refused else "",
    }
    return View("window.html", {"effect": found}, values, 422 if refused else 200)


def _zone(named: str) -> tzinfo:
    """Return the time zone in which the times of a form are meant, or UTC if the form
    names none.
    """
    try:
        return ZoneInfo(named) if named else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        detail = f"{named[:_ZONE_MAX]} is no time zone that is known here"
        raise Invalid(f"{detail}.", faults=[Fault(detail, "#/ends")]) from None


def _times(form: Form) -> dict[str, str | None]:
    """Return when the window begins and ends. Raises `Invalid` if the form says no end."""
    zone = _zone(text_of(form, "zone"))
    times = {name: _instant(form, name, zone) for name in ("begins", "ends")}
    if times["ends"] is None:
        raise Invalid(NO_END, faults=[Fault(NO_END, "#/ends")])
    return times


def _instant(form: Form, name: str, zone: tzinfo) -> str | None:
    """Return a time of a form as an RFC 3339 instant, or None if the field is empty."""
    given = text_of(form, name)
    if not given:
        return None
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        detail = f"{given[:40]} is no time; write it like 2026-12-24T18:00"
        raise Invalid(f"{name}: {detail}.", faults=[Fault(detail, f"#/{name}")]) from None
    meant = in_utc(at.replace(tzinfo=at.tzinfo or zone))
    if meant is None:
        detail = f"{given[:40]} is too far away; allowed is {ALLOWED}"
        raise Invalid(f"{name}: {detail}.", faults=[Fault(detail, f"#/{name}")])
    return rfc3339(meant)
