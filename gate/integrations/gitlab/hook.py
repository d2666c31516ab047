"""Reads GitLab's webhooks: the signature or the secret token is checked first, then the payload
becomes a report, or a reason why nothing follows from it.
"""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson

from gate.core.change import Result
from gate.core.facts import TEXT_LENGTH_MAX
from gate.core.instants import ALLOWED, in_utc
from gate.core.messages.host_reports import (
    CommitsMoved,
    DeploymentStatus,
    HostDelivery,
    HostReport,
    IssueMoved,
    Pushed,
)
from gate.errors import BadRequest, Invalid, NotFound, Unauthenticated
from gate.integrations.code_host.texts import commit_at, https_link, short_text_at
from gate.integrations.http import shapes
from gate.integrations.http.shapes import Misshapen

EVENT, TOKEN, KEY = "x-gitlab-event", "x-gitlab-token", "idempotency-key"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
EVENT_ID = "x-gitlab-event-uuid"

OFF_SECONDS_MAX = 300
COMMITS_MAX = 2_048
"""The most commits that are read of one push; GitLab lists far fewer."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - how every such secret begins

_AT_ITS_END = re.compile(r"/commit/([0-9a-f]{40}|[0-9a-f]{64})\Z")
_NOBODY = (
    "Neither signature nor token fits. They must be those of GATE_GITLAB_WEBHOOK_SECRET and "
    "GATE_GITLAB_WEBHOOK_TOKEN."
)
_RESULTS: Mapping[str, Result | None] = {
    "success": Result.SUCCESSFUL,
    "failed": Result.UNSUCCESSFUL,
    "canceled": Result.UNSUCCESSFUL,
    "running": None,
}
_ENDED = frozenset({"success", "failed", "canceled", "skipped"})
_Reader: TypeAlias = Callable[[str, Any], HostReport | str]


class GitLabHook:
    """The hooks of one GitLab.

    With a signing secret every delivery must be signed. Without one it must contain the token.
    """

    headers = (EVENT, TOKEN, KEY, ID, TIMESTAMP, SIGNATURE, EVENT_ID)

    def __init__(
        self, issuer: str, *, token: str, secret: str, clock: Callable[[], float] = time.time
    ) -> None:
        """Raise `Invalid` for a malformed signing secret."""
        self.issuer = issuer
        self._token = token.encode()
        self._secret = _key(secret)
        self._clock = clock

    def read(self, headers: Mapping[str, str | None], body: bytes) -> HostDelivery:
        """Return one delivery.

        Raises `NotFound` without secrets, `Unauthenticated`, `BadRequest`, and `Invalid` for
        another form than GitLab's.
        """
        if not self._token and not self._secret:
            raise NotFound(
                "GitLab is not connected; set GATE_GITLAB_WEBHOOK_TOKEN, or "
                "GATE_GITLAB_WEBHOOK_SECRET for signed deliveries"
            )
        self._require_sender(headers, body)
        try:
            payload = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise BadRequest("The body is no JSON, which GitLab always sends.") from None
        kind = shapes.the(payload, "object_kind")
        if not isinstance(kind, str):
            raise Invalid("this is no webhook as GitLab sends it: object_kind is missing")
        # On an old GitLab only the bytes stay the same over its retries.
        delivery = (
            headers.get(KEY)
            or headers.get(ID)
            or headers.get(EVENT_ID)
            or hashlib.sha256(body).hexdigest()
        )
        named = delivery[:TEXT_LENGTH_MAX]
        reader = _READERS.get(kind)
        if reader is None:
            return HostDelivery(named, None, f"{kind[:TEXT_LENGTH_MAX]} events change nothing here")
        try:
            found = reader(self.issuer, payload)
        except Misshapen as error:
            raise Invalid(f"this is no {kind} event as GitLab sends it: {error.detail}") from None
        if isinstance(found, str):
            return HostDelivery(named, None, found)
        return HostDelivery(named, found)

    def _require_sender(self, headers: Mapping[str, str | None], body: bytes) -> None:
        signature = headers.get(SIGNATURE)
        if signature is not None or self._secret:
            good = self._secret is not None and is_signed(
                self._secret, headers, body, self._clock()
            )
        else:
            good = hmac.compare_digest(self._token, (headers.get(TOKEN) or "").encode())
        if not good:
            raise Unauthenticated(_NOBODY)


def is_signed(secret: bytes, headers: Mapping[str, str | None], body: bytes, now: float) -> bool:
    """Return whether one of the signatures is right and the time is near, by Standard Webhooks.

    The signature is over the id, the time and the very bytes.
    """
    identity, timestamp = headers.get(ID) or "", headers.get(TIMESTAMP) or ""
    if (
        not identity
        or not re.fullmatch(r"[0-9]{1,12}", timestamp)
        or abs(now - int(timestamp)) > OFF_SECONDS_MAX
    ):
        return False
    wanted = hmac.new(secret, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(wanted)
    given = (headers.get(SIGNATURE) or "").encode().split()
    return any(hmac.compare_digest(expected, one) for one in given[:10])


def _key(secret: str) -> bytes | None:
    if not secret:
        return None
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(
            "GATE_GITLAB_WEBHOOK_SECRET is no signing token; it begins with "
            f"{SECRET_PREFIX} and goes on in base64"
        ) from None


def _deployment(issuer: str, payload: Any) -> HostReport | str:
    status = shapes.text(payload, "status")
    if status not in _RESULTS:
        return f"a deployment that is {status[:20]} has neither begun nor ended"
    # There is no field for the whole hash, but the address of the commit ends with it.
    found = _AT_ITS_END.search(shapes.text(payload, "commit_url"))
    if found is None or not found.group(1).startswith(shapes.text(payload, "short_sha")):
        raise Misshapen("commit_url does not end with the commit of short_sha")
    return DeploymentStatus(
        issuer,
        shapes.number(payload, "project", "id"),
        short_text_at(payload, "environment"),
        found.group(1),
        _RESULTS[status],
        _instant(payload, "status_changed_at"),
        https_link(shapes.maybe_text(payload, "deployable_url")),
        shapes.one_line(payload, "project", "path_with_namespace"),
    )


def _pipeline(issuer: str, payload: Any) -> HostReport | str:
    if shapes.text(payload, "object_attributes", "status") not in _ENDED:
        return "a pipeline that has not ended changes nothing yet"
    return CommitsMoved(
        issuer,
        shapes.number(payload, "project", "id"),
        (commit_at(payload, "object_attributes", "sha"),),
    )


def _job(issuer: str, payload: Any) -> HostReport | str:
    if shapes.text(payload, "build_status") not in _ENDED:
        return "a job that has not ended changes nothing yet"
    return CommitsMoved(issuer, shapes.number(payload, "project_id"), (commit_at(payload, "sha"),))


def _merge_request(issuer: str, payload: Any) -> HostReport | str:
    said = shapes.fields(payload, "object_attributes")
    commits = [commit_at(said, "last_commit", "id")]
    if shapes.maybe_text(said, "merge_commit_sha"):
        commits.append(commit_at(said, "merge_commit_sha"))
    return CommitsMoved(
        issuer, shapes.number(payload, "project", "id"), tuple(dict.fromkeys(commits))
    )


def _push(issuer: str, payload: Any) -> HostReport | str:
    after = commit_at(payload, "after")
    if not after.strip("0"):
        return "a branch that is gone has no commit"
    project = shapes.number(payload, "project_id")
    # Older ones do not say who it was.
    if shapes.maybe_text(payload, "user_username") is None:
        return CommitsMoved(issuer, project, (after,))
    brought = [commit_at(one, "id") for one in shapes.items(payload, "commits")]
    commits = tuple(dict.fromkeys((*brought[:COMMITS_MAX], after)))
    login, number = short_text_at(payload, "user_username"), shapes.the(payload, "user_id")
    pusher = f"gitlab:{login}#{number}" if type(number) is int else f"gitlab:{login}"
    return Pushed(issuer, project, commits, pusher)


def _issue(issuer: str, payload: Any) -> HostReport | str:
    number = shapes.number(payload, "object_attributes", "iid")
    return IssueMoved(issuer, shapes.number(payload, "project", "id"), str(number))


_READERS: Mapping[str, _Reader] = {
    "deployment": _deployment,
    "pipeline": _pipeline,
    "build": _job,
    "merge_request": _merge_request,
    "push": _push,
    "issue": _issue,
}


def _instant(payload: Any, *path: str) -> datetime:
    """Return an instant written as `2021-04-28 21:50:00 +0200` or `… UTC`, which is no ISO 8601."""
    written = shapes.text(payload, *path).replace(" UTC", "+00:00")
    try:
        found = datetime.fromisoformat(re.sub(r" ([+-]\d\d:?\d\d)\Z", r"\1", written))
    except ValueError:
        raise Misshapen(f"{'/'.join(path)} is no time") from None
    at = in_utc(found.replace(tzinfo=found.tzinfo or UTC))
    if at is None:
        raise Misshapen(f"{'/'.join(path)} is not {ALLOWED}")
    return at
