"""Where a request comes from: the word of a trusted proxy counts, and nobody else's (D21, A30)."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from gate.api.http.proxies import came_by_https, source_of

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))
STRANGER, CLIENT, NEAR, FAR = "203.0.113.9", "198.51.100.7", "10.0.0.1", "10.0.0.2"


def request(peer: str | None, *forwarded: str, proto: tuple[str, ...] = ()) -> Request:
    """A request of this peer with these headers."""
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded] + [
        (b"x-forwarded-proto", one.encode()) for one in proto
    ]
    scope: dict[str, Any] = {
        "type": "http",
        "headers": headers,
        "client": None if peer is None else (peer, 1),
    }
    return Request(scope)


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        pytest.param(STRANGER, (CLIENT,), STRANGER, id="a stranger writes the header"),
        pytest.param(
            STRANGER, (f"{CLIENT}, {NEAR}",), STRANGER, id="a stranger writes a whole way"
        ),
        pytest.param(NEAR, (CLIENT,), CLIENT, id="a proxy says who asked"),
        pytest.param(
            NEAR, (f"{STRANGER}, {CLIENT}",), CLIENT, id="the client had written it before"
        ),
        pytest.param(NEAR, (STRANGER, CLIENT), CLIENT, id="in a header of its own"),
        pytest.param(NEAR, (f"{STRANGER}, {CLIENT}, {FAR}",), CLIENT, id="two proxies"),
        pytest.param(NEAR, (f"{FAR}, {FAR}",), FAR, id="from inside"),
        pytest.param(NEAR, (), NEAR, id="a proxy that says nothing"),
        pytest.param(NEAR, ("",), NEAR, id="an empty header"),
        pytest.param(NEAR, (f"{CLIENT}, unknown",), NEAR, id="a proxy that does not know"),
        pytest.param(NEAR, (f"{CLIENT}, {'1' * 500}",), NEAR, id="no address at all"),
        pytest.param(NEAR, (f"{CLIENT}:4711",), CLIENT, id="with a port"),
        pytest.param(
            NEAR, (f"::ffff:{CLIENT}",), CLIENT, id="an address of IPv4 in the form of IPv6"
        ),
        pytest.param(f"::ffff:{NEAR}", (CLIENT,), CLIENT, id="a proxy in that form"),
        pytest.param(
            "2001:db8:ffff::1",
            ("[2001:db8:1:2::9]:443",),
            "2001:db8:1:2::/64",
            id="IPv6 with a port",
        ),
        pytest.param("2001:db8:1:2::9", (), "2001:db8:1:2::/64", id="one owner has the network"),
        pytest.param("::1", (), "::/64", id="this machine"),
        pytest.param(None, (CLIENT,), "", id="nobody knows"),
        pytest.param("testclient", (CLIENT,), "testclient", id="no address"),
    ],
)
def test_d21_the_first_address_that_is_no_trusted_proxys_is_the_source(
    peer: str | None, forwarded: tuple[str, ...], source: str
) -> None:
    assert source_of(request(peer, *forwarded), PROXIES) == source


@given(
    st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40), max_size=5)
)
def test_d21_without_a_trusted_proxy_no_header_is_heard(written: list[str]) -> None:
    assert source_of(request(STRANGER, *written), ()) == STRANGER
    assert source_of(request(STRANGER, *written), PROXIES) == STRANGER
    assert not came_by_https(request(STRANGER, proto=("https",)), PROXIES)


@given(st.lists(st.ip_addresses(v=4).map(str), max_size=8))
def test_d21_what_a_client_writes_never_decides_whose_guess_it_is(written: list[str]) -> None:
    assert source_of(request(NEAR, ", ".join([*written, CLIENT])), PROXIES) == CLIENT


@given(st.lists(st.sampled_from([NEAR, FAR, CLIENT, STRANGER, "unknown"]), min_size=1, max_size=30))
def test_d21_the_source_is_a_trusted_proxy_only_where_nobody_else_was_named_behind_it(
    written: list[str],
) -> None:
    source = source_of(request(NEAR, ", ".join(written)), PROXIES)

    assert ip_address(source) in PROXIES[0] or source == next(
        one for one in reversed(written) if one not in {NEAR, FAR}
    )


@pytest.mark.parametrize(
    ("peer", "proto", "secure"),
    [
        (NEAR, ("https",), True),
        (NEAR, ("HTTPS",), True),
        (NEAR, ("http", "https"), True),
        (NEAR, ("https, http",), False),
        (NEAR, ("https", "http"), False),
        (NEAR, ("http",), False),
        (NEAR, (), False),
        (None, ("https",), False),
        (STRANGER, ("https",), False),
    ],
)
def test_d21_only_a_trusted_proxy_says_that_it_was_reached_by_https(
    peer: str | None,
    proto: tuple[str, ...],
    secure: bool,  # noqa: FBT001 - the expected answer
) -> None:
    assert came_by_https(request(peer, proto=proto), PROXIES) is secure
