"""What goes out of the running service: events to a receiver, a question to the chat, and the
answer that comes back.
"""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.api.asgi import problem_name
from tests.api.served import ROOT, Served, request, served
from tests.receivers import LOOPBACK, Got, Receiver, receiver, status

pytestmark = pytest.mark.anyio

KEY = b"k" * 32
SECRET = "of-the-app"  # noqa: S105 - made up
SECONDS_MAX = 15.0


@asynccontextmanager
async def joined(url: str, folder: Path, lake: Receiver, slack: Receiver) -> AsyncIterator[Served]:
    """The service with a receiver and a channel; Ada is in it."""
    webhooks = [
        {
            "name": "lake",
            "url": f"{lake.url}/in",
            "secret": f"whsec_{base64.b64encode(KEY).decode()}",
        }
    ]
    async with served(
        url,
        folder,
        policies=ROOT / "policies",
        webhooks=json.dumps(webhooks),
        outbound_allow=LOOPBACK,
        slack_webhook_url=f"{slack.url}/services/channel",
        slack_signing_secret=SECRET,
    ) as service:
        yield service


async def until(found: Callable[[], bool]) -> None:
    """Until it is so; the worker takes a second for a round."""
    async with asyncio.timeout(SECONDS_MAX):
        while not found():  # noqa: ASYNC110 - what is waited for happens in threads and a worker that know no event of ours
            await asyncio.sleep(0.01)


def types(lake: Receiver) -> list[str]:
    return [json.loads(got.body)["type"] for got in lake.got]


def is_signed(got: Got) -> bool:
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    return (
        got.headers["webhook-signature"]
        == f"v1,{base64.b64encode(hmac.digest(KEY, signed, 'sha256')).decode()}"
    )


async def press(
    service: Served,
    button: dict[str, Any],
    reply_to: str,
    member: str = "U0ADA",
    secret: str = SECRET,
) -> httpx.Response:
    payload = {
        "type": "block_actions",
        "user": {"id": member},
        "actions": [button],
        "response_url": reply_to,
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    timestamp = str(int(time()))
    signature = (
        "v0=" + hmac.digest(secret.encode(), f"v0:{timestamp}:".encode() + body, "sha256").hex()
    )
    headers = {
        "X-Slack-Signature": signature,
        "X-Slack-Request-Timestamp": timestamp,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return await service.anybody().post("/v1/hooks/slack", content=body, headers=headers)


async def test_a_change_is_asked_about_approved_in_the_chat_and_told_to_the_receiver(
    sqlite_url: str, tmp_path: Path
) -> None:
    with receiver() as lake, receiver() as slack:
        async with joined(sqlite_url, tmp_path, lake, slack) as service:
            asked = request(
                environment="production",
                authors=["kofi@example.com"],
                requested_by="kofi@example.com",
            )
            change = (await (await service.pipeline("web")).post("/v1/changes", json=asked)).json()
            await until(lambda: len(slack.got) == 1)
            (buttons,) = [
                block
                for block in json.loads(slack.got[0].body)["blocks"]
                if block["type"] == "actions"
            ]

            forged = await press(
                service,
                buttons["elements"][0],
                f"{slack.url}/reply",
                secret="another",  # noqa: S106 - made up
            )
            assert problem_name(forged) == "unauthenticated"
            first = await press(service, buttons["elements"][0], f"{slack.url}/reply")
            assert (first.status_code, first.json()) == (
                200,
                {"taken": 1, "known": 0, "ignored": []},
            )
            await until(lambda: any(got.path == "/reply" for got in slack.got))
            again = json.loads(next(got.body for got in slack.got if got.path == "/reply"))["text"]
            assert again.startswith("You approved the change")

            read = (await (await service.auditor()).get(f"/v1/changes/{change['id']}")).json()
            assert [one["name"] for one in read["approvals"]["given"]] == ["Ada Ekberg"]
            await until(lambda: {"change.decided", "change.approval_given"} <= set(types(lake)))
            assert all(is_signed(got) for got in lake.got)
            assert len({got.headers["webhook-id"] for got in lake.got}) == len(lake.got)


async def test_what_was_given_up_is_seen_and_sent_again_by_an_admin(
    sqlite_url: str, tmp_path: Path
) -> None:
    with receiver() as lake, receiver() as slack:
        lake.answer = status(410)
        async with joined(sqlite_url, tmp_path, lake, slack) as service:
            admin = await service.admin()
            await (await service.pipeline("web")).post("/v1/changes", json=request())
            await until(lambda: len(lake.got) == 1)
            state = (await admin.get("/v1/outbox")).json()
            while not state["dead"]:
                await asyncio.sleep(0.01)
                state = (await admin.get("/v1/outbox")).json()
            (letter,) = state["dead"]
            assert (letter["target"], letter["attempts"]) == ("webhook:lake", 1)
            assert "410" in letter["error"]

            lake.answer = None
            assert (await admin.post("/v1/outbox/msg_none/redelivery")).status_code == 404
            assert (await admin.post(f"/v1/outbox/{letter['id']}/redelivery")).status_code == 204
            await until(lambda: len(lake.got) == 2)
            assert {got.headers["webhook-id"] for got in lake.got} == {letter["id"]}


async def test_a_gate_without_slack_knows_no_buttons(sqlite_url: str, tmp_path: Path) -> None:
    async with served(sqlite_url, tmp_path) as service:
        assert (await press(service, {}, "https://hooks.example.com")).status_code == 404
