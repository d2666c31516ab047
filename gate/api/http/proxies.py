"""The source of a request when proxies stand before the gate. Their headers count only if the
operator trusts them.

`X-Forwarded-For` is written by proxies, and by anybody who makes one up. Each proxy adds the
address from which it was called at the end. So the list is read from its end: what a trusted proxy
has added counts, and the first address that is no trusted proxy's is the source. Anything before
that was written by the source itself.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from starlette.requests import Request

Address: TypeAlias = IPv4Address | IPv6Address
Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

HOPS_MAX = 20
"""The most proxies behind each other."""

OWN_PREFIX_BITS = 64
"""How many bits of an IPv6 address are compared, because one owner has all addresses with the same
beginning."""


def source_of(request: Request, trusted: Networks) -> str:
    """Return the source of a request, by which attempts are counted: an address, or for IPv6 the
    network of one owner.
    """
    source = _address(request.client.host) if request.client else None
    if source is None:
        return request.client.host if request.client else ""
    for hop in _hops(request):
        if not _is_trusted(source, trusted):
            break
        added = _address(hop)
        if added is None:
            # A proxy that writes no address: as far as is known, that proxy is the source.
            break
        source = added
    if isinstance(source, IPv6Address):
        return str(ip_network((int(source), OWN_PREFIX_BITS), strict=False))
    return str(source)


def came_by_https(request: Request, trusted: Networks) -> bool:
    """Return whether a trusted proxy says that the request reached it by https.

    What a proxy says that is not trusted is ignored, because anybody can send that header.
    """
    peer = _address(request.client.host) if request.client else None
    if peer is None or not _is_trusted(peer, trusted):
        return False
    said = request.headers.getlist("x-forwarded-proto")
    return bool(said) and said[-1].rpartition(",")[2].strip().lower() == "https"


def _hops(request: Request) -> Iterator[str]:
    """Yield the addresses that proxies have added, that of the nearest proxy first."""
    added = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    yield from reversed(added[-HOPS_MAX:])


def _address(text: str) -> Address | None:
    """Return an address without the port that some proxies add, or None for any other text.

    An IPv4 address in the form of IPv6 becomes IPv4, so that one source has one address.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_trusted(address: Address, trusted: Networks) -> bool:
    return any(address in network for network in trusted)
