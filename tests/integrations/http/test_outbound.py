"""Messages go where they are meant to and nowhere else, and no receiver can hold them up (A51,
A52).
"""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import SourceUnavailable, Undeliverable
from gate.integrations.http import outbound
from gate.integrations.http.outbound import Outbound
from tests.receivers import LOOPBACK, Answer, bomb, drip, endless, receiver, silent, status

pytestmark = pytest.mark.anyio

ALLOWED = [ip_network(LOOPBACK)]


def resolving(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        _ = host, port
        return addresses

    return resolve


async def send(to: Outbound, url: str) -> None:
    await to.post(url, b"{}", {"X-One": "1"})


# Never into our own network


FORBIDDEN = """
127.0.0.1 127.1.2.3 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 192.0.0.192 198.18.0.1 224.0.0.1 240.0.0.1
255.255.255.255 192.88.99.1 :: ::1 ::2:3 fec0::1 feff::1 3fff::1 5f00::1
fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1
64:ff9b::a9fe:a9fe 2002:7f00:1:: 2001:0:7f00:1:: 64:ff9b:1::7f00:1 no-address
"""
LOOPBACKS = "127.0.0.1 localhost 0 2130706433 0x7f000001 0177.0.0.1 127.1 [::1] [::ffff:127.0.0.1]"
NO_RECEIVERS = (
    "ftp://x/ file:///etc/passwd https:// https://user:secret@receiver.example.com/ https://[::1 x"
)


@pytest.mark.parametrize("address", FORBIDDEN.split())
async def test_an_address_of_our_own_is_refused_before_anything_is_sent(address: str) -> None:
    opened = []

    async def client() -> httpx.AsyncClient:
        opened.append(1)
        raise AssertionError

    with pytest.raises(SourceUnavailable, match="not public"):
        await send(
            Outbound(resolve=resolving(address), client=client), "https://receiver.example.com/in"
        )
    with pytest.raises(
        SourceUnavailable, match="not public"
    ):  # beside a good one it is refused as well
        await send(
            Outbound(resolve=resolving("93.184.216.34", address), client=client),
            "https://receiver.example.com/in",
        )
    assert opened == []


@pytest.mark.parametrize("host", LOOPBACKS.split())
async def test_no_way_to_write_loopback_reaches_it(host: str) -> None:
    with receiver() as listening:
        for scheme in ("http", "https"):
            with pytest.raises(SourceUnavailable):
                await send(Outbound(), f"{scheme}://{host}:{listening.port}/in")

        assert listening.got == []


@given(st.ip_addresses().filter(lambda address: not address.is_global))
def test_what_is_not_global_is_never_judged_to_be(address: object) -> None:
    judged = outbound._judged(str(address))  # noqa: SLF001 - the one function that the law is about

    assert judged is None or not judged.is_global or str(address).startswith("64:ff9b::")


@given(st.ip_addresses(v=6).filter(lambda address: address not in ip_network("2000::/3")))
def test_d23_only_global_unicast_addresses_of_ip_6_are_public(address: object) -> None:
    judged = outbound._judged(str(address))  # noqa: SLF001 - the one function that the law is about

    assert judged is None or judged.version == 4 or not outbound._is_public(judged)  # noqa: SLF001 - the same


async def test_d23_a_site_of_ones_own_is_reached_where_the_operator_names_it() -> None:
    named = Outbound([ip_network("fec0::/10")], resolve=resolving("fec0::1"))

    await named.judge("https://receiver.example.com/in")


async def test_the_name_is_looked_up_once_so_that_a_second_answer_changes_nothing() -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        _ = port
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with receiver() as listening:
        await send(
            Outbound(ALLOWED, resolve=rebinding),
            f"http://receiver.example.com:{listening.port}/in?a=1",
        )

        assert asked == ["receiver.example.com"]
        (got,) = listening.got
        assert (got.path, got.headers["host"], got.headers["x-one"]) == (
            "/in?a=1",
            f"receiver.example.com:{listening.port}",
            "1",
        )


@pytest.mark.parametrize("url", NO_RECEIVERS.split())
async def test_what_is_no_address_of_a_receiver_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SourceUnavailable) as raised:
        await send(Outbound(ALLOWED), url)

    assert "secret" not in raised.value.detail


