"""Pages for signing in and out: password, single sign-on, invitations.

A GET changes nothing, and every form must come from one of our pages.
"""

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.cookies import Cookie, clear_cookie, cookie_of, require_same_origin, set_cookie
from gate.api.http.permits import GateDep, visitor
from gate.api.http.proxies import source_of
from gate.errors import GateError, Invalid, NotAllowed, RateLimited, Unauthenticated
from gate.flow.attempts import ACCOUNT_PAUSE_SECONDS
from gate.flow.gate import Gate
from gate.flow.identity import people, sessions, single_sign_on
from gate.flow.identity.people import Offer
from gate.flow.identity.sessions import Opened
from gate.flow.identity.single_sign_on import SIGN_IN_MINUTES, Back
from gate.flow.passwords import PASSWORD_CHARACTERS_MIN
from gate.web.forms import read_fields, read_form, text_of
from gate.web.page import Pages, go_to, own_path
from gate.web.render import render

NEXT_LENGTH_MAX = 2_000
ANSWER_LENGTH_MAX = 4_000
SSO_COOKIE = "gate-sso"

pages = Pages()


class NextQuery(BaseModel, extra="forbid"):
    """The address that somebody wanted before they had to sign in."""

    next: Annotated[str, StringConstraints(max_length=NEXT_LENGTH_MAX)] = "/"


class CallbackQuery(BaseModel, extra="ignore"):
    """The parameters that an identity provider sends back; each adds others of its own."""

    code: Annotated[str, StringConstraints(max_length=ANSWER_LENGTH_MAX)] = ""
    state: Annotated[str, StringConstraints(max_length=ANSWER_LENGTH_MAX)] = ""
    iss: Annotated[str, StringConstraints(max_length=ANSWER_LENGTH_MAX)] | None = None
    error: Annotated[str, StringConstraints(max_length=ANSWER_LENGTH_MAX)] = ""


@pages.page_alone("/login")
async def show_login(
    query: Annotated[NextQuery, Query()], request: Request, gate: GateDep
) -> Response:
    """Show the form. A person who is signed in already is sent on to the wanted page."""
    then = own_path(query.next)
    if await visitor(request):
        return go_to(then)
    return _login(request, gate, then)


@pages.form("/login")
async def sign_in(request: Request, gate: GateDep) -> Response:
    """Sign in by address and password."""
    require_same_origin(request, gate)
    form = await read_fields(request)
    then, email = own_path(text_of(form, "next", "/")), text_of(form, "email")
    try:
        opened = await sessions.sign_in(
            gate, email, text_of(form, "password"), source=source_of(request, gate.trusted_proxies)
        )
    except (Unauthenticated, RateLimited) as error:
        return _login(request, gate, then, email=email, error=error)
    return await _enter(request, gate, opened, then)


@pages.form("/logout")
async def sign_out(request: Request, gate: GateDep) -> Response:
    """End the session on every server; a person without one is only shown the form."""
    person = await visitor(request)
    if person is not None:
        await read_form(request, person)
        await sessions.end(gate, cookie_of(request, gate) or "")
    response = go_to("/login")
    clear_cookie(response, request, gate)
    return response


@pages.page_alone("/login/sso")
async def go_to_provider(
    query: Annotated[NextQuery, Query()], request: Request, gate: GateDep
) -> Response:
    """Send the browser to the identity provider.

    A cookie keeps what only this browser can bring back, so that nobody can finish the sign-in of
    another.
    """
    started = await single_sign_on.start(gate, own_path(query.next))
    response = go_to(started.url)
    set_cookie(response, request, gate, started.sealed, Cookie(SSO_COOKIE, SIGN_IN_MINUTES * 60))
    return response


@pages.page_alone("/login/sso/callback")
async def come_back(
    query: Annotated[CallbackQuery, Query()], request: Request, gate: GateDep
) -> Response:
    """Take a browser back from the identity provider, and open a session."""
    if query.error:
        raise NotAllowed(
            "The identity provider did not sign you in. Start again, or ask whoever runs it."
        )
    sealed = cookie_of(request, gate, SSO_COOKIE)
    back = Back(query.state, query.code, query.iss, source=source_of(request, gate.trusted_proxies))
    opened, then = await single_sign_on.finish(gate, sealed, back)
    response = await _enter(request, gate, opened, own_path(then))
    clear_cookie(response, request, gate, purpose=SSO_COOKIE)
    return response


@pages.page_alone("/invitations/{token}")
async def show_invitation(token: str, request: Request, gate: GateDep) -> Response:
    """Return the page that shows what the link offers."""
    return _invitation(request, await people.offered(gate, token))


@pages.form("/invitations/{token}")
async def accept_invitation(token: str, request: Request, gate: GateDep) -> Response:
    """Use the link, and open a session."""
    require_same_origin(request, gate)
    form = await read_fields(request)
    offer = await people.offered(gate, token)
    password, email = text_of(form, "password"), text_of(form, "email")
    if password != text_of(form, "again"):
        return _invitation(
            request,
            offer,
            email=email,
            error=Invalid("The two passwords differ; type the same one twice."),
        )
    try:
        opened = await people.accept(gate, token, password=password, email=email)
    except Invalid as error:
        return _invitation(request, offer, email=email, error=error)
    return await _enter(request, gate, opened, "/")


async def _enter(request: Request, gate: Gate, opened: Opened, then: str) -> Response:
    """Answer with the new session, and end the one that this browser had before (A39)."""
    before = cookie_of(request, gate)
    if before is not None:
        await sessions.end(gate, before)
    response = go_to(then)
    set_cookie(response, request, gate, opened.secret)
    return response


def _login(
    request: Request, gate: Gate, then: str, *, email: str = "", error: GateError | None = None
) -> Response:
    values: dict[str, Any] = {
        "then": then,
        "email": email,
        "single_sign_on": gate.single_sign_on is not None,
    }
    return _shown(request, "login.html", values, error)


def _invitation(
    request: Request, offer: Offer, *, email: str = "", error: GateError | None = None
) -> Response:
    values: dict[str, Any] = {
        "offer": offer,
        "email": email or offer.email,
        "shortest": PASSWORD_CHARACTERS_MIN,
    }
    return _shown(request, "invitation.html", values, error)


def _shown(
    request: Request, template: str, values: dict[str, Any], error: GateError | None
) -> Response:
    headers = (
        {"Retry-After": str(ACCOUNT_PAUSE_SECONDS)} if isinstance(error, RateLimited) else None
    )
    return render(
        request,
        template,
        status=error.status if error else 200,
        headers=headers,
        error=error.detail if error else "",
        **values,
    )
