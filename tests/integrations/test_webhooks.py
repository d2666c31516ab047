"""Events out: signed so that a receiver can be sure, in Standard Webhooks' form or as CDEvents."""

import base64
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import jsonschema
import pytest

from gate.core.decision.values import Outcome
from gate.core.messages.outgoing import Event
from gate.errors import Undeliverable
from gate.integrations.cdevents.outgoing import cdevent
from gate.integrations.http.outbound import Outbound
from gate.integrations.webhooks import Webhook, Webhooks, signature
from tests.receivers import LOOPBACK, receiver
from tests.shared_data import shared

pytestmark = pytest.mark.anyio

SECRET, OTHER = b"s" * 24, b"o" * 32
SOURCE = "https://gate.example.com"
AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def an_event(kind: str = "change.decided", **different: Any) -> Event:
    return Event(
        id="msg_1",
        type=kind,
        at=AT,
        change="chg_1",
        service="check out/é",
        page=f"{SOURCE}/changes/chg_1",
        place=f"{SOURCE}/v1/services/checkout/environments/production",
        data={"change": {"id": "chg_1"}},
        **different,
    )


def decided(outcome: str, policy: str | None = "production") -> Event:
    return an_event(outcome=Outcome(outcome), policy=policy)


# Signatures


def test_a_signature_is_the_one_of_the_specification() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    made = signature([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_message_is_signed_with_every_secret_while_they_are_rotated() -> None:
    with receiver() as listening:
        hooks = Webhooks(
            {"webhook:lake": Webhook(f"{listening.url}/in", (SECRET, OTHER))},
            Outbound([ip_network(LOOPBACK)]),
            SOURCE,
        )
        await hooks("webhook:lake", decided("approved"))

        (got,) = listening.got
        signed = (
            f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
        )
        wanted = [
            f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
            for key in (SECRET, OTHER)
        ]
        assert got.headers["webhook-signature"].split(" ") == wanted
        assert got.headers["webhook-id"] == "msg_1"
        assert json.loads(got.body)["type"] == "change.decided"
        assert json.loads(got.body)["timestamp"] == "2026-11-23T09:30:00Z"


async def test_the_same_event_has_the_same_bytes_at_every_attempt() -> None:
    with receiver() as listening:
        hooks = Webhooks(
            {"webhook:lake": Webhook(listening.url, (SECRET,))},
            Outbound([ip_network(LOOPBACK)]),
            SOURCE,
        )
        for _ in range(2):
            await hooks("webhook:lake", decided("approved"))

        first, second = listening.got
        assert first.body == second.body
        assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_a_receiver_that_is_no_longer_configured_is_dead() -> None:
    with pytest.raises(Undeliverable, match="lake"):
        await Webhooks({}, Outbound(), SOURCE)("webhook:lake", decided("approved"))


def test_secrets_are_not_printed() -> None:
    assert "sss" not in repr(Webhook("https://receiver.example.com", (SECRET,)))


# CDEvents


def closed(responder: str, decision: str, status: str) -> dict[str, str]:
    return {"responder": f"urn:gate:{responder}", "decision": decision, "status": status}


GIVEN = {"responder": "urn:gate:person:ada", "decision": "approved"}
CASES: list[Any] = [
    pytest.param(
        decided("pending"),
        "created",
        {"requestor": "urn:gate:service:check%20out%2F%C3%A9"},
        id="pending",
    ),
    pytest.param(
        decided("approved"),
        "closed",
        closed("policy:production", "approved", "approved"),
        id="approved",
    ),
    pytest.param(
        decided("rejected", None), "closed", closed("policy", "rejected", "rejected"), id="rejected"
    ),
    pytest.param(an_event("change.approval_given", by="ada"), "updated", GIVEN, id="one approval"),
    pytest.param(
        an_event("change.approved"),
        "closed",
        closed("review", "approved", "approved"),
        id="the last approval",
    ),
    pytest.param(
        an_event("change.rejected", by="ada"),
        "closed",
        closed("person:ada", "rejected", "rejected"),
        id="a no",
    ),
    pytest.param(
        an_event("change.expired"), "closed", closed("review", "deferred", "expired"), id="expired"
    ),
    pytest.param(
        an_event("change.canceled"),
        "closed",
        closed("review", "deferred", "cancelled"),
        id="canceled",
    ),
]


@pytest.mark.parametrize(("event", "predicate", "content"), CASES)
def test_a_decision_in_the_words_of_the_draft(
    event: Event, predicate: str, content: Mapping[str, str]
) -> None:
    found = cdevent(event, SOURCE)

    assert found is not None
    assert found["context"]["type"] == f"dev.cdevents.approval.{predicate}.0.1.0"
    assert {
        name: value
        for name, value in found["subject"]["content"].items()
        if not name.endswith("Url")
    } == content


@pytest.mark.parametrize(
    "kind",
    [
        "change.admitted",
        "change.closed",
        "change.linked",
        "change.approval_lapsed",
        "change.overridden",
    ],
)
def test_what_the_draft_has_no_word_for_is_left_out(kind: str) -> None:
    assert cdevent(an_event(kind), SOURCE) is None


@pytest.mark.parametrize(
    ("event", "predicate"),
    [pytest.param(case.values[0], case.values[1], id=case.id) for case in CASES],
)
def test_the_draft_s_own_schema_takes_it(event: Event, predicate: str) -> None:
    text = shared(f"payloads/cdevents/v0.6.0-draft/schemas/approval{predicate}.json").read_text()
    schema = json.loads(re.sub(r'"\$ref": "links/embeddedlinksarray"', '"type": "array"', text))

    jsonschema.validate(cdevent(event, SOURCE), schema, format_checker=jsonschema.FormatChecker())


async def test_a_cdevent_is_a_cloud_event_in_binary_mode() -> None:
    with receiver() as listening:
        hook = Webhook(listening.url, (SECRET,), as_cdevents=True)
        hooks = Webhooks({"webhook:tools": hook}, Outbound([ip_network(LOOPBACK)]), SOURCE)
        await hooks("webhook:tools", decided("approved"))
        await hooks("webhook:tools", an_event("change.admitted"))

        (got,) = listening.got
        assert {name: value for name, value in got.headers.items() if name.startswith("ce-")} == {
            "ce-specversion": "1.0",
            "ce-id": "msg_1",
            "ce-source": SOURCE,
            "ce-type": "dev.cdevents.approval.closed.0.1.0",
            "ce-time": "2026-11-23T09:30:00Z",
            "ce-subject": "chg_1",
        }
        assert json.loads(got.body)["context"]["id"] == "msg_1"
        assert "webhook-signature" in got.headers
