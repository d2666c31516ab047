"""Reads Jira's webhooks: the signature over the very bytes is checked first, then the payload
becomes a report, or a reason why nothing follows from it.
"""

import hashlib
from collections.abc import Mapping

import orjson

from gate.core.facts import TEXT_LENGTH_MAX
from gate.core.messages.host_reports import HostDelivery, IssueMoved
from gate.errors import BadRequest, Invalid, NotFound
from gate.integrations.http import shapes
from gate.integrations.http.shapes import Misshapen
from gate.integrations.http.signed import require_signature
from gate.integrations.jira.issues import KEY

SIGNATURE, DELIVERY = "x-hub-signature", "x-atlassian-webhook-identifier"

_ABOUT_ISSUES = "jira:issue_"


class JiraHook:
    """The webhook of one Jira. Without a secret every delivery is refused, because anybody could
    send it.
    """

    headers = (SIGNATURE, DELIVERY)

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret.encode()

    def read(self, headers: Mapping[str, str | None], body: bytes) -> HostDelivery:
        """Return one delivery.

        Raises `NotFound` without a secret, `Unauthenticated`, `BadRequest`, and `Invalid` for
        another form than Jira's.
        """
        if not self._secret:
            raise NotFound(
                "Jira reports nothing here; set GATE_JIRA_WEBHOOK_SECRET to the secret of its "
                "webhook"
            )
        require_signature(self._secret, headers.get(SIGNATURE), body, "GATE_JIRA_WEBHOOK_SECRET")
        try:
            payload = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise BadRequest("The body is no JSON, which Jira always sends.") from None
        # A Jira of one's own sends no id; then only the bytes stay the same when it repeats.
        named = (headers.get(DELIVERY) or hashlib.sha256(body).hexdigest())[:TEXT_LENGTH_MAX]
        try:
            event = shapes.text(payload, "webhookEvent")
            if not event.startswith(_ABOUT_ISSUES):
                return HostDelivery(
                    named, None, f"{event[:TEXT_LENGTH_MAX]} events change nothing here"
                )
            key = shapes.text(payload, "issue", "key")
        except Misshapen as error:
            raise Invalid(f"this is no webhook as Jira sends it: {error.detail}") from None
        if not KEY.fullmatch(key):
            raise Invalid("this is no webhook as Jira sends it: issue/key is no key of an issue")
        return HostDelivery(named, IssueMoved(self._url, 0, key))
