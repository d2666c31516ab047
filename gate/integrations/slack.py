"""Slack: sends messages to one channel, and reads clicks on their buttons.

Texts that others wrote are shown as plain text, in which nothing links, mentions or formats.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import orjson

from gate.core.messages.digest import Digest
from gate.core.messages.digest import Section as DigestSection
from gate.core.messages.notice import ASKING, Click, Notice, Occasion
from gate.errors import Invalid, NotFound, SourceUnavailable, Unauthenticated, Undeliverable
from gate.integrations.http.outbound import Outbound

SIGNATURE, TIMESTAMP = "x-slack-signature", "x-slack-request-timestamp"
SIGNED_WITHIN = timedelta(minutes=5)
SECTION_LENGTH_MAX = 3_000
TITLE_LENGTH_MAX = 200
REASON_LENGTH_MAX = 300
ADDRESS_LENGTH_MAX = 200
LINES_MAX = 5
"""So many lines of one list of a digest: with a heading, that fits into one section."""

REFUSED = frozenset({400, 403, 404, 410})
"""Statuses with which Slack refuses a message for good: the channel or the webhook is gone, or the
message is malformed."""

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_HARMLESS = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "*": "∗", "_": "＿", "~": "∼", "`": "ˋ"}  # noqa: RUF001 - look-alikes
"""Characters that format text are replaced by others that look alike and do nothing."""

_OF_ADDRESSES = ":/?#[]@!$'()+,;=%"
_MEMBER = re.compile(r"[A-Z0-9]{2,32}")
_VALUE = re.compile(r"(chg_[0-9A-Za-z]{1,40}) ([0-9a-f]{64})")
_WORDS = {
    Occasion.ASKED: "Review needed",
    Occasion.REMINDED: "Review still needed",
    Occasion.ESCALATED: "Review overdue",
    Occasion.APPROVED: "Approved",
    Occasion.REJECTED: "Rejected",
    Occasion.EXPIRED: "Expired: not decided in time",
}


class Slack:
    """One incoming webhook, and the app whose buttons its messages have."""

    def __init__(self, url: str, signing_secret: str, outbound: Outbound) -> None:
        self._url = url
        self._secret = signing_secret.encode()
        self._outbound = outbound

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the headers that `pressed` looks at."""
        return (SIGNATURE, TIMESTAMP)

    async def say(self, notice: Notice) -> None:
        """Send a message to the channel.

        It has buttons if somebody is asked to decide and a signing secret for clicks is configured.
        """
        await self._post(self._url, message(notice, buttons=bool(self._secret)))

    async def send(self, digest: Digest) -> None:
        """Send a digest to the channel. The page has the lines that are left out."""
        await self._post(self._url, digest_message(digest))

    async def answer(self, reply_to: str, text: str) -> None:
        """Answer a click. An address of another host is refused, because it is not from Slack."""
        if urlsplit(reply_to)[:2] != urlsplit(self._url)[:2]:
            raise Undeliverable(
                "the answer would go to another host than the one of GATE_SLACK_WEBHOOK_URL"
            )
        await self._post(
            reply_to,
            {
                "response_type": "ephemeral",
                "replace_original": False,
                "text": escaped(text, SECTION_LENGTH_MAX),
            },
        )

    def pressed(
        self, headers: Mapping[str, str | None], body: bytes, now: datetime
    ) -> Click | None:
        """Return the click on one of our buttons, or None for anything else.

        Raises `NotFound` without a secret, `Unauthenticated`, and `Invalid` for another form than
        Slack's.
        """
        if not self._secret:
            raise NotFound(
                "Slack's buttons are not connected; set GATE_SLACK_SIGNING_SECRET to the "
                "signing secret of the app"
            )
        signature, timestamp = headers.get(SIGNATURE) or "", headers.get(TIMESTAMP) or ""
        if not is_signed(self._secret, signature, timestamp, body, now):
            raise Unauthenticated(
                "The signature does not fit, or is older than 5 minutes. The secret must "
                "be GATE_SLACK_SIGNING_SECRET."
            )
        return _click(_payload(body), hashlib.sha256(signature.encode()).hexdigest())

    async def _post(self, url: str, content: Mapping[str, Any]) -> None:
        if not url:
            raise SourceUnavailable("no channel is connected; set GATE_SLACK_WEBHOOK_URL")
        await self._outbound.post(
            url, orjson.dumps(content), {"Content-Type": "application/json"}, refused=REFUSED
        )


def is_signed(secret: bytes, signature: str, timestamp: str, body: bytes, now: datetime) -> bool:
    """Return whether Slack has signed these very bytes within the last minutes."""
    if not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > 15:  # noqa: PLR2004 - more is no time
        return False
    wanted = "v0=" + hmac.digest(secret, b"v0:%s:%s" % (timestamp.encode(), body), "sha256").hex()
    fresh = abs(now.timestamp() - int(timestamp)) <= SIGNED_WITHIN.total_seconds()
    return hmac.compare_digest(wanted.encode(), signature.encode(errors="replace")) and fresh


def message(notice: Notice, *, buttons: bool) -> dict[str, Any]:
    """Return the message in the form of Slack's incoming webhooks."""
    what = (
        f"{escaped(notice.service, TITLE_LENGTH_MAX)} to "
        f"{escaped(notice.environment, TITLE_LENGTH_MAX)}"
    )
    headline = f"{_WORDS[notice.occasion]}: {what}"
    blocks = [_section("\n".join(_head(notice, headline)))]
    if notice.reasons:
        blocks.append(_section(_fenced(notice.reasons)))
    if notice.needs:
        blocks.append(_section("\n".join(_needs(notice))))
    if buttons and notice.occasion in ASKING:
        blocks.append(_actions(notice))
    return {"text": headline, "blocks": blocks}


