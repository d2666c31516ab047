"""The administration page: people, groups, tokens, messages that are not delivered, and the health
of the gate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
from gate.errors import Conflict, Fault, GateError, Invalid, NotAllowed, NotFound
from gate.flow.caller import Person, Role
from gate.flow.commands import Page, Part
from gate.flow.gate import Gate
from gate.flow.identity import people, tokens
from gate.flow.identity.labels import callers_shown
from gate.flow.queries.upkeep import upkeep
from gate.web.forms import (
    NOT_WRITTEN,
    Form,
    Written,
    names_of,
    read_form,
    read_request,
    text_of,
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
    return await _overview(gate, by, made=Made(secret=made.token))


def _wanted(form: Form, by: Person, now: datetime) -> TokenRequest:
    role, name = text_of(form, "role"), text_of(form, "name")
    wanted: dict[str, Any] = (
        {"person": by.id} if role == "person" else {"role": role, **_bound(form, role)}
    )
    days = EXPIRIES.get(text_of(form, "expires"))
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
            return {"services": services, "hook": text_of(form, "hook") or None}
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
    role = text_of(form, "role")
    try:
        wanted = read_request(
            InvitationRequest, email=text_of(form, "email"), **({"role": role} if role else {})
        )
        made = await people.invite(gate, wanted.command(), by)
    except Invalid as refused:
        return await _overview(gate, by, written=written("invite", form, refused, "email"))
    shown = Made(invitation=made.answer.invitation, waits=not made.is_complete)
    return await _overview(gate, by, made=shown)


@pages.form("/administration/people/{person}")
async def change_person(
    request: Request, person: str, by: Keeper, gate: GateDep
) -> View | Response:
    """Change the role of a person, or disable or enable the account."""
    form = await read_form(request, by)
    act = text_of(form, "act")
    asked: dict[str, Any] = (
        {"disabled": act == "shut_out"}
        if act in {"shut_out", "let_in"}
        else {"role": text_of(form, "role") or None}
    )
    try:
        await people.change(gate, person, read_request(PersonRequest, **asked).command(), by)
    except (NotAllowed, NotFound, Invalid, Conflict) as refused:
        shown = written("people", form, refused)
        return await _overview(gate, by, written=shown, refused=refused)
    return go_on(request, "/administration#people", Notice.PERSON_CHANGED)


_NOTHING: Page[Any] = Page((), next=None)


@dataclass(frozen=True, slots=True)
class Made:
    """What a form has just made, which its page shows only this once. An invitation `waits` if
    another admin has to ask for it too.
    """

    secret: str = ""
    invitation: str | None = None
    waits: bool = False


NOTHING_MADE = Made()


async def _overview(
    gate: Gate,
    by: Person,
    query: AdministrationQuery = FIRST,
    made: Made = NOTHING_MADE,
    written: Written = NOT_WRITTEN,
    refused: GateError | None = None,
) -> View:
    found = await upkeep(gate)
    is_admin = by.role is Role.ADMIN
    own = (
        await tokens.listing(gate, by, Part(cursor=query.tokens))
        if by.role is not Role.AUDITOR
        else _NOTHING
    )
    let_in = await people.listing(gate, by, Part(cursor=query.people)) if is_admin else _NOTHING
    named = [one for token in own.items for one in (token.person, token.created_by) if one]
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
        "secret": made.secret,
        "invitation": made.invitation,
        "waits": made.waits,
        "written": written,
    }
    status = 200 if written is NOT_WRITTEN else 422
    return View("administration.html", data, values, status, refused)
