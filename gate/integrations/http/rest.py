"""Asks a REST interface of another system within limits: time, bytes, requests at once, attempts,
and the pace that the system wants.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from gate.errors import SourceUnavailable
from gate.integrations.http.client import OpenClient, is_private, open_client, read_whole
from gate.tracing import span

REQUEST_SECONDS_MAX = 2.5
"""Less than the time that a source has for everything, so that one slow part does not take the
answer of the others with it."""

ANSWER_BYTES_MAX = 8 * 1024 * 1024
"""Large enough for a comparison of 300 files, which always contains their patches."""

REQUESTS_AT_ONCE_MAX = 20
TRIES_MAX = 3
FIRST_PAUSE_SECONDS = 0.1
FAILURES_MAX = 5
"""The number of requests in a row without an answer after which the system counts as down."""

DOWN_SECONDS = 10.0
PACE_SECONDS_MAX = 3_600.0
PACE_SECONDS_DEFAULT = 60.0

_NEXT = re.compile(r'<([^<>]{1,2000})>;[^,<>]*\brel="next"')
_REDIRECTS = frozenset({301, 302, 307, 308})
_TOO_MANY = 429
_FORBIDDEN = 403
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Credential:
    """The token of a caller.

    `lane` names whose budget of requests it uses, which does not change when the token does.
    """

    lane: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. The names of headers are in lower case; the JSON of an empty body is None."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def has_next(self) -> bool:
        """Whether there is another page after this one."""
        return self.next_url is not None

    @property
    def next_url(self) -> str | None:
        """The address of the next page, if there is one."""
        found = _NEXT.search(self.headers.get("link", ""))
        return found.group(1) if found else None

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the next page, if pages go by a cursor."""
        return httpx.URL(self.next_url).params.get("cursor") if self.next_url else None


