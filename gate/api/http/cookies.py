"""Sessions in cookies: how they are set and read, and what a request that changes something has to
bring beside them (A37).

A browser sends a cookie whoever asked it to. So a request with one that changes anything must come
from a page of this gate (the browser says so, and no page can make it lie) and must bring the
session's own word, which only such a page knows.
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
    """A cookie of the gate's: what for, and how long a browser keeps it."""

    purpose: str = "gate"
    seconds: int = LIFE_HOURS * 3600


SESSION = Cookie()


def cookie_name(request: Request, gate: Gate, purpose: str = "gate") -> str:
    """Over https the name itself makes browsers refuse what another host or an insecure page has
    set.
    """
    return f"__Host-{purpose}" if is_secure(request, gate) else purpose


def is_secure(request: Request, gate: Gate) -> bool:
    """Whether people reach the gate by https: its address says so, or a trusted proxy does."""
    return gate.base_url.startswith("https://") or came_by_https(request, gate.trusted_proxies)


def set_cookie(
    response: Response, request: Request, gate: Gate, value: str, cookie: Cookie = SESSION
) -> None:
    """For this host alone, unseen by scripts; other sites' forms do not send it, links from
    elsewhere do.
    """
    secure = "; Secure" if is_secure(request, gate) else ""
    name = cookie_name(request, gate, cookie.purpose)
    written = f"{name}={value}; Max-Age={cookie.seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"
    response.raw_headers.append((b"set-cookie", written.encode("latin-1")))


def clear_cookie(
    response: Response, request: Request, gate: Gate, *, purpose: str = "gate"
) -> None:
    """The browser forgets it."""
    set_cookie(response, request, gate, "", Cookie(purpose, seconds=0))


def cookie_of(request: Request, gate: Gate, purpose: str = "gate") -> str | None:
    """The cookie's value. Two of one name are none: somebody has planted one of them."""
    name = cookie_name(request, gate, purpose).encode()
    found = [
        value
        for one in _cookies(request)
        for key, _, value in [one.partition(b"=")]
        if key.strip() == name
    ]
    return found[0].strip().decode("latin-1") if len(found) == 1 else None


def require_same_origin(request: Request, gate: Gate) -> None:
    """Raises `NotAllowed` for whatever no page of this gate has sent, also where nobody says who
    did.
    """
    headers = request.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if (site is None and origin is None) or (site is not None and site != "same-origin"):
        raise NotAllowed(
            "This was not sent by a page of this gate; open the page here and send it again."
        )
    own = gate.base_url
    if is_secure(
        request, gate
    ):  # a proxy that was reached by https stands before an address that was given without
        own = own.replace("http://", "https://", 1)
    if origin is not None and origin not in own_origins(own):
        raise NotAllowed(
            f"This was sent by a page of another address than {own}; open the gate there, "
            "or set GATE_BASE_URL."
        )


def require_csrf(person: Person, given: str | None) -> None:
    """Raises `NotAllowed` unless the request brings the session's own word."""
    if not person.csrf or not hmac.compare_digest(
        (given or "").encode(errors="replace"), person.csrf.encode()
    ):
        raise NotAllowed(
            "The form is not of this session; load the page again and send it from there."
        )


def own_origins(base_url: str) -> frozenset[str]:
    """How browsers name the gate. A machine has several names for itself."""
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
