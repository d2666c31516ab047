"""What GitLab tells: signed, or with the token; and every real delivery is taken or refused for a
reason (A48, A49).
"""

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
)
from gate.errors import BadRequest, GateError, Invalid, NotFound, Unauthenticated
from gate.integrations.gitlab.hook import (
    ID,
    KEY,
    OFF_SECONDS_MAX,
    SIGNATURE,
    TIMESTAMP,
    TOKEN,
    GitLabHook,
)
from tests.builders import commit_of
from tests.integrations.bent import bent
from tests.shared_data import shared

URL = "https://gitlab.com"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the published test vector
SIGNED = {
    ID: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    TIMESTAMP: "1614265330",
    SIGNATURE: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
BODY = b'{"test": 2432232314}'
AT = 1614265330.0


def hook(token: str = "", secret: str = SECRET, at: float = AT) -> GitLabHook:
    """One of gitlab.com."""
    return GitLabHook(URL, token=token, secret=secret, clock=lambda: at)


def delivery_of(payload: Any, **headers: str) -> HostDelivery:
    """What is read of a delivery that brings the token."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return hook("secret", "").read({TOKEN: "secret", KEY: "k-1", **headers}, body)


# Who says so


def test_a48_the_published_vector_verifies() -> None:
    with pytest.raises(Invalid, match="object_kind is missing"):  # that is, it was read
        hook().read(SIGNED, BODY)


@pytest.mark.parametrize(
    ("headers", "body", "at"),
    [
        pytest.param({}, BODY, AT, id="nothing"),
        pytest.param({TOKEN: "secret"}, BODY, AT, id="the token alone"),
        pytest.param({**SIGNED, SIGNATURE: "v1,AAAA"}, BODY, AT, id="another signature"),
        pytest.param({**SIGNED, SIGNATURE: ""}, BODY, AT, id="an empty one"),
        pytest.param({**SIGNED, ID: "msg_other"}, BODY, AT, id="another id"),
        pytest.param(SIGNED, BODY + b" ", AT, id="other bytes with the same meaning"),
        pytest.param(SIGNED, BODY, AT + OFF_SECONDS_MAX + 1, id="too old"),
        pytest.param(SIGNED, BODY, AT - OFF_SECONDS_MAX - 1, id="from the future"),
        pytest.param({**SIGNED, TIMESTAMP: "x"}, BODY, AT, id="no time"),
    ],
)
def test_a48_with_a_signing_secret_only_what_is_signed_is_read(
    headers: dict[str, str | None], body: bytes, at: float
) -> None:
    with pytest.raises(Unauthenticated):
        hook("secret", at=at).read(headers, body)


def test_one_of_several_signatures_is_enough() -> None:
    with pytest.raises(Invalid, match="object_kind"):
        hook().read({**SIGNED, SIGNATURE: f"v1,AAAA {SIGNED[SIGNATURE]}"}, BODY)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({TOKEN: "Secret"}, id="another"),
        pytest.param({TOKEN: "secret", **SIGNED}, id="a signature that nobody can check"),
    ],
)
def test_a48_without_a_signing_secret_the_token_must_be_there(
    headers: dict[str, str | None],
) -> None:
    with pytest.raises(Unauthenticated):
        hook("secret", "").read(headers, b"{}")


def test_without_any_secret_nobody_can_prove_to_be_gitlab() -> None:
    with pytest.raises(NotFound, match="GATE_GITLAB_WEBHOOK_TOKEN"):
        hook("", "").read({TOKEN: ""}, b"{}")


def test_a_signing_secret_that_is_none_is_said_at_start() -> None:
    with pytest.raises(Invalid, match="GATE_GITLAB_WEBHOOK_SECRET"):
        hook(secret="whsec_!")  # noqa: S106 - no secret


# What it says

COMMIT = commit_of("b")
DEPLOYED = {
    "object_kind": "deployment",
    "status": "failed",
    "status_changed_at": "2021-04-28 21:50:00 +0200",
    "environment": "production",
    "short_sha": COMMIT[:8],
    "commit_url": f"https://gitlab.com/acme/checkout/-/commit/{COMMIT}",
    "deployable_url": "https://gitlab.com/acme/checkout/-/jobs/796",
    "project": {"id": 20},
}


def test_a_deployment_has_its_whole_commit_and_its_time_in_utc() -> None:
    at = datetime(2021, 4, 28, 19, 50, tzinfo=UTC)
    link = "https://gitlab.com/acme/checkout/-/jobs/796"

    assert delivery_of(DEPLOYED) == HostDelivery(
        "k-1", DeploymentStatus(URL, 20, "production", COMMIT, Result.UNSUCCESSFUL, at, link)
    )


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(
            {"object_kind": "build", "build_status": "failed", "sha": COMMIT, "project_id": 20},
            id="a job",
        ),
        pytest.param(
            {
                "object_kind": "pipeline",
                "object_attributes": {"status": "success", "sha": COMMIT},
                "project": {"id": 20},
            },
            id="a pipeline",
        ),
        pytest.param(
            {
                "object_kind": "merge_request",
                "object_attributes": {"last_commit": {"id": COMMIT}},
                "project": {"id": 20},
            },
            id="a merge request",
        ),
    ],
)
def test_what_moves_a_commit(payload: Any) -> None:
    assert delivery_of(payload).report == CommitsMoved(URL, 20, (COMMIT,))


def test_a_push_says_who_brought_what() -> None:
    pushed = {
        "object_kind": "push",
        "after": COMMIT,
        "commits": [{"id": commit_of("c")}],
        "user_username": "cy",
        "project_id": 20,
    }

    assert delivery_of(pushed).report == Pushed(URL, 20, (commit_of("c"), COMMIT), "gitlab:cy")
    numbered = delivery_of({**pushed, "user_id": 9}).report
    assert numbered == Pushed(URL, 20, (commit_of("c"), COMMIT), "gitlab:cy#9")


def test_an_issue_that_moved_is_named() -> None:
    real = json.loads(shared("payloads/gitlab-webhooks/go-gitlab/issue.json").read_bytes())

    assert delivery_of(real).report == IssueMoved(
        URL, real["project"]["id"], str(real["object_attributes"]["iid"])
    )


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        pytest.param(b"<html>", BadRequest, id="a page"),
        pytest.param([], Invalid, id="no object"),
        pytest.param(
            {**DEPLOYED, "commit_url": f"https://gitlab.com/x/-/commit/{commit_of('c')}"},
            Invalid,
            id="another commit",
        ),
        pytest.param({**DEPLOYED, "status_changed_at": "yesterday"}, Invalid, id="no time"),
        pytest.param({**DEPLOYED, "project": None}, Invalid, id="no project"),
    ],
)
def test_another_shape_is_refused(payload: Any, error: type[GateError]) -> None:
    with pytest.raises(error):
        delivery_of(payload)


def test_a49_a_delivery_of_an_old_gitlab_is_known_by_its_bytes() -> None:
    bodies = [json.dumps(DEPLOYED).encode(), json.dumps({**DEPLOYED, "status": "success"}).encode()]
    ids = [hook("secret", "").read({TOKEN: "secret"}, body).id for body in [*bodies, bodies[0]]]

    assert ids[0] == ids[2] != ids[1]


def test_every_real_payload_is_taken_or_ignored_for_a_reason() -> None:
    files = sorted(shared("payloads/gitlab-webhooks").rglob("*.json"))

    for file in files:
        found = delivery_of(file.read_bytes())
        assert (found.report is None) == bool(found.ignored), file
    assert len(files) > 10


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_bent_delivery_is_refused_or_taken_and_no_fault_of_ours(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(sorted(shared("payloads/gitlab-webhooks").rglob("*.json"))))
    payload = data.draw(bent(json.loads(file.read_text())))

    with suppress(Invalid):
        delivery_of(json.dumps(payload).encode())
