"""One HTTP request: certificates are always checked, no redirect is followed, time and size are
bounded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import urllib.request
    from urllib.response import addinfourl

CONNECT_SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 4 * 1024 * 1024


class TransportFailed(Exception):
    """No whole answer arrived; the message says what happened instead."""


class Request(NamedTuple):
    """A request. `seconds` is the limit from the first packet to the last byte of the answer."""

    method: str
    url: str
    headers: Mapping[str, str]
    data: bytes | None
    seconds: float


class Reply(NamedTuple):
    """A whole answer. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def send(request: Request, env: Mapping[str, str]) -> Reply:
    """Send a request and return its reply. Raises `TransportFailed`."""
    return _within(request.seconds, lambda: _send(request, env))


def _within(seconds: float, work: Callable[[], Reply]) -> Reply:
    """Return what the work returns. Raises `TransportFailed` after so many seconds.

    The work runs in a thread, which is left behind when it is late. The time limits of sockets are
    not enough: they cover neither the look-up of a name nor an answer that comes byte by byte.
    """
    done: list[Any] = []

    def run() -> None:
        try:
            done.append(work())
        except Exception as error:  # noqa: BLE001 - carried over to the thread that asked, which raises it
            done.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not done:
        raise TransportFailed(_late(seconds))
    if isinstance(done[0], Exception):
        raise done[0]
    reply: Reply = done[0]
    return reply


def _send(request: Request, env: Mapping[str, str]) -> Reply:
    import http.client  # noqa: PLC0415 - `--help` need not wait for it
    import urllib.error  # noqa: PLC0415 - the same
    import urllib.request  # noqa: PLC0415 - the same

    prepared = urllib.request.Request(  # noqa: S310 - `Http` takes no address but http and https
        request.url, request.data, dict(request.headers), method=request.method
    )
    limit = min(CONNECT_SECONDS_MAX, request.seconds)
    try:
        with _opener(request.url, env).open(prepared, timeout=limit) as response:
            return _read(response)
    except urllib.error.HTTPError as error:
        with error:
            return _read(error)
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise TransportFailed(_late(limit)) from error
        raise TransportFailed(str(error.reason) or "no connection") from error
    except TimeoutError as error:
        raise TransportFailed(_late(limit)) from error
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise TransportFailed(f"{type(error).__name__}: {error}") from error


def _late(seconds: float) -> str:
    return f"no answer within {seconds:.0f} s"


def _read(response: addinfourl) -> Reply:
    import http.client  # noqa: PLC0415 - loaded already

    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        content = response.read(ANSWER_BYTES_MAX + 1)
    except (http.client.HTTPException, OSError) as error:
        raise TransportFailed(f"the answer broke off: {type(error).__name__}") from error
    if len(content) > ANSWER_BYTES_MAX:
        raise TransportFailed(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
    promised = headers.get("content-length", "")
    if promised.isdigit() and int(promised) != len(content):
        raise TransportFailed(f"the answer broke off after {len(content)} of {promised} bytes")
    return Reply(response.status or 0, headers, content)


def _opener(url: str, env: Mapping[str, str]) -> urllib.request.OpenerDirector:
    """Return an opener for HTTP and HTTPS that follows no redirect.

    A redirect is returned like any other answer, so a token is never sent on to another host.
    """
    import urllib.error  # noqa: PLC0415 - loaded already
    import urllib.request  # noqa: PLC0415 - the same

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(_proxies(url, env)),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _proxies(url: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy to use for this address, if any.

    Only https goes through a proxy, which cannot read it. Plain http is sent directly, because it
    is only for machines nearby.
    """
    import urllib.parse  # noqa: PLC0415 - loaded already

    proxy = env.get("https_proxy") or env.get("HTTPS_PROXY")
    parts = urllib.parse.urlsplit(url)
    if (
        parts.scheme != "https"
        or not proxy
        or _bypasses(parts.hostname or "", env.get("no_proxy") or env.get("NO_PROXY") or "")
    ):
        return {}
    return {"https": proxy}


def _bypasses(host: str, without: str) -> bool:
    names = [name.strip().lstrip(".").lower() for name in without.split(",")]
    return "*" in names or any(
        name and (host == name or host.endswith(f".{name}")) for name in names
    )
