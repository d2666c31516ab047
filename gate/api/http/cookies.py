"""Sessions in cookies: how they are set and read, and what a request that changes something has to
bring beside them (A37).

A browser sends a cookie whichever page makes it send a request. So a request with a cookie that
changes anything must come from a page of this gate (the browser says so in headers that no page can
set), and must bring a secret text of the session, which only such a page contains.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.proxies import came_by_https
from gate.errors import NotAllowed
from gate.flow.caller import Person
from gate.flow.gate import Gate
from gate.storage.identity.sessions import LIFE_HOURS

CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
SAFE_METHODS = frozenset({"GET", "HEAD"})

_THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")
_ANYWHERE = frozenset({"0.0.0.0", "[::]", *_THIS_MACHINE})  # noqa: S104 - a server that listens everywhere is reached from here, too
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie of the gate: its purpose, and how long a browser keeps it."""

    purpose: str = "gate"
    seconds: int = LIFE_HOURS * 3600


SESSION = Cookie()


def cookie_name(request: Request, gate: Gate, purpose: str) -> str:
    """Return the name of a cookie.

    Over https it begins with `__Host-`. Browsers accept such a cookie only from this very host over
    https, so no other host and no insecure page can plant one.
    """
    return f"__Host-{purpose}" if is_secure(request, gate) else purpose


def is_secure(request: Request, gate: Gate) -> bool:
    """Return whether people reach the gate by https, as its address or a trusted proxy says."""
    return gate.base_url.startswith("https://") or came_by_https(request, gate.trusted_proxies)


def set_cookie(
    response: Response, request: Request, gate: Gate, value: str, cookie: Cookie = SESSION
) -> None:
    """Set a cookie for this host alone, which scripts cannot read.

    `SameSite=Lax`: a form on another site does not send it, and a link from there does, so that a
    link to a change opens its page.
    """
    secure = "; Secure" if is_secure(request, gate) else ""
    name = cookie_name(request, gate, cookie.purpose)
    written = f"{name}={value}; Max-Age={cookie.seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"
    response.raw_headers.append((b"set-cookie", written.encode("latin-1")))


def clear_cookie(
    response: Response, request: Request, gate: Gate, *, purpose: str = "gate"
) -> None:
    """Have the browser forget a cookie."""
    set_cookie(response, request, gate, "", Cookie(purpose, seconds=0))


def cookie_of(request: Request, gate: Gate, purpose: str = "gate") -> str | None:
    """Return the value of a cookie, or None.

    It is None as well if there are two of this name, because somebody else planted one of them.
    """
    name = cookie_name(request, gate, purpose).encode()
    found = [
        value
        for one in _cookies(request)
        for key, _, value in [one.partition(b"=")]
        if key.strip() == name
    ]
    return found[0].strip().decode("latin-1") if len(found) == 1 else None


def require_same_origin(request: Request, gate: Gate) -> None:
    """Raise `NotAllowed` unless a page of this gate has sent the request.

    It is refused as well if the browser does not say which page did.
    """
    headers = request.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if (site is None and origin is None) or (site is not None and site != "same-origin"):
        raise NotAllowed(
            "This was not sent by a page of this gate; open the page here and send it again."
        )
    own = gate.base_url
    # A proxy that people reach by https may stand before a gate whose address is given as http.
    if is_secure(request, gate):
        own = own.replace("http://", "https://", 1)
    if origin is not None and origin not in own_origins(own):
        raise NotAllowed(
            f"This was sent by a page of another address than {own}; open the gate there, "
            "or set GATE_BASE_URL."
        )


def require_csrf(person: Person, given: str | None) -> None:
    """Raise `NotAllowed` unless the request brings the secret text of the session."""
    if not person.csrf or not hmac.compare_digest(
        (given or "").encode(errors="replace"), person.csrf.encode()
    ):
        raise NotAllowed(
            "The form is not of this session; load the page again and send it from there."
        )


def own_origins(base_url: str) -> frozenset[str]:
    """Return the origins under which browsers may name the gate.

    There are several where it listens on this machine only: `localhost` and its addresses.
    """
    parts = urlsplit(base_url)
    host = (
        f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    )
    port = "" if parts.port in {None, _PORTS.get(parts.scheme)} else f":{parts.port}"
    hosts: Iterable[str] = (
        (host, *_THIS_MACHINE) if parts.scheme == "http" and host in _ANYWHERE else (host,)
    )
    return frozenset(f"{parts.scheme}://{one}{port}" for one in hosts)


def _cookies(request: Request) -> list[bytes]:
    return [
        one
        for name, value in request.scope["headers"]
        if name == b"cookie"
        for one in value.split(b";")
    ]
