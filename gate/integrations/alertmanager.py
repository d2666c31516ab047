"""Translates Alertmanager's webhook, version 4: a group of alerts becomes one incident for each
service and environment that its labels name.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from gate.core.incident import WORST, worst
from gate.core.messages.reports import IncidentReport
from gate.errors import Invalid
from gate.integrations.http import foreign
from gate.integrations.http.shapes import the

SOURCE = "alertmanager"
VERSION = "4"
ALERTS_MAX = 1_000
ENVIRONMENT_LABELS = ("environment", "env")
_CAUSES = (
    *((kind, name) for kind in ("labels", "annotations") for name in ("change", "change_id")),
    *(("annotations", name) for name in ("summary", "title", "description")),
)
"""The labels and annotations in which an alert may name the change that caused it."""

_TITLES = (
    ("annotations", "summary"),
    ("annotations", "title"),
    ("annotations", "description"),
    ("labels", "alertname"),
)


@dataclass(frozen=True, slots=True)
class Notification:
    """The content of one request. `named` is equal for the same notification when it is
    sent again.
    """

    named: str
    incidents: tuple[IncidentReport, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Alert:
    service: str
    environment: str | None
    severity: str
    title: str
    url: str
    firing: bool
    starts_at: datetime
    ends_at: datetime | None
    changes: tuple[str, ...]


def read(body: bytes) -> Notification:
    """Return the notification in the body of a request. Raises `BadRequest` and `Invalid`."""
    payload = foreign.json_of(body)
    version, raw, group = the(payload, "version"), the(payload, "alerts"), the(payload, "groupKey")
    if version != VERSION or not isinstance(group, str) or not isinstance(raw, list):
        raise Invalid(
            f"this is no notification of Alertmanager: version {str(version)[:20]!r}, with "
            f"groupKey and alerts {VERSION!r} is allowed"
        )
    if len(raw) > ALERTS_MAX:
        raise Invalid(
            f"/alerts: found {len(raw)} alerts, at most {ALERTS_MAX} are allowed; set "
            "max_alerts of the receiver"
        )
    alerts = [alert for k in range(len(raw)) if (alert := _alert(payload, k)) is not None]
    lacking = len(raw) - len(alerts)
    places = dict.fromkeys((alert.service, alert.environment) for alert in alerts)
    return Notification(
        named=_fingerprint([group, the(payload, "status"), sorted(_identity(one) for one in raw)]),
        incidents=tuple(
            _incident(group, [one for one in alerts if (one.service, one.environment) == place])
            for place in places
        ),
        ignored=(
            f"{lacking} alerts have no label `service`, so nothing can be put down to a change",
        )
        if lacking
        else (),
    )


def _incident(group: str, alerts: Sequence[_Alert]) -> IncidentReport:
    """Return the incident of these alerts, which goes on as long as one of them fires."""
    firing = [alert for alert in alerts if alert.firing]
    first = (firing or alerts)[0]
    began_at = min(alert.starts_at for alert in firing or alerts)
    ended = max((alert.ends_at or alert.starts_at for alert in alerts), default=began_at)
    return IncidentReport(
        title=first.title,
        service=first.service,
        severity=worst(alert.severity for alert in firing or alerts),
        began_at=began_at,
        environment=first.environment,
        resolved_at=None if firing else max(ended, began_at),
        id=_fingerprint([group, first.service, first.environment]),
        changes=foreign.changes_in(
            *(change for alert in firing or alerts for change in alert.changes)
        ),
        source=SOURCE,
        url=first.url,
        is_alert=True,
        comes_back=True,
    )


def _alert(payload: Any, k: int) -> _Alert | None:
    """Return the alert at this place of the list, or None if it names no service."""
    here = "alerts", k
    service = foreign.maybe_name(payload, *here, "labels", "service") or foreign.maybe_name(
        payload, "commonLabels", "service"
    )
    if service is None:
        return None
    environments = [
        foreign.maybe_name(payload, *here, "labels", label) for label in ENVIRONMENT_LABELS
    ]
    return _Alert(
        service=service,
        environment=next(filter(None, environments), None),
        severity=foreign.severity(payload, *here, "labels", "severity") or WORST,
        title=next(
            filter(None, (foreign.line(payload, *here, *path) for path in _TITLES)),
            "An alert without a name",
        ),
        url=foreign.link(payload, *here, "generatorURL") or foreign.link(payload, "externalURL"),
        firing=(the(payload, *here, "status") or the(payload, "status")) != "resolved",
        starts_at=foreign.instant(payload, *here, "startsAt"),
        ends_at=foreign.maybe_instant(payload, *here, "endsAt"),
        changes=foreign.changes_in(*(the(payload, *here, kind, name) for kind, name in _CAUSES)),
    )


def _identity(alert: Any) -> str:
    """Return what distinguishes this alert from others, and its beginning from its end."""
    name = the(alert, "fingerprint") or _fingerprint(the(alert, "labels"))
    return f"{name} {the(alert, 'startsAt')} {the(alert, 'status')}"


def _fingerprint(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
