"""CDEvents in CloudEvents: the forms in which they arrive, and what follows from which of them."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from gate.core.change import Result
from gate.core.messages.reports import DeploymentReport, IncidentReport
from gate.errors import BadRequest, GateError, Invalid
from gate.integrations.cdevents import cloudevents
from gate.integrations.cdevents import incoming as cdevents
from gate.integrations.cdevents.cloudevents import BATCH_MAX, CloudEvent

AT = datetime(2026, 3, 2, 12, 0, 5, 315384, tzinfo=UTC)
DIGEST = "sha256:" + "0b" * 32
DEPLOYED = "dev.cdevents.service.deployed.0.3.0"
HEADERS = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/ci", "ce-type": DEPLOYED}


def event(
    kind: str = DEPLOYED, subject: str = "checkout", custom: Any = None, **content: Any
) -> dict[str, Any]:
    """A whole CDEvent of 0.5 about something in production."""
    said: dict[str, Any] = {
        "environment": {"id": "prod"},
        "artifactId": "pkg:oci/checkout@" + DIGEST.replace(":", "%3A"),
    }
    return {
        "context": {
            "specversion": "0.5.1",
            "id": "1",
            "source": "/ci",
            "type": kind,
            "timestamp": "2026-03-02T12:00:05.315384Z",
        },
        "subject": {
            "id": subject,
            "content": {
                name: value for name, value in (said | content).items() if value is not None
            },
        },
        **({"customData": custom} if custom else {}),
    }


def old(event: dict[str, Any]) -> dict[str, Any]:
    """The same as 0.4 writes it."""
    context = {
        "version": "0.4.1",
        **{name: value for name, value in event["context"].items() if name != "specversion"},
    }
    context["type"] = context["type"].replace("0.3.0", "0.2.0")
    return event | {"context": context, "subject": event["subject"] | {"type": "service"}}


def structured(data: Any, **different: Any) -> dict[str, Any]:
    """An event in its envelope."""
    return {
        "specversion": "1.0",
        "id": "1",
        "source": "/ci",
        "type": DEPLOYED,
        "data": data,
        **different,
    }


def arrived(body: Any, content_type: str = "application/json", **headers: Any) -> list[CloudEvent]:
    """The events of one request."""
    given: dict[str, str | None] = dict.fromkeys(cloudevents.HEADERS) | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return cloudevents.read(
        content_type, given, body if isinstance(body, bytes) else orjson.dumps(body)
    )


def report_of(event: dict[str, Any]) -> Any:
    """What follows from a whole CDEvent."""
    (one,) = arrived(event)
    return cdevents.read(one)


# The envelope


def test_every_form_carries_the_same_event() -> None:
    data = event()
    binary = {name.replace("-", "_"): value for name, value in HEADERS.items()}

    forms = [
        arrived(data, **binary),
        arrived(structured(data), "application/cloudevents+json; charset=UTF-8"),
        arrived(
            structured(None, data_base64=b64encode(orjson.dumps(data)).decode()),
            "APPLICATION/CloudEvents+json",
        ),
        arrived([structured(data)], "application/cloudevents-batch+json"),
        arrived(data),
    ]

    assert forms == [[CloudEvent("1", "/ci", DEPLOYED, data)]] * 5


def test_a_header_is_decoded_once_and_without_its_quotes() -> None:
    binary = {name.replace("-", "_"): value for name, value in HEADERS.items()}

    (one,) = arrived(event(), **{**binary, "ce_source": '"/c%69%2520%C3%A9"'})

    assert one.source == "/ci%20é"


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        pytest.param(b"{", "application/json", BadRequest, id="no JSON"),
        pytest.param([], "application/json", Invalid, id="a list that is no batch"),
        pytest.param(
            {}, "application/cloudevents-batch+json", Invalid, id="a batch that is no list"
        ),
        pytest.param(
            [structured({})] * (BATCH_MAX + 1),
            "application/cloudevents-batch+json",
            Invalid,
            id="too large a batch",
        ),
        pytest.param(
            [structured({}), 1],
            "application/cloudevents-batch+json",
            Invalid,
            id="a batch with something else",
        ),
        pytest.param(
            structured({}, specversion="2.0"),
            "application/cloudevents+json",
            Invalid,
            id="another version",
        ),
        pytest.param(structured({}, id=""), "application/cloudevents+json", Invalid, id="no id"),
        pytest.param(
            structured(None, data_base64="ä"),
            "application/cloudevents+json",
            BadRequest,
            id="no Base64",
        ),
        pytest.param(
            structured(None, data_base64="AAAA"),
            "application/cloudevents+json",
            BadRequest,
            id="no JSON in it",
        ),
        pytest.param({"context": 1}, None, Invalid, id="no event at all"),
        pytest.param(None, None, Invalid, id="null"),
    ],
)
def test_what_is_no_event_is_refused(
    body: Any, content_type: str | None, error: type[GateError]
) -> None:
    with pytest.raises(error):
        cloudevents.read(
            content_type,
            dict.fromkeys(cloudevents.HEADERS),
            body if isinstance(body, bytes) else orjson.dumps(body),
        )


@pytest.mark.parametrize(
    "different",
    [{"ce_id": None}, {"ce_type": "a\x01b"}, {"ce_source": "%ff"}, {"ce_specversion": "0.3"}],
)
def test_headers_that_say_no_event_are_refused(different: dict[str, str | None]) -> None:
    binary: dict[str, Any] = {name.replace("-", "_"): value for name, value in HEADERS.items()}

    with pytest.raises((Invalid, BadRequest)):
        arrived(event(), **{**binary, **different})


# The event


@pytest.mark.parametrize(
    "kind", ["service.deployed.0.3.0", "service.upgraded.0.3.0", "service.deployed.0.4.0-draft"]
)
def test_a_service_that_was_deployed(kind: str) -> None:
    found = report_of(event(f"dev.cdevents.{kind}"))

    assert found == DeploymentReport(
        "checkout", "prod", None, Result.SUCCESSFUL, AT, "cdevents", digests=(DIGEST,)
    )


def test_a_service_that_was_rolled_back() -> None:
    found = report_of(event("dev.cdevents.service.rolledback.0.3.0"))

    assert found == DeploymentReport(
        "checkout", "prod", None, None, AT, "cdevents", digests=(DIGEST,), went_back=True
    )


def test_what_0_4_writes_is_the_same() -> None:
    assert report_of(old(event())) == report_of(event())


@pytest.mark.parametrize(
    ("artifact", "commit", "digests"),
    [
        pytest.param(
            f"pkg:oci/app@{DIGEST}?repository_url=x", None, (DIGEST,), id="a digest and more"
        ),
        pytest.param("pkg:github/acme/app@" + "a" * 40, "a" * 40, (), id="a commit"),
        pytest.param("pkg:oci/app@1.2.3", None, (), id="a version"),
        pytest.param("pkg:oci/app@sha256%3A" + "0b" * 33, None, (), id="too long for a digest"),
    ],
)
def test_an_artifact_names_a_commit_or_a_digest_or_neither(
    artifact: str, commit: str | None, digests: tuple[str, ...]
) -> None:
    found = report_of(event(artifactId=artifact))

    assert (found.commit, found.digests) == (commit, digests)


def incident(predicate: str, **different: Any) -> dict[str, Any]:
    """An incident of checkout's production."""
    content = {
        "service": {"id": "checkout"},
        "description": "It is\nslow",
        "artifactId": None,
        **different,
    }
    return event(
        f"dev.cdevents.incident.{predicate}.0.3.0", "INC-1", {"severity": "SEV-2"}, **content
    )


