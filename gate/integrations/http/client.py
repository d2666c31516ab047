"""Asks other systems over HTTP, with a limit for the time and for the length of the answer.

Whatever goes wrong is a `SourceUnavailable`.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import cache
from ipaddress import ip_address
from typing import Any, TypeAlias

import httpx
import orjson

from gate.errors import SourceUnavailable

SOURCE_SECONDS_MAX = 3.0
ANSWER_BYTES_MAX = 1024 * 1024
FORM = "application/x-www-form-urlencoded"
_OK_ALONE = frozenset({200})

OpenClient: TypeAlias = Callable[[], Awaitable[httpx.AsyncClient]]


async def open_client() -> httpx.AsyncClient:
    """Return a client that follows no redirect and uses no proxy. The caller closes it."""
    return httpx.AsyncClient(
        verify=await asyncio.to_thread(_trusted),
        timeout=SOURCE_SECONDS_MAX,
        follow_redirects=False,
        trust_env=False,
        headers={
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "change-gate",
        },
    )


async def read_json(url: str, *, within_seconds: float = SOURCE_SECONDS_MAX) -> Any:
    """Return the JSON at this address. Raises `SourceUnavailable` for anything else."""
    return await _ask("GET", url, None, {}, _OK_ALONE, within_seconds)


async def send_form(
    url: str, body: str, headers: Mapping[str, str], *, may_answer: Collection[int]
) -> Any:
    """Send a form and return the JSON of the answer.

    Raises `SourceUnavailable` for a status that is not in `may_answer`.
    """
    return await _ask(
        "POST",
        url,
        body.encode(),
        {**headers, "Content-Type": FORM},
        may_answer,
        SOURCE_SECONDS_MAX,
    )


async def _ask(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    may_answer: Collection[int],
    within_seconds: float,
) -> Any:
    if not is_private(url):
        raise SourceUnavailable(
            f"{_named(url)} is not asked: allowed is https, or http to this machine"
        )
    client = await open_client()
    try:
        async with (
            asyncio.timeout(within_seconds),
            client,
            client.stream(method, url, content=body, headers=headers) as response,
        ):
            content = await _content(response, may_answer)
    except TimeoutError:
        raise SourceUnavailable(
            f"{_named(url)} did not answer within {within_seconds:g} s"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise SourceUnavailable(
            f"{_named(url)} could not be asked ({type(error).__name__})"
        ) from error
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        raise SourceUnavailable(f"{_named(url)} answered with something that is no JSON") from None


def is_private(url: str) -> bool:
    """Return whether nobody on the way can read or change the request.

    That is so with https, and with http on this machine.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    if parsed.userinfo or not parsed.host:
        return False
    return parsed.scheme == "https" or (parsed.scheme == "http" and is_loopback(parsed.host))


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its name; one that only resolves to it is not."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def read_whole(response: httpx.Response, name: str, bytes_max: int) -> bytes:
    """Return the body of an answer. Raises `SourceUnavailable` for a longer one.

    It is never unpacked, because a small one could become a large one.
    """
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > bytes_max:
            raise SourceUnavailable(f"{name} answered with more than {bytes_max:,} bytes")
    return bytes(content)


async def _content(response: httpx.Response, may_answer: Collection[int]) -> bytes:
    if response.status_code not in may_answer:
        raise SourceUnavailable(
            f"{_named(str(response.url))} answered {response.status_code}, wanted was 200"
        )
    return await read_whole(response, _named(str(response.url)), ANSWER_BYTES_MAX)


def _named(url: str) -> str:
    """Return the URL for logs and answers, without user name, query and fragment."""
    return url.partition("?")[0].partition("#")[0].rpartition("@")[2][:200]


@cache
def _trusted() -> ssl.SSLContext:
    """Return a context that trusts the usual authorities and those installed on this machine.

    It is made once, because reading them takes a while.
    """
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context
