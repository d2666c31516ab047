"""Translates PagerDuty's webhooks, version 3, each of which is signed and contains one event."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from gate.core.messages.reports import IncidentReport
from gate.errors import Invalid, NotFound, Unauthenticated
from gate.integrations.http import foreign
from gate.integrations.http.shapes import the

SOURCE = "pagerduty"
SIGNATURE = "x-pagerduty-signature"
SIGNATURES_MAX = 10
"""The most signatures that are checked. While a secret is being changed there are two."""

_VERSION = "v1="


@dataclass(frozen=True, slots=True)
class Event:
    """The content of one delivery. Without an incident, `ignored` says why nothing
    follows from it.
    """

    id: str
    incident: IncidentReport | None
    ignored: str = ""


def check(secret: bytes, signature: str | None, body: bytes) -> None:
    """Check the signature over the very bytes.

    Raises `NotFound` without a secret, and `Unauthenticated` if no signature is right.
    """
    if not secret:
        raise NotFound(
            "PagerDuty is not connected; set GATE_PAGERDUTY_WEBHOOK_SECRET to the secret "
            "of the webhook subscription"
        )
    wanted = f"{_VERSION}{hmac.digest(secret, body, hashlib.sha256).hex()}".encode()
    given = [
        one.strip().encode("latin-1", "replace")
        for one in (signature or "").split(",", SIGNATURES_MAX)
    ]
    if not any(hmac.compare_digest(wanted, one) for one in given):
        raise Unauthenticated(
            "The signature does not fit. The secret must be that of GATE_PAGERDUTY_WEBHOOK_SECRET."
        )


def read(body: bytes) -> Event:
    """Return the event in the body of a delivery. Raises `BadRequest` and `Invalid`."""
    payload = foreign.json_of(body)
    if not isinstance(the(payload, "event"), dict):
        raise Invalid(
            "this is no event of PagerDuty: found no object `event`, allowed is a delivery "
            "of a version 3 webhook"
        )
    kind = foreign.name(payload, "event", "event_type")
    identity = foreign.name(payload, "event", "id")
    if not kind.startswith("incident.") or the(payload, "event", "data", "type") != "incident":
        return Event(identity, None, f"{kind} events change nothing here")
    return Event(identity, _incident(payload, kind))


def _incident(payload: Any, kind: str) -> IncidentReport:
    data = "event", "data"
    at = foreign.instant(payload, "event", "occurred_at")
    began_at = foreign.instant(payload, *data, "created_at")
    identity = foreign.name(payload, *data, "id")
    over = the(payload, *data, "status") == "resolved"
    return IncidentReport(
        title=foreign.line(payload, *data, "title") or f"Incident {identity}",
        service=foreign.maybe_name(payload, *data, "service", "summary")
        or foreign.name(payload, *data, "service", "id"),
        severity=foreign.severity(payload, *data, "priority", "summary")
        or foreign.severity(payload, *data, "urgency")
        or None,
        began_at=began_at,
        resolved_at=max(at, began_at) if over else None,
        id=identity,
        source=SOURCE,
        changes=foreign.changes_in(
            the(payload, *data, "incident_key"), the(payload, *data, "title")
        ),
        url=foreign.link(payload, *data, "html_url"),
        reported_at=at,
        is_alert=True,
        reopened=kind == "incident.reopened",
    )
