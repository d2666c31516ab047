"""Jira's webhooks: forged ones are refused, and what is taken is only the name of an issue."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from gate.core.messages.host_reports import HostDelivery, IssueMoved
from gate.errors import GateError
from gate.integrations.jira.hook import DELIVERY, SIGNATURE, JiraHook
from tests.integrations.fake_jira import URL

SECRET = "jira-webhook-secret"  # noqa: S105 - of a test


def moved(**different: Any) -> dict[str, Any]:
    """An issue was moved to another status."""
    return {
        "webhookEvent": "jira:issue_updated",
        "timestamp": 1_767_600_000_000,
        "issue": {"id": "10001", "key": "OPS-1"},
    } | different


def signature(body: bytes, secret: str = SECRET) -> str:
    """As Jira signs."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def read(payload: Any, *, secret: str = SECRET, **headers: str | None) -> HostDelivery:
    """A delivery, signed as it should be unless a header says otherwise."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    given = {SIGNATURE: signature(body), DELIVERY: "d-1"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return JiraHook(URL, secret).read(given, body)


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        pytest.param({"x_hub_signature": None}, "unauthenticated", id="no signature"),
        pytest.param({"x_hub_signature": "sha256=" + "0" * 64}, "unauthenticated", id="forged"),
        pytest.param(
            {"x_hub_signature": signature(json.dumps(moved()).encode(), "other")},
            "unauthenticated",
            id="another's secret",
        ),
        pytest.param({"secret": ""}, "not_found", id="no secret is set"),
    ],
)
def test_a_delivery_that_is_not_proved_is_refused(headers: Any, problem: str) -> None:
    with pytest.raises(GateError) as refused:
        read(moved(), **headers)

    assert refused.value.problem == problem


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        pytest.param(b"{", "bad_json", id="no JSON"),
        pytest.param([], "invalid", id="no object"),
        pytest.param({}, "invalid", id="no event"),
        pytest.param({"webhookEvent": "jira:issue_updated"}, "invalid", id="no issue"),
        pytest.param(moved(issue={"key": "<b>"}), "invalid", id="no key"),
    ],
)
def test_another_form_is_refused(payload: Any, problem: str) -> None:
    with pytest.raises(GateError) as refused:
        read(payload)

    assert refused.value.problem == problem


def test_an_issue_that_moved_is_named() -> None:
    assert read(moved()) == HostDelivery("d-1", IssueMoved(URL, 0, "OPS-1"))
    assert read(moved(webhookEvent="jira:issue_deleted")).report == IssueMoved(URL, 0, "OPS-1")


def test_other_events_change_nothing() -> None:
    assert read({"webhookEvent": "comment_created"}).ignored == (
        "comment_created events change nothing here"
    )


def test_a_jira_that_sends_no_id_is_known_by_its_bytes() -> None:
    first, again = (read(moved(), x_atlassian_webhook_identifier=None).id for _ in range(2))

    assert first == again
    assert read(moved(timestamp=1), x_atlassian_webhook_identifier=None).id != first
