"""Sends events to webhooks of the operator, signed by Standard Webhooks, as JSON or as CDEvents."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from gate.core.instants import rfc3339
from gate.core.messages.outgoing import Event
from gate.errors import Undeliverable
from gate.integrations.cdevents.outgoing import cdevent
from gate.integrations.http.outbound import Outbound

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver. While its secret is changed it has several, and each signs every message."""

    url: str
    secrets: tuple[bytes, ...] = field(repr=False)
    as_cdevents: bool = False


def signature(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: one signature for each secret, with
    blanks between.
    """
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return " ".join(
        f"v1,{base64.b64encode(hmac.digest(secret, signed, 'sha256')).decode()}"
        for secret in secrets
    )


class Webhooks:
    """Sends events to the receivers, which are found by the name of their target."""

    def __init__(self, receivers: Mapping[str, Webhook], outbound: Outbound, source: str) -> None:
        self._receivers = receivers
        self._outbound = outbound
        self._source = source

    async def __call__(self, target: str, event: Event) -> None:
        """Send an event; one that the receiver's form cannot express is left out."""
        receiver = self._receivers.get(target)
        if receiver is None:
            raise Undeliverable(
                f"no receiver is called {target.partition(':')[2]} any more (GATE_WEBHOOKS)"
            )
        content: Any = cdevent(event, self._source) if receiver.as_cdevents else standard(event)
        if content is None:
            return
        body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
        now = int(datetime.now(UTC).timestamp())
        headers = {
            "Content-Type": JSON,
            "webhook-id": event.id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(receiver.secrets, event.id, now, body),
        }
        if receiver.as_cdevents:
            headers |= cloud_headers(content)
        await self._outbound.post(receiver.url, body, headers)


def standard(event: Event) -> dict[str, Any]:
    """Return the event in the form of Standard Webhooks: type, timestamp, data."""
    return {"type": event.type, "timestamp": rfc3339(event.at), "data": event.data}


def cloud_headers(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a CloudEvent in binary mode.

    No value needs to be encoded, because ids, types and addresses are ASCII.
    """
    context = content["context"]
    return {
        "ce-specversion": "1.0",
        "ce-id": context["id"],
        "ce-source": context["source"],
        "ce-type": context["type"],
        "ce-time": context["timestamp"],
        "ce-subject": content["subject"]["id"],
    }
