"""What GitHub tells: nobody else can tell it, and every real delivery is taken or refused for a
reason (A48).
"""

import hashlib
import hmac
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.core.change import Result
from gate.core.messages.host_reports import (
    CommitsMoved,
    DeploymentStatus,
    HostDelivery,
    IssueMoved,
    Pushed,
    RunEnded,
    RunHeld,
)
from gate.errors import BadRequest, GateError, Invalid, NotFound, Unauthenticated
from gate.integrations.github.hook import DELIVERY, EVENT, SIGNATURE, GitHubHook
from gate.integrations.http.signed import is_signed
from tests.builders import ISSUER, commit_of
from tests.integrations.bent import bent
from tests.shared_data import shared

SECRET = "It's a Secret to Everybody"  # noqa: S105 - of the published test vector
API = "https://api.github.com"
HEAD = commit_of("b")
REPOSITORY = {"id": 1001, "full_name": "acme/checkout"}


def signature(body: bytes, secret: str = SECRET) -> str:
    """As GitHub signs."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def delivery_of(event: str, payload: Any, *, api: str = API, without: str = "") -> HostDelivery:
    """What is read of a delivery that is signed as it should be."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    given = {SIGNATURE: signature(body), EVENT: event, DELIVERY: "d-1"}
    return GitHubHook(ISSUER, api, SECRET).read(
        {name: None if name == without else value for name, value in given.items()}, body
    )


def held(**different: Any) -> dict[str, Any]:
    """A run that waits."""
    callback = f"{API}/repos/acme/checkout/actions/runs/77/deployment_protection_rule"
    return {
        "action": "requested",
        "environment": "production",
        "deployment_callback_url": callback,
        "repository": REPOSITORY,
    } | different


# Who says so


def test_a48_the_published_vector_verifies() -> None:
    vector = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    assert is_signed(SECRET.encode(), vector, b"Hello, World!")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param(signature(b"{}", "other"), id="another secret"),
        pytest.param(signature(b"{ }"), id="other bytes with the same meaning"),
        pytest.param(signature(b"{}").removeprefix("sha256="), id="no name of the algorithm"),
        pytest.param(
            "sha1=" + hmac.new(SECRET.encode(), b"{}", hashlib.sha1).hexdigest(), id="SHA-1"
        ),
        pytest.param(signature(b"{}").upper(), id="capitals"),
        pytest.param(signature(b"{}") + "\xe9", id="no ASCII"),
    ],
)
def test_a48_a_forged_delivery_is_refused_before_it_is_read(given: str | None) -> None:
    with pytest.raises(Unauthenticated):
        GitHubHook(ISSUER, API, SECRET).read(
            {SIGNATURE: given, EVENT: "push", DELIVERY: "d-1"}, b"{}"
        )


def test_without_a_secret_nobody_can_prove_to_be_github() -> None:
    with pytest.raises(NotFound, match="GATE_GITHUB_WEBHOOK_SECRET"):
        GitHubHook(ISSUER, API, "").read(
            {SIGNATURE: signature(b"{}", ""), EVENT: "ping", DELIVERY: "d"}, b"{}"
        )


# What it says


@pytest.mark.parametrize(
    ("event", "payload", "report"),
    [
        pytest.param(
            "deployment_protection_rule",
            held(),
            RunHeld(ISSUER, 1001, "acme/checkout", "77", "production"),
            id="a run waits",
        ),
        pytest.param(
            "workflow_run",
            {
                "action": "completed",
                "workflow_run": {"id": 77, "run_attempt": 2, "head_sha": HEAD},
                "repository": REPOSITORY,
            },
            RunEnded(ISSUER, 1001, "77", 2, HEAD),
            id="a run is over",
        ),
        pytest.param(
            "check_run",
            {"action": "completed", "check_run": {"head_sha": HEAD}, "repository": REPOSITORY},
            CommitsMoved(ISSUER, 1001, (HEAD,)),
            id="a check",
        ),
        pytest.param(
            "pull_request_review",
            {
                "pull_request": {"head": {"sha": HEAD}, "merge_commit_sha": commit_of("c")},
                "repository": REPOSITORY,
            },
            CommitsMoved(ISSUER, 1001, (HEAD, commit_of("c"))),
            id="a review, of the head and of what it becomes",
        ),
        pytest.param(
            "push",
            {
                "deleted": False,
                "after": HEAD,
                "commits": [{"id": commit_of("c")}],
                "pusher": {"name": "cy"},
                "repository": REPOSITORY,
            },
            Pushed(ISSUER, 1001, (commit_of("c"), HEAD), "github:cy"),
            id="a push",
        ),
        pytest.param(
            "push",
            {
                "deleted": False,
                "after": HEAD,
                "commits": [],
                "pusher": {"name": "cy"},
                "sender": {"login": "cy", "id": 9},
                "repository": REPOSITORY,
            },
            Pushed(ISSUER, 1001, (HEAD,), "github:cy#9"),
            id="a push by an account whose number is told",
        ),
        pytest.param(
            "issues",
            {
                "action": "closed",
                "issue": {"number": 7, "state": "closed"},
                "repository": REPOSITORY,
            },
            IssueMoved(ISSUER, 1001, "7"),
            id="an issue, and no word of its state",
        ),
        pytest.param(
            "deployment_status",
            {
                "deployment": {"sha": HEAD, "environment": "production"},
                "deployment_status": {
                    "state": "failure",
                    "created_at": "2026-01-05T10:00:00Z",
                    "target_url": "javascript:alert(1)",
                },
                "repository": REPOSITORY,
            },
            DeploymentStatus(
                ISSUER,
                1001,
                "production",
                HEAD,
                Result.UNSUCCESSFUL,
                datetime(2026, 1, 5, 10, tzinfo=UTC),
                name="acme/checkout",
            ),
            id="a deployment, without a link that is none",
        ),
    ],
)
def test_what_it_says(event: str, payload: Any, report: Any) -> None:
    assert delivery_of(event, payload) == HostDelivery("d-1", report)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        pytest.param("ping", {"zen": "Keep it simple"}, id="ping"),
        pytest.param("star", {"action": "created"}, id="an event of another kind"),
        pytest.param(
            "push", {"deleted": True, "repository": REPOSITORY}, id="a branch that is gone"
        ),
        pytest.param(
            "deployment_status",
            {"deployment_status": {"state": "queued"}},
            id="a deployment that has not begun",
        ),
        pytest.param("workflow_run", {"action": "requested"}, id="a run that begins"),
    ],
)
def test_what_changes_nothing_is_ignored_for_a_reason(event: str, payload: Any) -> None:
    found = delivery_of(event, payload)

    assert found.report is None
    assert found.ignored