async def test_plain_http_goes_to_allowed_networks_alone() -> None:
    with pytest.raises(SourceUnavailable, match="by http"):
        await send(Outbound(resolve=resolving("93.184.216.34")), "http://receiver.example.com/in")


async def test_settings_of_the_machine_lead_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as listening, receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        await send(Outbound(ALLOWED), f"{listening.url}/in")

        assert (len(listening.got), proxy.got) == (1, [])


# No receiver can hold them up


@pytest.mark.parametrize("answer", [silent, drip])
async def test_who_does_not_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(outbound, "SECONDS_MAX", 0.2)
    with receiver() as listening:
        listening.answer = answer

        with pytest.raises(
            SourceUnavailable, match=r"did not answer within 0\.2 s|no usable answer"
        ):
            await send(Outbound(ALLOWED), f"{listening.url}/in")


@pytest.mark.parametrize("answer", [endless, bomb])
async def test_what_a_receiver_says_is_not_read(answer: Answer) -> None:
    with receiver() as listening:
        listening.answer = answer

        await send(Outbound(ALLOWED), f"{listening.url}/in")


async def test_a_redirect_is_not_followed() -> None:
    with receiver() as listening, receiver() as elsewhere:
        listening.answer = status(302, Location=f"{elsewhere.url}/in")

        with pytest.raises(SourceUnavailable, match="answered 302"):
            await send(Outbound(ALLOWED), f"{listening.url}/in")

        assert elsewhere.got == []


@pytest.mark.parametrize(
    ("code", "dead"),
    [(200, None), (202, None), (204, None), (400, False), (404, False), (410, True), (500, False)],
)
async def test_the_status_decides(code: int, dead: bool | None) -> None:  # noqa: FBT001 - a case
    with receiver() as listening:
        listening.answer = status(code)
        if dead is None:
            await send(Outbound(ALLOWED), f"{listening.url}/in")
            return
        with pytest.raises(SourceUnavailable, match=f"answered {code}") as raised:
            await send(Outbound(ALLOWED), f"{listening.url}/in")

    assert isinstance(raised.value, Undeliverable) is dead


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("999999", 3600), ("Wed, 21 Oct 2026 07:28:00 GMT", 1), ("-5", 1), ("²", 1)],
)
async def test_a_receiver_may_say_when_to_come_again_within_limits(said: str, seconds: int) -> None:
    with receiver() as listening:
        listening.answer = status(429, Retry_After=said.encode("ascii", "replace").decode())

        with pytest.raises(SourceUnavailable) as raised:
            await send(Outbound(ALLOWED), f"{listening.url}/in")

    assert raised.value.retry_after_seconds == seconds


async def test_nobody_listening_and_no_such_name_are_the_same_kind_of_error() -> None:
    with receiver() as listening:
        url = listening.url
    with pytest.raises(SourceUnavailable, match="could not be reached"):
        await send(Outbound(ALLOWED), f"{url}/in")

    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError(host, port)

    with pytest.raises(SourceUnavailable, match="has no address"):
        await send(Outbound(ALLOWED, resolve=unknown), "https://nowhere.example.com/in")


# TLS


@cache
def certificate(name: str) -> tuple[bytes, bytes]:
    """A certificate of that name, which vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.9"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM), key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


@pytest.mark.parametrize(
    ("asked", "well"),
    [("receiver.example.com", True), ("other.example.com", False), ("127.0.0.1", False)],
)
async def test_the_certificate_must_be_the_one_of_the_name(
    tmp_path: Path,
    asked: str,
    well: bool,  # noqa: FBT001 - a case
) -> None:
    public, private = certificate("receiver.example.com")
    (tmp_path / "both.pem").write_bytes(public + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "both.pem")
    trusted = ssl.create_default_context(cadata=public.decode())

    async def client() -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=trusted, trust_env=False)

    to = Outbound(ALLOWED, resolve=resolving("127.0.0.1"), client=client)
    with receiver(lambda one: server.wrap_socket(one, server_side=True)) as listening:
        url = f"https://{asked}:{listening.port}/in"
        if well:
            await send(to, url)
        else:
            with pytest.raises(SourceUnavailable, match="could not be reached"):
                await send(to, url)

        assert len(listening.got) == int(well)