def digest_message(digest: Digest) -> dict[str, Any]:
    """Return a digest in the form of Slack's incoming webhooks."""
    title = escaped(digest.title, TITLE_LENGTH_MAX)
    head = f"*{title}*\n{escaped(digest.lead, REASON_LENGTH_MAX)}\n{_link(digest.page, 'Open it')}"
    sections = [_section("\n".join(_listed(one))) for one in digest.sections]
    return {"text": title, "blocks": [_section(head), *sections]}


def _listed(section: DigestSection) -> Iterator[str]:
    """Yield the heading and the first lines, each short enough that all of them fit."""
    yield f"*{escaped(section.heading, TITLE_LENGTH_MAX)}*"
    if not section.lines:
        yield escaped(section.nothing, REASON_LENGTH_MAX)
    for line in section.lines[:LINES_MAX]:
        page = _address(line.page)
        if len(page) > ADDRESS_LENGTH_MAX:
            yield f"• {escaped(line.text, REASON_LENGTH_MAX)}"
        else:
            yield f"• {escaped(line.text, REASON_LENGTH_MAX)} <{page}|open>"
    more = len(section.lines[LINES_MAX:]) + section.more
    if more:
        yield _link(section.page, f"and {more} more")


def _link(page: str, text: str) -> str:
    return f"<{_address(page)}|{text}>"


def _address(page: str) -> str:
    return quote(page, safe=f"{_OF_ADDRESSES}&").replace("&", "&amp;")


def escaped(text: str, length_max: int) -> str:
    """Return one line of text that Slack shows as it is, without links, mentions and formatting.

    The limit is for the escaped text, as it is sent.
    """
    shown, length = [], 0
    for character in " ".join(text.split()):
        shown.append(_shown(character))
        length += len(shown[-1])
        if length > length_max:
            while length >= length_max:
                length -= len(shown.pop())
            return "".join([*shown, "…"])
    return "".join(shown)


def _shown(character: str) -> str:
    if unicodedata.category(character) in _HIDDEN:
        return f"⟨U+{ord(character):04X}⟩"
    return _HARMLESS.get(character, character)


def _head(notice: Notice, headline: str) -> Iterator[str]:
    yield f"*{headline}*"
    if notice.title:
        yield escaped(notice.title, TITLE_LENGTH_MAX)
    if notice.risk:
        yield f"risk {escaped(notice.risk, TITLE_LENGTH_MAX)}"
    if notice.hold:
        yield f"held: {escaped(notice.hold, REASON_LENGTH_MAX)}"
    if notice.by:
        yield f"by {escaped(notice.by, TITLE_LENGTH_MAX)}"
    yield _link(notice.page, "Open the change")


def _needs(notice: Notice) -> Iterator[str]:
    yield f"needs {escaped(' and '.join(notice.needs), TITLE_LENGTH_MAX)}"
    members = [member for member in notice.members if _MEMBER.fullmatch(member)]
    if members:
        yield " ".join(f"<@{member}>" for member in members)


def _fenced(lines: tuple[str, ...]) -> str:
    """Return as many whole lines as fit, as a block of code."""
    characters_left, kept = SECTION_LENGTH_MAX - len("```\n…\n```"), []
    for line in lines:
        shown = escaped(line, REASON_LENGTH_MAX)
        characters_left -= len(shown) + 1
        if characters_left < 0:
            kept.append("…")
            break
        kept.append(shown)
    return "\n".join(["```", *kept, "```"])


def _section(text: str) -> dict[str, Any]:
    """Return a section of text. `verbatim` keeps Slack from making links and mentions in it."""
    return {
        "type": "section",
        "text": {"type": "mrkdwn", "text": text[:SECTION_LENGTH_MAX], "verbatim": True},
    }


def _actions(notice: Notice) -> dict[str, Any]:
    """Return the buttons. They name the subject that is shown, so they do nothing after another
    decision.
    """
    value = f"{notice.change} {notice.subject_digest}"

    def button(action: str, style: str, text: str) -> dict[str, Any]:
        return {
            "type": "button",
            "action_id": action,
            "style": style,
            "text": {"type": "plain_text", "text": text},
            "value": value,
        }

    elements = [button("approve", "primary", "Approve"), button("reject", "danger", "Reject")]
    return {"type": "actions", "block_id": f"gate:{notice.change}", "elements": elements}


def _payload(body: bytes) -> Mapping[str, Any]:
    try:
        (text,) = parse_qs(body.decode(), strict_parsing=True, max_num_fields=10)["payload"]
        payload = orjson.loads(text)
    except (ValueError, KeyError):
        raise Invalid(
            "this is not the form that Slack sends for its buttons: one field, payload, "
            "with JSON in it"
        ) from None
    if not isinstance(payload, dict):
        raise Invalid("the payload of Slack is a JSON object")
    return payload


def _click(payload: Mapping[str, Any], signed_as: str) -> Click | None:
    """Return the click, or None if it is not on one of our buttons."""
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and len(actions) == 1 else None
    if (
        payload.get("type") != "block_actions"
        or not isinstance(action, dict)
        or action.get("action_id") not in {"approve", "reject"}
    ):
        return None
    user, value, reply_to = payload.get("user"), action.get("value"), payload.get("response_url")
    member = user.get("id") if isinstance(user, dict) else None
    found = _VALUE.fullmatch(value) if isinstance(value, str) else None
    if (
        not isinstance(member, str)
        or not _MEMBER.fullmatch(member)
        or found is None
        or not isinstance(reply_to, str)
    ):
        raise Invalid(
            "this button is none of ours: user.id, actions/0/value and response_url are needed"
        )
    return Click(signed_as, member, action["action_id"] == "approve", found[1], found[2], reply_to)