# What is no delivery


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        pytest.param(
            "https://evil.example/repos/acme/checkout/actions/runs/77/deployment_protection_rule",
            "is at evil.example",
            id="a host",
        ),
        pytest.param(
            "http://api.github.com/repos/acme/checkout/actions/runs/77/deployment_protection_rule",
            "is at",
            id="a scheme",
        ),
        pytest.param(
            "https://api.github.com:444/repos/acme/checkout/actions/runs/7/deployment_protection_rule",
            "is at",
            id="a port",
        ),
        pytest.param(
            f"{API}/repos/evil/checkout/actions/runs/77/deployment_protection_rule",
            "not of a run of",
            id="a repository",
        ),
        pytest.param(
            f"{API}/repos/acme/checkout/actions/runs/x/deployment_protection_rule",
            "not of a run of",
            id="no run",
        ),
        pytest.param("https://[", "is at", id="no address"),
    ],
)
def test_a51_a_callback_to_elsewhere_is_refused(callback: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        delivery_of("deployment_protection_rule", held(deployment_callback_url=callback))


def test_a_server_of_ones_own_has_its_callbacks_under_its_path() -> None:
    api = "https://git.acme.example/api/v3"
    callback = f"{api}/repos/acme/checkout/actions/runs/77/deployment_protection_rule"

    assert (
        delivery_of(
            "deployment_protection_rule", held(deployment_callback_url=callback), api=api
        ).report
        is not None
    )


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        pytest.param(b"payload=%7B%7D", BadRequest, id="a form"),
        pytest.param([], Invalid, id="no object"),
        pytest.param(
            held(repository={"full_name": "acme/checkout"}), Invalid, id="no id of the repository"
        ),
        pytest.param(held(environment="x" * 201), Invalid, id="a name without end"),
        pytest.param(held(environment=7), Invalid, id="a number for a name"),
        pytest.param(held(environment="a\0b"), Invalid, id="a character that no database keeps"),
    ],
)
def test_another_shape_is_refused(payload: Any, error: type[GateError]) -> None:
    with pytest.raises(error):
        delivery_of("deployment_protection_rule", payload)


@pytest.mark.parametrize("missing", [EVENT, DELIVERY])
def test_a_delivery_without_its_headers_is_refused(missing: str) -> None:
    with pytest.raises(Invalid, match="one is missing"):
        delivery_of("push", {}, without=missing)


REFUSED = {
    "schema-top-level.json": "action is None",
    "requested.trimmed.json": "repository/id is None",
}
"""One is a schema and no delivery, the other leaves out what GitHub always sends."""


def test_every_real_payload_is_taken_or_refused_for_a_reason() -> None:
    files = sorted(shared("payloads/github-webhooks").rglob("*.json"))

    for file in files:
        if file.name in REFUSED:
            with pytest.raises(Invalid, match=REFUSED[file.name]):
                delivery_of(file.parent.name, file.read_bytes())
        else:
            found = delivery_of(file.parent.name, file.read_bytes())
            assert (found.report is None) == bool(found.ignored), file
    assert len(files) > 50


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_bent_delivery_is_refused_or_taken_and_no_fault_of_ours(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(sorted(shared("payloads/github-webhooks").rglob("*.json"))))
    payload = data.draw(bent(json.loads(file.read_text())))

    with suppress(Invalid):
        delivery_of(file.parent.name, json.dumps(payload).encode())
