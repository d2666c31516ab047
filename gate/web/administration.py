"""The administration page: people, groups, tokens, messages that are not delivered, and the health
of the gate.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.permits import GateDep
from gate.api.models.acts import TokenRequest
from gate.api.models.people import InvitationRequest, PersonRequest
from gate.core.instants import rfc3339
from gate.errors import Conflict, Fault, Invalid, NotAllowed, NotFound
from gate.flow.caller import Person, Role
from gate.flow.commands import Page, Part
from gate.flow.gate import Gate
from gate.flow.identity import people, tokens
from gate.flow.identity.labels import callers_shown
from gate.flow.queries.upkeep import upkeep
from gate.web.forms import (
    NOT_WRITTEN,
    Form,
    names_of,
    one,
    read_form,
    read_request,
    written,
)
from gate.web.notices import Notice
from gate.web.page import Cursor, Pages, View, following, go_on
from gate.web.viewer import Doer, Keeper, Viewer

EXPIRIES: Mapping[str, int | None] = {
    "in 30 days": 30,
    "in 90 days": 90,
    "in a year": 365,
    "never": None,
}
"""The lives of a token that the form offers, in days. None means that the token does not end."""

ROLES: Mapping[str, str] = {
    "person": "all that you may do",
    "pipeline": "a pipeline",
    "hook": "a hook",
    "auditor": "an auditor",
    "admin": "an admin",
}
"""The roles of a token, in the words of the form."""

pages = Pages()


class AdministrationQuery(BaseModel, extra="forbid"):
    """The positions from which the lists of the page continue."""

    people: Cursor = None
    tokens: Cursor = None


FIRST = AdministrationQuery()


@pages.page("/administration")
async def overview(
    query: Annotated[AdministrationQuery, Query()], by: Viewer, gate: GateDep
) -> View:
    """Return the page. Everybody sees groups, health and their own tokens. Admins also see people
    and every token.
    """
    return await _overview(gate, by, query)


@pages.form("/administration/tokens")
async def create_token(request: Request, by: Doer, gate: GateDep) -> View:
    """Create a token, and return the page with its text, which is shown only this once."""
    form = await read_form(request, by)
    try:
        made = await tokens.create(gate, _wanted(form, by, gate.clock()).command(), by)
    except Invalid as refused:
        return await _overview(gate, by, written=written("token", form, refused, "role"))
    return await _overview(gate, by, secret=made.token)


def _wanted(form: Form, by: Person, now: datetime) -> TokenRequest:
    role, name = one(form, "role"), one(form, "name")
    wanted: dict[str, Any] = (
        {"person": by.id} if role == "person" else {"role": role, **_bound(form, role)}
    )
    days = EXPIRIES.get(one(form, "expires"))
    if days is not None:
        wanted["expires_at"] = rfc3339(now + timedelta(days=days))
    if not name:
        detail = "Say what it is used for, so that later somebody knows whether it may go."
        raise Invalid(detail, faults=[Fault(detail, "#/name")])
    return read_request(TokenRequest, name=name, **wanted)


def _bound(form: Form, role: str) -> dict[str, Any]:
    """Return the fields of the form that a token of this role needs."""
    services = names_of(form, "services")
    match role:
        case Role.PIPELINE:
            if services:
                return {"services": services}
            return {"all_services": True}
        case Role.HOOK:
            return {"services": services, "hook": one(form, "hook") or None}
        case _:
            return {}


@pages.form("/administration/tokens/{token}/end")
async def revoke_token(request: Request, token: str, by: Doer, gate: GateDep) -> Response:
    """Revoke a token at once."""
    await read_form(request, by)
    await tokens.revoke(gate, token, by)
    return go_on(request, "/administration#tokens", Notice.REVOKED)


@pages.form("/administration/people")
async def invite(request: Request, by: Keeper, gate: GateDep) -> View:
    """Invite a person, and return the page with the link, which is shown only this once."""
    form = await read_form(request, by)
    role = one(form, "role")
    try:
        wanted = read_request(
            InvitationRequest, email=one(form, "email"), **({"role": role} if role else {})
        )
        made = await people.invite(gate, wanted.command(), by)
    except Invalid as refused:
        return await _overview(gate, by, written=written("invite", form, refused, "email"))
    return await _overview(gate, by, invitation=made.answer.invitation, waits=not made.is_complete)


@pages.form("/administration/people/{person}")
async def change_person(
    request: Request, person: str, by: Keeper, gate: GateDep
) -> View | Response:
    """Change the role of a person, or disable or enable the account."""
    form = await read_form(request, by)
    act = one(form, "act")
    asked: dict[str, Any] = (
        {"disabled": act == "shut_out"}
        if act in {"shut_out", "let_in"}
        else {"role": one(form, "role") or None}
    )
    try:
        await people.change(gate, person, read_request(PersonRequest, **asked).command(), by)
    except (NotAllowed, NotFound, Invalid, Conflict) as refused:
        shown = written("people", form, refused)
        return await _overview(gate, by, written=shown, refused=refused)
    return go_on(request, "/administration#people", Notice.PERSON_CHANGED)


_NOTHING: Page[Any] = Page((), next=None)


async def _overview(
    gate: Gate, by: Person, query: AdministrationQuery = FIRST, **more: Any
) -> View:
    found = await upkeep(gate)
    is_admin = by.role is Role.ADMIN
    own = (
        await tokens.listing(gate, by, Part(cursor=query.tokens))
        if by.role is not Role.AUDITOR
        else _NOTHING
    )
    let_in = await people.listing(gate, by, Part(cursor=query.people)) if is_admin else _NOTHING
    named = [one_ for token in own.items for one_ in (token.person, token.created_by) if one_]
    data = {
        **vars(found),
        "tokens": list(own.items),
        "next_tokens": own.next,
        "let_in": list(let_in.items),
        "next_let_in": let_in.next,
    }
    values = {
        "found": found,
        "tokens": own.items,
        "more_tokens": following("/administration", "tokens", tokens=own.next),
        "let_in": let_in.items,
        "more_people": following("/administration", "people", people=let_in.next),
        "is_admin": is_admin,
        "expiries": list(EXPIRIES),
        "roles": ROLES if is_admin else {"person": ROLES["person"]},
        "may_write": by.role is not Role.AUDITOR,
        "now": found.at,
        "names": await callers_shown(gate, named),
        "secret": more.get("secret"),
        "invitation": more.get("invitation"),
        "waits": more.get("waits", False),
        "written": more.get("written", NOT_WRITTEN),
    }
    status = 422 if "written" in more else 200
    return View("administration.html", data, values, status, more.get("refused"))