class Refused(SourceUnavailable):
    """The system answered with a status that was not wanted."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__(detail)
        self.status = status


class Paced(SourceUnavailable):
    """The system wants no requests for a while, and says for how long."""


class Rest:
    """One interface at one address. `close` closes its connections."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        open_client: OpenClient = open_client,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self.host = httpx.URL(url).host
        self._headers = dict(headers)
        self._open = open_client
        self._monotonic = monotonic
        self._sleep = sleep
        self._client: asyncio.Task[httpx.AsyncClient] | None = None
        self._at_once = asyncio.Semaphore(REQUESTS_AT_ONCE_MAX)
        self._failures = 0
        self._down_until = float("-inf")
        self._pace: dict[str, float] = {}

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await (await client).aclose()

    async def get(
        self, path: str, by: Credential, params: Mapping[str, str | int] | None = None
    ) -> Reply:
        """Send a GET request, and again if another attempt may help.

        Raises `Refused` for any status but 200, and `SourceUnavailable` if there is no answer.
        """
        for attempt in range(TRIES_MAX):
            try:
                reply = await self._once("GET", path, by, params, None)
                break
            except _Failed as failed:
                if attempt + 1 == TRIES_MAX or self._is_down():
                    raise SourceUnavailable(failed.detail) from failed
            await self._sleep(FIRST_PAUSE_SECONDS * 3**attempt)
        if reply.status in _REDIRECTS and (moved := self._moved_to(reply)):
            reply = await self._once("GET", moved, by, None, None)
        return self._wanted(reply, path, {200})

    async def post(self, path: str, by: Credential, body: Any, wanted: frozenset[int]) -> Reply:
        """Send a POST request once, because only the caller knows whether it may be repeated.

        Raises as `get` does.
        """
        try:
            reply = await self._once("POST", path, by, None, body)
        except _Failed as failed:
            raise SourceUnavailable(failed.detail) from failed
        return self._wanted(reply, path, wanted)

    async def _once(
        self,
        method: str,
        path: str,
        by: Credential,
        params: Mapping[str, str | int] | None,
        body: Any,
    ) -> Reply:
        self._require_pace(by.lane)
        headers = {**self._headers, **by.headers}
        content = None if body is None else orjson.dumps(body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with asyncio.timeout(REQUEST_SECONDS_MAX), self._at_once:
                client = await self._connected()
                request = client.build_request(
                    method, self.url + path, params=params, headers=headers, content=content
                )
                reply = await _sent(client, request)
        except TimeoutError:
            raise self._failed(
                f"{self.host} did not answer within {REQUEST_SECONDS_MAX:g} s"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise self._failed(
                f"{self.host} could not be asked ({type(error).__name__})"
            ) from error
        if reply.status >= _SERVER_ERROR:
            raise self._failed(f"{self.host} answered {reply.status}")
        self._failures = 0
        self._keep_pace(by.lane, reply)
        return reply

    async def _connected(self) -> httpx.AsyncClient:
        """Return the one client, opened at the first request.

        A caller who gives up waiting does not end the opening for the others.
        """
        if not is_private(self.url):
            raise SourceUnavailable(
                f"{self.host} is not asked: allowed is https, or http to this machine"
            )
        if self._client is None or (
            self._client.done() and (self._client.cancelled() or self._client.exception())
        ):
            self._client = asyncio.ensure_future(self._open())
        return await asyncio.shield(self._client)

    def _failed(self, detail: str) -> "_Failed":
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            self._down_until = self._monotonic() + DOWN_SECONDS
        return _Failed(detail)

    def _is_down(self) -> bool:
        return self._monotonic() < self._down_until

    def _require_pace(self, lane: str) -> None:
        now = self._monotonic()
        if now < self._down_until:
            raise SourceUnavailable(
                f"{self.host} did not answer {FAILURES_MAX} times in a row, and is left "
                f"alone for {DOWN_SECONDS:g} s"
            )
        left = self._pace.get(lane, now) - now
        if left > 0:
            raise Paced(
                f"{self.host} wants no requests for another {left:.0f} s (rate limit)",
                retry_after_seconds=int(left) + 1,
            )

    def _keep_pace(self, lane: str, reply: Reply) -> None:
        """Raise `SourceUnavailable` if the answer says that these were too many requests, and send
        none for as long as it says.
        """
        seconds = _asked_pause(reply)
        if seconds is None:
            return
        now = self._monotonic()
        self._pace = {one: until for one, until in self._pace.items() if until > now}
        self._pace[lane] = now + min(seconds, PACE_SECONDS_MAX)
        self._require_pace(lane)

    def _moved_to(self, reply: Reply) -> str | None:
        """Return the new path if the answer redirects within the same address.

        A redirect elsewhere is not followed, because the request carries a token.
        """
        target = reply.headers.get("location", "")
        if target.startswith(f"{self.url}/"):
            return target.removeprefix(self.url)
        return None

    def _wanted(self, reply: Reply, path: str, wanted: frozenset[int] | set[int]) -> Reply:
        if reply.status in wanted:
            return reply
        said = reply.body.get("message") if isinstance(reply.body, dict) else None
        words = f": {str(said)[:200]}" if said else ""
        raise Refused(
            f"{self.host} answered {reply.status} to {path.partition('?')[0][:200]}{words}",
            reply.status,
        )


class _Failed(SourceUnavailable):
    """An attempt got no answer."""


def _asked_pause(reply: Reply) -> float | None:
    """Return for how many seconds the system wants no requests, or None if it does not say."""
    if reply.status not in {_FORBIDDEN, _TOO_MANY}:
        return None
    after = _seconds(reply.headers.get("retry-after"))
    if after is not None:
        return after
    remaining = reply.headers.get("x-ratelimit-remaining", reply.headers.get("ratelimit-remaining"))
    if remaining == "0":
        reset = _seconds(
            reply.headers.get("x-ratelimit-reset", reply.headers.get("ratelimit-reset"))
        )
        return PACE_SECONDS_DEFAULT if reset is None else max(1.0, reset - time.time())
    said = str(reply.body.get("message", "")) if isinstance(reply.body, dict) else ""
    if reply.status == _TOO_MANY or "rate limit" in said.lower():
        return PACE_SECONDS_DEFAULT
    return None


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isdecimal() else None


async def _sent(client: httpx.AsyncClient, request: httpx.Request) -> Reply:
    """Return the answer. Its span has the host alone, because a path may have names in it."""
    with span(
        "code host",
        http_request_method=request.method,
        server_address=request.url.host,
    ) as seen:
        response = await client.send(request, stream=True)
        try:
            seen.set_attribute("http.response.status_code", response.status_code)
            return Reply(
                response.status_code,
                {k.lower(): v for k, v in response.headers.items()},
                await _content(response),
            )
        finally:
            await response.aclose()


async def _content(response: httpx.Response) -> Any:
    """Return the JSON of the body, or None for an empty one."""
    content = await read_whole(response, response.url.host, ANSWER_BYTES_MAX)
    if not content:
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        if response.status_code >= _SERVER_ERROR:
            return None
        raise SourceUnavailable(
            f"{response.url.host} answered {response.status_code} with something that is no JSON"
        ) from None
