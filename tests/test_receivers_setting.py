"""Who is told of events, as an operator says it: strict, and secrets are not repeated in what is
wrong.
"""

import base64
import json
from ipaddress import ip_network
from typing import Any

import pytest

from gate.config import Settings
from gate.errors import Invalid

GOOD = "whsec_" + base64.b64encode(b"k" * 24).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 64).decode()
LAKE = {"name": "lake", "url": "https://lake.example.com/in", "secret": GOOD}


def read(*webhooks: Any, **more: str) -> Settings:
    return Settings.read({}, webhooks=json.dumps(webhooks), **more)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"secret": "whsec_c2hvcnQ="}, "0/secret"),
        ({"secret": base64.b64encode(b"k" * 24).decode()}, "0/secret"),
        ({"secret": "whsec_%%%%"}, "0/secret"),
        ({"secret": ""}, "0/secret"),
        ({"secret": f"{GOOD} {OTHER} {GOOD}"}, "0/secret"),
        ({"url": "ftp://lake.example.com"}, "0/url"),
        ({"url": "https://user:hidden@lake.example.com"}, "0/url"),
        ({"name": "The Lake"}, "0/name"),
        ({"format": "xml"}, "0/format"),
        ({"colour": "red"}, "0/colour"),
    ],
)
def test_what_is_not_understood_is_said_without_the_secret(
    wrong: dict[str, str], where: str
) -> None:
    with pytest.raises(Invalid) as raised:
        read({**LAKE, **wrong})

    assert raised.value.detail.startswith(f"GATE_WEBHOOKS: {where}: ")
    assert all(word not in raised.value.detail for word in wrong.get("secret", "").split())


@pytest.mark.parametrize("text", ["{", "{}", "7", '["lake"]'])
def test_what_is_no_list_of_receivers_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="GATE_WEBHOOKS"):
        Settings.read({}, webhooks=text)


def test_a_name_stands_for_one_receiver() -> None:
    with pytest.raises(Invalid, match="one name twice"):
        read(LAKE, LAKE)


def test_receivers_are_read_as_they_are_written() -> None:
    (one,) = read({**LAKE, "secret": f"{GOOD} {OTHER}", "format": "cdevents"}).receivers

    assert (one.name, one.url, one.keys, one.format) == (
        "lake",
        LAKE["url"],
        (b"k" * 24, b"o" * 64),
        "cdevents",
    )
    assert Settings.read({}).receivers == ()


def test_secrets_are_printed_as_stars() -> None:
    settings = read(
        LAKE,
        slack_webhook_url="https://hooks.example.com/hidden",
        slack_signing_secret="hidden",  # noqa: S106 - made up
    )

    assert GOOD not in repr(settings) + repr(settings.receivers)
    assert "hidden" not in repr(settings)


def test_networks_of_one_s_own_are_listed_with_commas() -> None:
    assert Settings.read({}, outbound_allow="10.1.0.0/16, 127.0.0.1").outbound_allow == (
        ip_network("10.1.0.0/16"),
        ip_network("127.0.0.1/32"),
    )
    with pytest.raises(Invalid, match="GATE_OUTBOUND_ALLOW"):
        Settings.read({}, outbound_allow="10.1.0.1/16")
