"""Slack: what others wrote is shown as text, what arrives is proved, and answers go nowhere else
(A41, A48, A49).
"""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.messages.digest import Digest, Line, Section
from gate.core.messages.notice import Click, Notice, Occasion
from gate.errors import Invalid, NotFound, SourceUnavailable, Unauthenticated, Undeliverable
from gate.integrations.http.outbound import Outbound
from gate.integrations.slack import (
    SECTION_LENGTH_MAX,
    SIGNATURE,
    TIMESTAMP,
    Slack,
    digest_message,
    escaped,
    is_signed,
    message,
)
from tests.receivers import LOOPBACK, receiver, status

pytestmark = pytest.mark.anyio

BLOCKS_MAX = 50
"""Slack takes no more of them in one message."""

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # noqa: S105 - of the published example
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
DIGEST = "ab" * 32
REPLY_TO = "https://hooks.slack.example.com/actions/1"
NOTICE = Notice(
    Occasion.ASKED,
    "chg_1",
    "checkout",
    "production",
    "Faster baskets",
    "https://gate.example.com/changes/chg_1",
    DIGEST,
    risk="62, high",
    reasons=("+30 Larger changes fail more often: 812 lines added",),
    needs=("1 of release-managers or team-payments",),
    members=("U0ADA", "not a member"),
)
NASTY = [
    "<!channel> <@U0ADA> <https://evil.example|click>",
    "*bold* _italic_ ~struck~ `code` ```",
    "&lt;!here&gt;",
    "a\nb\u202ec\u200bd",
    "https://evil.example",
    "```\n<!everyone>\n```",
    "<" * 5_000,
]


def slack(
    url: str = "https://hooks.slack.example.com/services/T/B/hidden", secret: str = SECRET
) -> Slack:
    return Slack(url, secret, Outbound([ip_network(LOOPBACK)]))


def texts(node: Any) -> list[str]:
    """Every text that Slack reads as its markup."""
    if isinstance(node, dict):
        own = (
            [node["text"]]
            if isinstance(node.get("text"), str) and node.get("type") != "plain_text"
            else []
        )
        return own + [
            text
            for key, value in node.items()
            if key != "text" or not isinstance(value, str)
            for text in texts(value)
        ]
    return [text for one in node for text in texts(one)] if isinstance(node, list) else []


# What others wrote


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("occasion", list(Occasion))
def test_text_of_others_links_mentions_and_formats_nothing(nasty: str, occasion: Occasion) -> None:
    others: dict[str, Any] = {
        "service": nasty,
        "environment": nasty,
        "title": nasty,
        "hold": nasty,
        "by": nasty,
    }
    notice = replace(NOTICE, occasion=occasion, reasons=(nasty,) * 30, needs=(nasty,), **others)

    for text in texts(message(notice, buttons=True)):
        ours = re.sub(
            r"<https://gate\.example\.com/changes/chg_1\|Open the change>|<@U0ADA>", "", text
        )
        assert "<" not in ours
        assert ">" not in ours
        assert ours.count("`") in {0, 6}
        assert "\u202e" not in ours
        assert len(text) <= SECTION_LENGTH_MAX
    assert all(
        block["text"]["verbatim"]
        for block in message(notice, buttons=True)["blocks"]
        if block["type"] == "section"
    )


@pytest.mark.parametrize("nasty", NASTY)
def test_a_digest_shows_text_of_others_as_text_and_fits(nasty: str) -> None:
    line = Line(nasty, "https://gate.example.com/weekly?week=2026-W48&part=failed#failed")
    section = Section(nasty, (line,) * 9, "None.", 3, line.page)
    digest = Digest(nasty, nasty, "https://gate.example.com/weekly", (section,) * 9)

    shown = digest_message(digest)

    assert len(shown["blocks"]) <= BLOCKS_MAX
    for text in texts(shown):
        ours = re.sub(
            r"<https://gate\.example\.com/[a-z?=0-9W;&#-]*\|(open|Open it|and 7 more)>", "", text
        )
        assert not set("<>`") & set(ours)
        assert "\u202e" not in ours
        assert len(text) <= SECTION_LENGTH_MAX
    assert "&amp;part=failed#failed|and 7 more>" in texts(shown)[-1]


def test_a_digest_without_lines_says_so_in_its_words() -> None:
    empty = Section("What failed", (), "Nothing failed.", 0, "https://gate.example.com/weekly")
    digest = Digest(
        "Week 2026-W48", "From then to then", "https://gate.example.com/weekly", (empty,)
    )

    assert texts(digest_message(digest))[-1] == "*What failed*\nNothing failed."


@given(st.text(), st.integers(2, 100))
def test_escaped_text_is_one_line_without_marks(text: str, length: int) -> None:
    shown = escaped(text, length)

    assert len(shown) <= length
    assert not set("<>*_~`\n\r\u202e") & set(shown)
    assert re.search(r"&(?!amp;|lt;|gt;)", shown) is None


def test_people_who_are_asked_have_buttons_bound_to_what_they_see() -> None:
    (actions,) = [
        block for block in message(NOTICE, buttons=True)["blocks"] if block["type"] == "actions"
    ]

    assert [one["action_id"] for one in actions["elements"]] == ["approve", "reject"]
    assert {one["value"] for one in actions["elements"]} == {f"chg_1 {DIGEST}"}
    assert "<@U0ADA>" in json.dumps(message(NOTICE, buttons=True))
    assert "not a member" not in json.dumps(message(NOTICE, buttons=True))


