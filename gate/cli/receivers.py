"""The lines of `gate doctor` about receivers of events and about Slack."""

import asyncio
from urllib.parse import urlsplit

from gate.config import Settings
from gate.core.counting import counted
from gate.errors import GateError
from gate.integrations.http.outbound import Outbound


def examine(settings: Settings) -> list[tuple[bool, str]]:
    """Return one line for each receiver in the settings: may the gate send something there?

    Nothing is sent. A gate without receivers is fine.
    """
    outbound = Outbound(settings.outbound_allow)
    receivers = [
        _judged(outbound, f"receiver {one.name}", one.url, _form(one.format, len(one.keys)))
        for one in settings.receivers
    ]
    return [
        *(receivers or [(True, "receivers: none; GATE_WEBHOOKS names those who receive events")]),
        _slack(settings, outbound),
    ]


def _slack(settings: Settings, outbound: Outbound) -> tuple[bool, str]:
    url = settings.slack_webhook_url.get_secret_value()
    secret = settings.slack_signing_secret.get_secret_value()
    if not url and secret:
        return False, (
            "slack: off, because GATE_SLACK_WEBHOOK_URL is not set; set it, or unset "
            "GATE_SLACK_SIGNING_SECRET"
        )
    if not url:
        return True, "slack: off; reviews wait in the queue"
    buttons = (
        "with buttons" if secret else "without buttons, for GATE_SLACK_SIGNING_SECRET is not set"
    )
    return _judged(outbound, "slack", url, buttons)


def _form(form: str, keys: int) -> str:
    return f"{form}, signed with {counted(keys, 'secret')}"


def _judged(outbound: Outbound, name: str, url: str, words: str) -> tuple[bool, str]:
    """Judge one receiver. Only the host is shown, because the rest of the address may be secret."""
    try:
        asyncio.run(outbound.judge(url))
    except GateError as error:
        return False, f"{name}: {error.detail}"
    return True, f"{name}: {urlsplit(url).hostname}, {words}"
