"""PagerDuty's webhooks, version 3: signed, one event each."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from gate.core.messages.told import IncidentTold
from gate.errors import Invalid, NotFound, Unauthenticated
from gate.integrations.http import foreign
from gate.integrations.http.shapes import the

SOURCE = "pagerduty"
SIGNATURE = "x-pagerduty-signature"
SIGNATURES_MAX = 10
"""While a secret is changed there are two."""

_VERSION = "v1="


@dataclass(frozen=True, slots=True)
class Event:
    """What one delivery says; without an incident `ignored` says why nothing is done."""

    id: str
    incident: IncidentTold | None
    ignored: str = ""


def check(secret: bytes, signature: str | None, body: bytes) -> None:
    """Raises `NotFound` without a secret, and `Unauthenticated` unless one of the signatures is
    over these very bytes.
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
    """Raises `BadRequest` and `Invalid`."""
    told = foreign.json_of(body)
    if not isinstance(the(told, "event"), dict):
        raise Invalid(
            "this is no event of PagerDuty: found no object `event`, allowed is a delivery "
            "of a version 3 webhook"
        )
    kind, identity = foreign.name(told, "event", "event_type"), foreign.name(told, "event", "id")
    if not kind.startswith("incident.") or the(told, "event", "data", "type") != "incident":
        return Event(identity, None, f"{kind} events change nothing here")
    return Event(identity, _incident(told, kind))


def _incident(told: Any, kind: str) -> IncidentTold:
    data = "event", "data"
    at = foreign.instant(told, "event", "occurred_at")
    began_at = foreign.instant(told, *data, "created_at")
    identity = foreign.name(told, *data, "id")
    over = the(told, *data, "status") == "resolved"
    return IncidentTold(
        title=foreign.line(told, *data, "title") or f"Incident {identity}",
        service=foreign.maybe_name(told, *data, "service", "summary")
        or foreign.name(told, *data, "service", "id"),
        severity=foreign.severity(told, *data, "priority", "summary")
        or foreign.severity(told, *data, "urgency")
        or None,
        began_at=began_at,
        resolved_at=max(at, began_at) if over else None,
        id=identity,
        source=SOURCE,
        changes=foreign.changes_in(the(told, *data, "incident_key"), the(told, *data, "title")),
        url=foreign.link(told, *data, "html_url"),
        told_at=at,
        is_alert=True,
        reopened=kind == "incident.reopened",
    )
