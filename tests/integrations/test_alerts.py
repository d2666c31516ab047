"""Alertmanager's groups and PagerDuty's events: who proves what, and which incident follows."""

import re
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from gate.core.messages.reports import IncidentReport
from gate.errors import BadRequest, Invalid, NotFound, Unauthenticated
from gate.integrations import alertmanager, pagerduty
from gate.integrations.alertmanager import ALERTS_MAX, Notification
from gate.integrations.http.foreign import CHANGES_NAMED_MAX

SECRET = b"shhh"
BODY = b'{"event":{}}'
SIGNED_BY_OTHERS = (
    "59a8fe84f5944f8a51f3ec209862dc930251925cb9fd03282971241c1e732023"  # BODY, by another program
)


def alert(
    status: str = "firing",
    starts: str = "2026-03-02T10:00:00.123456789Z",
    ends: str = "0001-01-01T00:00:00Z",
    **labels: str | None,
) -> Any:
    """One alert of checkout's production."""
    named = {
        "alertname": "Slow",
        "service": "checkout",
        "env": "prod",
        "severity": "warning",
        **labels,
    }
    return {
        "status": status,
        "labels": {name: value for name, value in named.items() if value is not None},
        "annotations": {"summary": "Checkout is slow"},
        "startsAt": starts,
        "endsAt": ends,
        "generatorURL": "https://prometheus.example.com/graph",
        "fingerprint": "c1",
    }


def notification(*alerts: Any, **different: Any) -> Notification:
    """What a group of them says."""
    reported = {
        "version": "4",
        "groupKey": "{}:{a}",
        "status": "firing",
        "alerts": list(alerts),
        "commonLabels": {},
        **different,
    }
    return alertmanager.read(orjson.dumps(reported))


def test_a_group_that_fires_is_one_incident_of_its_service_and_environment() -> None:
    found = notification(alert(), alert(starts="2026-03-02T09:59:00Z", severity="critical"))

    (incident,) = found.incidents
    assert found.ignored == ()
    assert (incident.service, incident.environment, incident.severity, incident.title) == (
        "checkout",
        "prod",
        "critical",
        "Checkout is slow",
    )
    assert (incident.began_at, incident.resolved_at) == (
        datetime(2026, 3, 2, 9, 59, tzinfo=UTC),
        None,
    )
    assert (incident.is_alert, incident.comes_back, incident.url) == (
        True,
        True,
        "https://prometheus.example.com/graph",
    )


def test_it_goes_on_while_one_alert_fires_and_ends_with_the_last() -> None:
    ended = alert("resolved", ends="2026-03-02T11:00:00Z")
    (going_on,) = notification(ended, alert(starts="2026-03-02T10:30:00Z")).incidents
    (over,) = notification(
        ended, alert("resolved", ends="2026-03-02T12:00:00Z"), status="resolved"
    ).incidents

    assert going_on.resolved_at is None
    assert over.resolved_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert over.id == going_on.id


def test_each_service_and_environment_of_a_group_has_its_own() -> None:
    found = notification(
        alert(), alert(service="web"), alert(env=None, environment="staging"), alert(env=None)
    ).incidents

    assert [(one.service, one.environment) for one in found] == [
        ("checkout", "prod"),
        ("web", "prod"),
        ("checkout", "staging"),
        ("checkout", None),
    ]
    assert len({one.id for one in found}) == 4


def test_the_same_notification_has_the_same_name_and_any_news_another_one() -> None:
    first = notification(alert())

    assert notification(alert(), commonAnnotations={"more": "words"}).named == first.named
    news = [
        notification(alert("resolved")),
        notification(alert(), alert(starts="2026-03-02T11:00:00Z")),
        notification(alert(), groupKey="x"),
    ]
    assert len({first.named, *(one.named for one in news)}) == 4


def test_alerts_without_a_service_are_ignored_with_the_reason() -> None:
    found = notification(alert(service=None), alert())

    assert len(found.incidents) == 1
    assert "1 alerts have no label `service`" in found.ignored[0]