def test_an_incident_that_was_detected() -> None:
    assert report_of(incident("detected")) == IncidentReport(
        "It is slow",
        "checkout",
        "sev2",
        AT,
        "prod",
        id="/ci\nINC-1",
        source="cdevents",
        reported_at=AT,
    )


def test_an_incident_that_was_reported_with_its_ticket() -> None:
    found = report_of(incident("reported", ticketURI="https://tickets.example.com/1"))

    assert (found.url, found.resolved_at, found.is_end) == (
        "https://tickets.example.com/1",
        None,
        False,
    )


def test_an_incident_that_is_over_is_news_of_the_same() -> None:
    found = report_of(incident("resolved"))

    assert (found.id, found.resolved_at, found.is_end) == (
        report_of(incident("detected")).id,
        AT,
        True,
    )


def test_an_incident_without_a_service_is_put_down_to_nothing_with_the_reason() -> None:
    assert "names no service" in report_of(incident("detected", service=None))


@pytest.mark.parametrize(
    ("kind", "because"),
    [
        ("dev.cdevents.service.removed.0.3.0", "change nothing here"),
        ("dev.cdevents.pipelinerun.started.0.3.0", "change nothing here"),
        ("com.example.thing", "change nothing here"),
        ("dev.cdevents.service.deployed.1.0.0", "a version that is not known"),
    ],
)
def test_other_events_are_ignored_with_the_reason(kind: str, because: str) -> None:
    assert because in report_of(event(kind))


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        pytest.param(
            event() | {"subject": {"id": "checkout"}}, "/subject/content", id="no content"
        ),
        pytest.param(
            event(environment=None), "/subject/content/environment/id", id="no environment"
        ),
        pytest.param(event(artifactId=None), "/subject/content/artifactId", id="no artifact"),
        pytest.param(event(subject="a\nb"), "/subject/id", id="a name of two lines"),
        pytest.param(event(subject="a" * 201), "/subject/id", id="a name that is too long"),
        pytest.param(
            event() | {"context": event()["context"] | {"timestamp": "now"}},
            "/context/timestamp",
            id="no time",
        ),
        pytest.param(
            event() | {"context": event()["context"] | {"timestamp": "0001-01-01T00:00:00+05:00"}},
            "/context/timestamp",
            id="never",
        ),
        pytest.param(
            event() | {"context": event()["context"] | {"specversion": None}},
            "/context/specversion",
            id="no version",
        ),
    ],
)
def test_an_event_that_lacks_what_it_must_say_is_refused_with_the_place(
    broken: dict[str, Any], where: str
) -> None:
    with pytest.raises(Invalid, match=re.escape(where)):
        report_of(broken)


def test_an_envelope_that_says_something_else_than_its_event_is_refused() -> None:
    with pytest.raises(Invalid, match="outside and"):
        cdevents.read(
            CloudEvent("1", "/ci", DEPLOYED, event("dev.cdevents.service.rolledback.0.3.0"))
        )


def test_c17_an_incident_names_a_change_and_its_end_says_no_severity() -> None:
    change = "chg_" + "0" * 26
    custom = event(
        "dev.cdevents.incident.detected.0.3.0",
        "INC-1",
        {"change": change},
        service={"id": "checkout"},
    )
    described = incident("detected", description=f"Since {change}")
    ended = event("dev.cdevents.incident.resolved.0.3.0", "INC-1", service={"id": "checkout"})

    assert (report_of(custom).changes, report_of(described).changes, report_of(ended).changes) == (
        (change,),
        (change,),
        (),
    )
    assert report_of(ended).severity is None
