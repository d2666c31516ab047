"""Sends messages to addresses that somebody configured, and never into our own network.

The name is looked up once, every address of it is judged, and the connection goes to a judged one.
There is no redirect, no proxy and no second look-up, because each could lead elsewhere. The body of
the answer is not read.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

import httpx

from gate.errors import SourceUnavailable, Undeliverable
from gate.integrations.http.client import OpenClient, open_client

SECONDS_MAX = 5.0
CONNECT_SECONDS_MAX = 2.0
ADDRESSES_TRIED_MAX = 3
RETRY_AFTER_SECONDS_MAX = 3600

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]


_NAT64 = ip_network("64:ff9b::/96")
_TUNNELS = (ip_network("2001::/32"), ip_network("2002::/16"), ip_network("64:ff9b:1::/48"))
# For machines on the way, whatever a later table calls global.
_PROTOCOL_ASSIGNMENTS = ip_network("192.0.0.0/24")
_GLOBAL_UNICAST = ip_network("2000::/3")
"""All addresses of IPv6 that are assigned. Python calls others global too, such as the site-local
`fec0::/10`, which some networks still use."""

_NEVER_PUBLIC = (ip_network("3fff::/20"), ip_network("192.88.99.0/24"))
"""Addresses for documentation, and of 6to4 relays, whatever the tables of Python say."""

_OK, _REDIRECT = 200, 300
GONE = frozenset({410})
"""The statuses that say for good that the receiver is gone."""


async def look_up(host: str, port: int) -> list[str]:
    """Return every address of a name, as this machine resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Outbound:
    """Sends to public addresses and to the networks that the operator allows.

    Plain http is used only in those networks.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        resolve: Resolve = look_up,
        client: OpenClient = open_client,
    ) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve
        self._client = client

    async def post(
        self,
        url: str,
        content: bytes,
        headers: Mapping[str, str],
        *,
        refused: frozenset[int] = GONE,
    ) -> None:
        """Send, and return when the receiver has confirmed with 2xx.

        Raises `SourceUnavailable`, or `Undeliverable` for a status in `refused`.
        """
        parsed = _parsed(url)
        host = parsed.raw_host.decode()
        try:
            async with asyncio.timeout(SECONDS_MAX):
                addresses = await self._addresses(parsed, host)
                status, retry_after = await self._sent(parsed, addresses, content, headers)
        except TimeoutError:
            raise SourceUnavailable(f"{host} did not answer within {SECONDS_MAX:g} s") from None
        if status in refused:
            raise Undeliverable(f"{host} answered {status}: it takes this message no more")
        if not _OK <= status < _REDIRECT:
            raise SourceUnavailable(
                f"{host} answered {status}, wanted was 2xx", retry_after_seconds=retry_after
            )

    async def judge(self, url: str) -> None:
        """Check, without sending, whether something may be sent there now.

        Raises `SourceUnavailable` with the reason if not.
        """
        parsed = _parsed(url)
        host = parsed.raw_host.decode()
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await self._addresses(parsed, host)
        except TimeoutError:
            raise SourceUnavailable(f"{host} was not found within {SECONDS_MAX:g} s") from None

    async def _addresses(self, url: httpx.URL, host: str) -> list[str]:
        """Return the addresses of the host, looked up once; refuse all if one is not allowed."""
        try:
            port = url.port or (443 if url.scheme == "https" else 80)
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise SourceUnavailable(f"{host} has no address") from None
        for address in found:
            self._refuse_forbidden(url, host, address)
        if not found:
            raise SourceUnavailable(f"{host} has no address")
        return list(found[:ADDRESSES_TRIED_MAX])

    def _refuse_forbidden(self, url: httpx.URL, host: str, address: str) -> None:
        judged = _judged(address)
        inside = judged is not None and any(
            judged in network for network in self._allowed if network.version == judged.version
        )
        if not inside and (judged is None or not _is_public(judged)):
            raise SourceUnavailable(
                f"{host} is {address}, which is not public; GATE_OUTBOUND_ALLOW names the "
                "networks that may be reached"
            )
        if not inside and url.scheme != "https":
            raise SourceUnavailable(
                f"{host} is asked for by http, allowed is https; http goes to networks of "
                "GATE_OUTBOUND_ALLOW alone"
            )

    async def _sent(
        self, url: httpx.URL, addresses: Sequence[str], content: bytes, headers: Mapping[str, str]
    ) -> tuple[int, int]:
        """Return the status from the first address that accepts a connection."""
        host = url.raw_host.decode()
        error: Exception | None = None
        async with await self._client() as client:
            for address in addresses:
                request = client.build_request(
                    "POST",
                    url.copy_with(host=address),
                    content=content,
                    headers={**headers, "Host": url.netloc.decode()},
                    timeout=httpx.Timeout(SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
                    # The certificate must be that of the name, not of the address.
                    extensions={"sni_hostname": host},
                )
                try:
                    response = await client.send(request, stream=True)
                except (httpx.ConnectError, httpx.ConnectTimeout) as failed:
                    error = failed
                    continue
                except (httpx.HTTPError, httpx.StreamError) as failed:
                    raise SourceUnavailable(
                        f"{host} gave no usable answer ({type(failed).__name__})"
                    ) from failed
                try:
                    return response.status_code, _seconds(response.headers.get("retry-after", ""))
                finally:
                    await response.aclose()
        raise SourceUnavailable(f"{host} could not be reached ({type(error).__name__})") from error


def _parsed(url: str) -> httpx.URL:
    """Return the parsed address of a receiver.

    Raises `SourceUnavailable` if it is none. The message does not repeat it, because it may contain
    a secret.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise SourceUnavailable("the receiver's address is none") from None
    if parsed.scheme not in {"https", "http"} or not parsed.host or parsed.userinfo:
        raise SourceUnavailable("the receiver's address is not https://HOST/PATH")
    return parsed


def _judged(address: str) -> Address | None:
    """Return the address that would be reached, for one that embeds another the embedded one.

    None means that the address is never allowed.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return None if found in _PROTOCOL_ASSIGNMENTS else found
    if found.scope_id is not None or any(found in tunnel for tunnel in _TUNNELS):
        return None
    if found.ipv4_mapped is not None:
        return _judged(str(found.ipv4_mapped))
    return _judged(str(IPv4Address(int(found) & 0xFFFFFFFF))) if found in _NAT64 else found


def _is_public(address: Address) -> bool:
    """Return whether the address is a public one, and not in a network of our own."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    if any(address in network for network in _NEVER_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _seconds(retry_after: str) -> int:
    """Return the seconds in `Retry-After`, bounded; a date in it is ignored."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(int(retry_after), RETRY_AFTER_SECONDS_MAX)
    return 1