@pytest.mark.parametrize(
    ("different", "where"),
    [
        pytest.param({"version": "3"}, "no notification", id="another version"),
        pytest.param({"groupKey": None}, "no notification", id="no group"),
        pytest.param({"alerts": {}}, "no notification", id="no list"),
        pytest.param({"alerts": [alert()] * (ALERTS_MAX + 1)}, "/alerts", id="too many"),
        pytest.param({"alerts": [alert(starts="soon")]}, "/alerts/0/startsAt", id="no time"),
        pytest.param(
            {"alerts": [alert(service="a\nb")]},
            "/alerts/0/labels/service",
            id="a name of two lines",
        ),
    ],
)
def test_what_is_no_notification_is_refused_with_the_place(
    different: dict[str, Any], where: str
) -> None:
    with pytest.raises(Invalid, match=re.escape(where)):
        notification(**different)


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(BadRequest):
        alertmanager.read(b"alerts=1")


# PagerDuty


def test_a_signature_over_the_very_bytes_is_taken_among_others() -> None:
    signature = f"v1={SIGNED_BY_OTHERS}"

    for given in (signature, f"v1={'0' * 64},{signature}", f"v0=1, {signature}"):
        pagerduty.check(SECRET, given, BODY)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("v1=" + "0" * 64, id="another one"),
        pytest.param("é", id="no text of a header"),
    ],
)
def test_without_a_signature_that_fits_nobody_is_pagerduty(given: str | None) -> None:
    with pytest.raises(Unauthenticated):
        pagerduty.check(SECRET, given, BODY)


def test_one_changed_byte_and_another_version_do_not_fit() -> None:
    with pytest.raises(Unauthenticated):
        pagerduty.check(SECRET, f"v1={SIGNED_BY_OTHERS}", BODY + b" ")
    with pytest.raises(Unauthenticated):
        pagerduty.check(SECRET, SIGNED_BY_OTHERS, BODY)


def test_without_a_secret_nothing_is_taken_whatever_the_signature() -> None:
    with pytest.raises(NotFound, match="GATE_PAGERDUTY_WEBHOOK_SECRET"):
        pagerduty.check(b"", f"v1={SIGNED_BY_OTHERS}", BODY)


def event(kind: str = "incident.triggered", **data: Any) -> bytes:
    """A delivery about an incident of checkout."""
    incident = {
        "id": "P1",
        "type": "incident",
        "html_url": "https://acme.pagerduty.com/incidents/P1",
        "status": "triggered",
        "created_at": "2026-03-02T10:00:00Z",
        "title": "Checkout is slow",
        "service": {"id": "PS1", "summary": "Checkout"},
        "priority": {"summary": "P1"},
        "urgency": "low",
        **data,
    }
    return orjson.dumps(
        {
            "event": {
                "id": "E1",
                "event_type": kind,
                "occurred_at": "2026-03-02T11:00:00.5Z",
                "data": incident,
            }
        }
    )


BEGAN = datetime(2026, 3, 2, 10, tzinfo=UTC)
REPORTED = datetime(2026, 3, 2, 11, 0, 0, 500_000, tzinfo=UTC)


def test_an_incident_is_told_under_its_own_id() -> None:
    found = pagerduty.read(event())

    assert found.id == "E1"
    assert found.incident == IncidentReport(
        *("Checkout is slow", "Checkout", "p1", BEGAN),
        id="P1",
        source="pagerduty",
        url="https://acme.pagerduty.com/incidents/P1",
        reported_at=REPORTED,
        is_alert=True,
    )


@pytest.mark.parametrize(
    ("kind", "data", "resolved_at", "reopened"),
    [
        ("incident.acknowledged", {"status": "acknowledged"}, None, False),
        ("incident.resolved", {"status": "resolved"}, REPORTED, False),
        ("incident.reopened", {"status": "triggered"}, None, True),
    ],
)
def test_its_later_life_is_news(
    kind: str,
    data: dict[str, Any],
    resolved_at: datetime | None,
    reopened: bool,  # noqa: FBT001 - a case of the table
) -> None:
    incident = pagerduty.read(event(kind, **data)).incident

    assert incident is not None
    assert (incident.resolved_at, incident.reopened) == (resolved_at, reopened)


