"""What a browser sends back: small forms, from our own pages only."""

import hmac
from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from gate.api.body import read_body
from gate.errors import BadRequest, Invalid, NotAllowed
from gate.web.render import CSRF_FIELD

FIELDS_MAX = 500
MEDIA_TYPE = "application/x-www-form-urlencoded"

Form: TypeAlias = Mapping[str, list[str]]
"""Each field's values, in order. `one` reads a field that stands once."""


async def read_form(request: Request, csrf: str) -> Form:
    """The form of a page that this server made for this session. Raises `NotAllowed` for one from anywhere else."""
    require_same_origin(request)
    form = await read_fields(request)
    if not csrf or not hmac.compare_digest(one(form, CSRF_FIELD).encode(), csrf.encode()):
        raise NotAllowed("This form does not belong to your session. Open the page again and repeat what you did.")
    return form


async def read_fields(request: Request) -> Form:
    """The fields of a form. Raises `Invalid`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        raise BadRequest(f"A form is sent as {MEDIA_TYPE}.", problem="invalid")
    body = await read_body(request.receive)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise Invalid(f"The form cannot be read; it may have {FIELDS_MAX} fields in UTF-8.") from None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in value:
            raise Invalid("A field has a NUL character, which no text may have.")
        form.setdefault(name, []).append(value.replace("\r\n", "\n").strip())
    return form


def one(form: Form, name: str, otherwise: str = "") -> str:
    """The value of a field that may stand once."""
    values = form.get(name, [])
    return values[0] if len(values) == 1 else otherwise


def require_same_origin(request: Request) -> None:
    """Refuses what another site made the browser send. Raises `NotAllowed`.

    A browser says where a request comes from; one that says neither is not one of ours.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise NotAllowed("This was sent from another site. Open the page here and repeat what you did.")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise NotAllowed("This was sent from another origin. Open the page here and repeat what you did.")
    if site is None and origin is None:
        raise NotAllowed("The browser did not say which page this comes from.")
