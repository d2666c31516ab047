"""Reads GitHub's webhooks: the signature over the very bytes is checked first, then the payload
becomes a report, or a reason why nothing follows from it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import httpx
import orjson

from gate.core.change import Result
from gate.core.facts import TEXT_LENGTH_MAX
from gate.core.messages.host_reports import (
    CommitsMoved,
    DeploymentStatus,
    HostDelivery,
    HostReport,
    IssueMoved,
    Pushed,
    RunEnded,
    RunHeld,
)
from gate.errors import BadRequest, Invalid, NotFound
from gate.integrations.code_host.texts import commit_at, https_link, short_text_at
from gate.integrations.github.read import numbered
from gate.integrations.http import shapes
from gate.integrations.http.shapes import Misshapen
from gate.integrations.http.signed import require_signature

SIGNATURE, EVENT, DELIVERY = "x-hub-signature-256", "x-github-event", "x-github-delivery"

COMMITS_MAX = 2_048
"""The most commits that GitHub lists of one push."""

_RESULTS: Mapping[str, Result | None] = {
    "success": Result.SUCCESSFUL,
    "failure": Result.UNSUCCESSFUL,
    "error": Result.UNSUCCESSFUL,
    "in_progress": None,
}
_Reader: TypeAlias = Callable[["GitHubHook", Any], HostReport | str]


class GitHubHook:
    """The hook of one App. Without a secret every delivery is refused, because anybody could send
    it.
    """

    headers = (SIGNATURE, EVENT, DELIVERY)

    def __init__(self, issuer: str, api_url: str, secret: str) -> None:
        self.issuer = issuer
        self.api = httpx.URL(api_url.rstrip("/"))
        self._secret = secret.encode()

    def read(self, headers: Mapping[str, str | None], body: bytes) -> HostDelivery:
        """Return one delivery.

        Raises `NotFound` without a secret, `Unauthenticated`, `BadRequest`, and `Invalid` for
        another form than GitHub's.
        """
        if not self._secret:
            raise NotFound(
                "GitHub is not connected; set GATE_GITHUB_WEBHOOK_SECRET to the secret of "
                "the App's webhook"
            )
        require_signature(self._secret, headers.get(SIGNATURE), body, "GATE_GITHUB_WEBHOOK_SECRET")
        event, delivery = headers.get(EVENT), headers.get(DELIVERY)
        if not event or not delivery or len(delivery) > TEXT_LENGTH_MAX:
            raise Invalid(
                f"{EVENT} and {DELIVERY} are sent once each with every delivery of GitHub; "
                "one is missing"
            )
        try:
            payload = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise BadRequest(
                "The body is no JSON. Choose the content type application/json in the "
                "settings of the webhook."
            ) from None
        reader = _READERS.get(event)
        if reader is None:
            return HostDelivery(
                delivery, None, f"{event[:TEXT_LENGTH_MAX]} events change nothing here"
            )
        try:
            found = reader(self, payload)
        except Misshapen as error:
            raise Invalid(f"this is no {event} event as GitHub sends it: {error.detail}") from None
        if isinstance(found, str):
            return HostDelivery(delivery, None, found)
        return HostDelivery(delivery, found)


def _held(hook: GitHubHook, payload: Any) -> HostReport | str:
    action = shapes.text(payload, "action")
    if action != "requested":
        return f"deployment_protection_rule {action[:20]} asks for nothing"
    name = shapes.text(payload, "repository", "full_name")
    run = _run_of(hook, shapes.text(payload, "deployment_callback_url"), name)
    return RunHeld(
        hook.issuer, _repository(payload), name, run, short_text_at(payload, "environment")
    )


def _run_of(hook: GitHubHook, callback: str, name: str) -> str:
    """Return the run of a callback address.

    It must be at the configured GitHub and of the repository of the payload, because the gate
    sends its answer there.
    """
    try:
        url = httpx.URL(callback)
    except httpx.InvalidURL:
        raise Misshapen("deployment_callback_url is no address") from None
    if (url.scheme, url.host, url.port) != (hook.api.scheme, hook.api.host, hook.api.port):
        raise Misshapen(
            f"deployment_callback_url is at {url.host[:100]}, the GitHub that is "
            f"connected is {hook.api.host}"
        )
    repository = re.escape(f"{hook.api.path.rstrip('/')}/repos/{name}")
    path = rf"{repository}/actions/runs/([0-9]{{1,20}})/deployment_protection_rule"
    found = re.fullmatch(path, url.path, re.IGNORECASE)
    if found is None:
        raise Misshapen(f"deployment_callback_url is not of a run of {name[:100]}")
    return found.group(1)


def _deployment(hook: GitHubHook, payload: Any) -> HostReport | str:
    state = shapes.text(payload, "deployment_status", "state")
    if state not in _RESULTS:
        return f"a deployment that is {state[:20]} has neither begun nor ended"
    said = shapes.the(payload, "deployment_status")
    return DeploymentStatus(
        hook.issuer,
        _repository(payload),
        short_text_at(payload, "deployment", "environment"),
        commit_at(payload, "deployment", "sha"),
        _RESULTS[state],
        shapes.instant(said, "created_at"),
        https_link(shapes.maybe_text(said, "log_url") or shapes.maybe_text(said, "target_url")),
        shapes.one_line(payload, "repository", "full_name"),
    )


def _run(hook: GitHubHook, payload: Any) -> HostReport | str:
    if shapes.text(payload, "action") != "completed":
        return "a run that has not ended changes nothing yet"
    return RunEnded(
        hook.issuer,
        _repository(payload),
        str(shapes.number(payload, "workflow_run", "id")),
        shapes.number(payload, "workflow_run", "run_attempt"),
        commit_at(payload, "workflow_run", "head_sha"),
    )


def _check_run(hook: GitHubHook, payload: Any) -> HostReport | str:
    return _moved(hook, payload, ("check_run", "head_sha"))


def _check_suite(hook: GitHubHook, payload: Any) -> HostReport | str:
    return _moved(hook, payload, ("check_suite", "head_sha"))


def _status(hook: GitHubHook, payload: Any) -> HostReport | str:
    return _moved(hook, payload, ("sha",))


def _pull_request(hook: GitHubHook, payload: Any) -> HostReport | str:
    merged = (
        (("pull_request", "merge_commit_sha"),)
        if shapes.maybe_text(payload, "pull_request", "merge_commit_sha")
        else ()
    )
    return _moved(hook, payload, ("pull_request", "head", "sha"), *merged)


def _push(hook: GitHubHook, payload: Any) -> HostReport | str:
    if shapes.flag(payload, "deleted"):
        return "a ref that is gone has no commit"
    brought = [commit_at(one, "id") for one in shapes.items(payload, "commits")]
    commits = tuple(dict.fromkeys((*brought[:COMMITS_MAX], commit_at(payload, "after"))))
    return Pushed(hook.issuer, _repository(payload), commits, f"github:{_pusher(payload)}")


def _pusher(payload: Any) -> str:
    """Return the login that pushed, with the number of its account if GitHub gives it.

    GitHub gives the number of the sender, who is the pusher where both have the same login.
    """
    login = short_text_at(payload, "pusher", "name")
    if shapes.maybe_text(payload, "sender", "login") == login:
        return numbered(payload, "sender")
    return login


def _issue(hook: GitHubHook, payload: Any) -> HostReport | str:
    return IssueMoved(
        hook.issuer, _repository(payload), str(shapes.number(payload, "issue", "number"))
    )


def _moved(hook: GitHubHook, payload: Any, *places: tuple[str, ...]) -> HostReport:
    return CommitsMoved(
        hook.issuer,
        _repository(payload),
        tuple(dict.fromkeys(commit_at(payload, *place) for place in places)),
    )


_READERS: Mapping[str, _Reader] = {
    "deployment_protection_rule": _held,
    "deployment_status": _deployment,
    "workflow_run": _run,
    "check_run": _check_run,
    "check_suite": _check_suite,
    "status": _status,
    "pull_request": _pull_request,
    "pull_request_review": _pull_request,
    "push": _push,
    "issues": _issue,
}


def _repository(payload: Any) -> int:
    return shapes.number(payload, "repository", "id")