@pytest.mark.parametrize(
    ("data", "severity"), [({"priority": None}, "low"), ({"priority": None, "urgency": None}, None)]
)
def test_without_a_priority_the_urgency_counts_and_without_both_nothing_is_said(
    data: dict[str, Any], severity: str | None
) -> None:
    incident = pagerduty.read(event(**data)).incident

    assert incident is not None
    assert incident.severity == severity


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("pagey.ping", {}),
        ("service.updated", {}),
        ("incident.annotated", {"type": "incident_note"}),
    ],
)
def test_other_events_are_ignored_with_the_reason(kind: str, data: dict[str, Any]) -> None:
    found = pagerduty.read(event(kind, **data))

    assert (found.incident, found.ignored) == (None, f"{kind} events change nothing here")


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"1", event(created_at="once"), event(service=None), event(id=None)]
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        pagerduty.read(body)


# Which change it is put down to (C17)

CHANGE, OTHER = "chg_" + "0" * 25 + "a", "chg_" + "0" * 25 + "b"


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        pytest.param({}, (), id="none"),
        pytest.param({"title": f"Errors after {CHANGE}"}, (CHANGE,), id="in the title"),
        pytest.param({"incident_key": f"checkout/{CHANGE}"}, (CHANGE,), id="in the key"),
        pytest.param(
            {"incident_key": OTHER, "title": f"{CHANGE}, {OTHER}: slow"},
            (OTHER, CHANGE),
            id="several, each once",
        ),
        pytest.param({"title": f"x{CHANGE} {CHANGE}0"}, (), id="a part of a longer word"),
        pytest.param({"title": 7, "incident_key": None}, (), id="no text"),
    ],
)
def test_c17_pagerduty_names_a_change(data: dict[str, Any], changes: tuple[str, ...]) -> None:
    incident = pagerduty.read(event(**data)).incident

    assert incident is not None
    assert incident.changes == changes


def annotated(**annotations: str) -> dict[str, Any]:
    """An alert with other annotations."""
    found: dict[str, Any] = alert() | {"annotations": annotations}
    return found


@pytest.mark.parametrize(
    ("alerts", "changes"),
    [
        pytest.param([alert()], (), id="none"),
        pytest.param([alert(change=CHANGE)], (CHANGE,), id="a label"),
        pytest.param([alert(change_id=CHANGE)], (CHANGE,), id="another label"),
        pytest.param([annotated(change=CHANGE)], (CHANGE,), id="an annotation"),
        pytest.param(
            [annotated(description=f"Since {CHANGE} it is slow")], (CHANGE,), id="in words"
        ),
        pytest.param(
            [annotated(runbook=f"https://gate.example.com/changes/{CHANGE}")], (), id="elsewhere"
        ),
        pytest.param(
            [alert(change=CHANGE), alert(change=OTHER), alert(change=CHANGE)],
            (CHANGE, OTHER),
            id="several alerts",
        ),
        pytest.param(
            [alert("resolved", change=CHANGE), alert(change=OTHER)],
            (OTHER,),
            id="those that fire count",
        ),
        pytest.param([alert("resolved", change=CHANGE)], (CHANGE,), id="all of them are over"),
    ],
)
def test_c17_alertmanager_names_a_change(alerts: list[Any], changes: tuple[str, ...]) -> None:
    (incident,) = notification(*alerts).incidents

    assert incident.changes == changes


def test_c17_no_notification_names_more_changes_than_are_looked_at() -> None:
    names = [f"chg_{number:026}" for number in range(CHANGES_NAMED_MAX + 1)]

    (incident,) = notification(*(alert(change=name) for name in names)).incidents

    assert incident.changes == tuple(names[:CHANGES_NAMED_MAX])
