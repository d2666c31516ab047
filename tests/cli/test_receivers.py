"""`gate doctor` says whether those who are to be told can be, and no secret of theirs."""

import base64
import json
from typing import Any

import pytest

from gate.cli.receivers import examine
from gate.config import Settings

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def lines(*webhooks: dict[str, str], **settings: Any) -> list[tuple[bool, str]]:
    given = [{"secret": SECRET, **one} for one in webhooks]
    return examine(Settings.read({}, webhooks=json.dumps(given), **settings))


def test_nobody_needs_a_receiver() -> None:
    assert [good for good, _ in lines()] == [True, True]


def test_half_a_slack_is_wrong() -> None:
    assert lines(slack_signing_secret="hidden")[-1] == (  # noqa: S106 - made up
        False,
        (
            "slack: off, because GATE_SLACK_WEBHOOK_URL is not set; set it, or unset "
            "GATE_SLACK_SIGNING_SECRET"
        ),
    )


def test_a_receiver_inside_the_network_is_wrong_until_the_network_is_allowed() -> None:
    lake = {"name": "lake", "url": "http://127.0.0.1:9/hidden-path"}

    (refused, why), _ = lines(lake)
    (allowed, words), _ = lines(lake, outbound_allow="127.0.0.0/8")

    assert (refused, allowed) == (False, True)
    assert (
        why == "receiver lake: 127.0.0.1 is 127.0.0.1, which is not public; GATE_OUTBOUND_ALLOW "
        "names the networks that may be reached"
    )
    assert words == "receiver lake: 127.0.0.1, events, signed with 1 secret"


@pytest.mark.parametrize(("secret", "words"), [("", "without buttons"), ("hidden", "with buttons")])
def test_slack_says_whether_it_has_buttons_and_not_its_address(secret: str, words: str) -> None:
    good, line = lines(
        slack_webhook_url="http://127.0.0.1:9/hidden",
        slack_signing_secret=secret,
        outbound_allow="127.0.0.0/8",
    )[-1]

    assert good
    assert line.startswith(f"slack: 127.0.0.1, {words}")
    assert "hidden" not in line