@pytest.mark.parametrize("occasion", [Occasion.APPROVED, Occasion.REJECTED, Occasion.EXPIRED])
def test_what_is_settled_has_no_buttons(occasion: Occasion) -> None:
    assert "actions" not in {
        block["type"]
        for block in message(replace(NOTICE, occasion=occasion), buttons=True)["blocks"]
    }


# What arrives


def test_the_signature_of_the_published_example_fits() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
        b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"

    assert is_signed(
        SECRET.encode(), signature, "1531420618", body, datetime.fromtimestamp(1531420618, UTC)
    )


def pressed(action: str = "approve", **different: Any) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": "U0ADA"},
        "actions": [{"action_id": action, "value": f"chg_1 {DIGEST}"}],
        "response_url": REPLY_TO,
        **different,
    }


def signed(body: bytes, at: datetime = NOW, secret: str = SECRET) -> dict[str, str | None]:
    timestamp = str(int(at.timestamp()))
    return {
        SIGNATURE: "v0="
        + hmac.digest(secret.encode(), f"v0:{timestamp}:".encode() + body, "sha256").hex(),
        TIMESTAMP: timestamp,
    }


def form(payload: Mapping[str, Any]) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def test_a_button_is_read() -> None:
    body = form(pressed("reject"))

    click = slack().pressed(signed(body), body, NOW)

    assert click is not None
    assert click == Click(
        click.id, "U0ADA", approves=False, change="chg_1", subject_digest=DIGEST, reply_to=REPLY_TO
    )


@pytest.mark.parametrize(
    "different",
    [
        {SIGNATURE: None},
        {SIGNATURE: "v0=" + "0" * 64},
        {SIGNATURE: "v1=" + "0" * 64},
        {SIGNATURE: "é"},
        {TIMESTAMP: None},
        {TIMESTAMP: "²"},
        {TIMESTAMP: "9" * 30},
        {TIMESTAMP: str(int(NOW.timestamp()) + 1)},
    ],
)
def test_whoever_cannot_prove_to_be_slack_is_refused(different: dict[str, str | None]) -> None:
    body = form(pressed())

    with pytest.raises(Unauthenticated):
        slack().pressed({**signed(body), **different}, body, NOW)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_what_is_older_than_5_minutes_is_refused(seconds: int) -> None:
    body = form(pressed())

    with pytest.raises(Unauthenticated):
        slack().pressed(
            signed(body, datetime.fromtimestamp(NOW.timestamp() + seconds, UTC)), body, NOW
        )


def test_another_secret_or_one_changed_byte_is_refused_and_none_is_nobody_s() -> None:
    body = form(pressed())

    with pytest.raises(Unauthenticated):
        slack().pressed(signed(body, secret="other"), body, NOW)  # noqa: S106 - made up
    with pytest.raises(Unauthenticated):
        slack().pressed(signed(body), body + b"&", NOW)
    with pytest.raises(NotFound):
        slack(secret="").pressed(signed(body, secret=""), body, NOW)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"type": "view_submission"}, id="another kind"),
        pytest.param(pressed("open"), id="a link"),
        pytest.param(pressed(actions=[]), id="no action"),
        pytest.param(pressed(actions=[{}, {}]), id="two actions"),
    ],
)
def test_what_is_no_button_of_ours_is_ignored(payload: dict[str, Any]) -> None:
    body = form(payload)

    assert slack().pressed(signed(body), body, NOW) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"payload=%7B",
        b"payload=[]",
        b"payload=1&payload=2",
        b"\xff",
        form(pressed(user=None)),
        form(pressed(user={"id": "<@U1>"})),
        form(pressed(response_url=None)),
        form(pressed(actions=[{"action_id": "approve", "value": "chg_1"}])),
        form(pressed(actions=[{"action_id": "approve", "value": f"../{DIGEST} {DIGEST}"}])),
    ],
)
def test_what_is_not_slack_s_form_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        slack().pressed(signed(body), body, NOW)


# What goes out


async def test_a_message_goes_to_the_channel() -> None:
    with receiver() as listening:
        await slack(f"{listening.url}/services/hidden").say(NOTICE)

        (got,) = listening.got
        assert got.path == "/services/hidden"
        assert json.loads(got.body) == message(NOTICE, buttons=True)


async def test_without_a_signing_secret_there_are_no_buttons() -> None:
    with receiver() as listening:
        await slack(listening.url, secret="").say(NOTICE)

        assert b"actions" not in listening.got[0].body


@pytest.mark.parametrize(("code", "dead"), [(404, True), (403, True), (429, False), (500, False)])
async def test_a_channel_that_is_gone_is_not_asked_for_ever(code: int, dead: bool) -> None:  # noqa: FBT001 - a case
    with receiver() as listening:
        listening.answer = status(code)

        with pytest.raises(SourceUnavailable) as raised:
            await slack(f"{listening.url}/services/hidden").say(NOTICE)

    assert isinstance(raised.value, Undeliverable) is dead
    assert "hidden" not in raised.value.detail


async def test_an_answer_goes_only_where_the_channel_is() -> None:
    with receiver() as listening, receiver() as elsewhere:
        to = slack(f"{listening.url}/services/hidden")
        await to.answer(f"{listening.url}/actions/1", "<!channel> done")
        for other in (
            f"{elsewhere.url}/actions/1",
            "https://evil.example/",
            f"{listening.url}@evil.example/",
            "file:///etc/passwd",
        ):
            with pytest.raises(Undeliverable):
                await to.answer(other, "done")

        (got,) = listening.got
        assert json.loads(got.body) == {
            "response_type": "ephemeral",
            "replace_original": False,
            "text": "&lt;!channel&gt; done",
        }
        assert elsewhere.got == []
