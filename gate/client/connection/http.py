"""Asks the gate: JSON in and out, and a few attempts with one key.

An answer that is not the gate's, such as a proxy's, counts as none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from gate.client.connection.transport import Reply, Request, TransportFailed, send
from gate.client.show.text import visible
from gate.client.world import World

REQUEST_SECONDS_MAX = 15.0
RETRIES_MAX = 5
BACKOFF_SECONDS = 0.5
RETRY_AFTER_SECONDS_MAX = 30.0

PROBLEM_PREFIX = "urn:gate:problem:"
_JSON_TYPES = ("application/json", "application/problem+json")
_OK, _REDIRECT, _BAD, _SERVER = 200, 300, 400, 500
_DENIED = (401, 403)
_TOO_MANY = 429

Body = dict[str, Any]


class Unreachable(Exception):
    """The gate gave no answer in all attempts, so nothing is known and nothing is allowed."""


class Refused(Exception):
    """The gate refused, and would again. Has the problem's name, and its sentence for people."""

    def __init__(self, status: int, problem: str, detail: str) -> None:
        super().__init__(f"{detail} ({status} {problem})")
        self.status = status
        self.problem = problem
        self.detail = detail

    @property
    def denied(self) -> bool:
        """Whether the caller is not authenticated, or not allowed."""
        return self.status in _DENIED


class GateRequest(NamedTuple):
    """One question. Every attempt carries the same key, so that the gate does it once.

    `check` returns what is wrong with an answer, or None. With `wait` the answer may take so many
    seconds longer.
    """

    method: str
    path: str
    token: str
    check: Callable[[Body], str | None]
    body: Body | None = None
    key: str = ""
    wait: int = 0
    retries: int = RETRIES_MAX
    # The job's own token at its code host, for this asking alone.
    lent: str = ""


class _Again(Exception):
    """An attempt failed, and the next one may succeed."""

    def __init__(
        self, because: str, *, retry_after: float | None = None, refused: Refused | None = None
    ) -> None:
        super().__init__(because)
        self.retry_after = retry_after
        self.refused = refused


class Http:
    """One address of a gate.

    `denied` remembers a 401 or 403: after one, `--if-down allow` lets nothing through.
    """

    def __init__(self, url: str, world: World, *, seconds: float = REQUEST_SECONDS_MAX) -> None:
        self.url = url
        self.denied = False
        self._world = world
        self._seconds = seconds

    def ask(self, asking: GateRequest) -> Body:
        """Return the JSON object of a 2xx answer that passed its check.

        Raises `Refused` or `Unreachable`.
        """
        failed = _Again("not asked")
        for attempt in range(asking.retries + 1):
            if attempt:
                self._world.sleep(_pause(attempt, failed.retry_after))
            try:
                return self._judge(asking, self._send(asking))
            except TransportFailed as error:
                failed = _Again(str(error))
            except _Again as error:
                failed = error
        if failed.refused:
            raise failed.refused
        times = f"{asking.retries + 1} attempts" if asking.retries else "one attempt"
        raise Unreachable(f"{self.url} gave no usable answer in {times}: {failed}")

    def _send(self, asking: GateRequest) -> Reply:
        headers = {"Accept": "application/json", "User-Agent": "gate-client"}
        if asking.token:
            headers["Authorization"] = f"Bearer {asking.token}"
        if asking.key:
            headers["Idempotency-Key"] = f'"{asking.key}"'
        if asking.lent:
            headers["Gate-Host-Token"] = asking.lent
        data = None
        if asking.body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(asking.body).encode()
        path = f"{asking.path}?wait={asking.wait}" if asking.wait else asking.path
        return send(
            Request(asking.method, f"{self.url}{path}", headers, data, self._seconds + asking.wait),
            self._world.env,
        )

    def _judge(self, asking: GateRequest, reply: Reply) -> Body:
        if reply.status in _DENIED:
            self.denied = True
            raise _refusal(reply) or Refused(
                reply.status,
                "not_allowed",
                "the server, or a proxy before it, does not let this caller in",
            )
        if _OK <= reply.status < _REDIRECT:
            body = _json(reply)
            wrong = "it is no JSON object" if body is None else asking.check(body)
            if body is None or wrong:
                raise _Again(f"the answer is not the gate's: {wrong}")
            return body
        refused = _refusal(reply)
        if reply.status >= _SERVER or reply.status == _TOO_MANY:
            known = refused if reply.status == _TOO_MANY else None
            said = f": {refused.detail}" if refused else ""
            raise _Again(
                f"it answered {reply.status}{said}", retry_after=_retry_after(reply), refused=known
            )
        if refused:
            raise refused
        if _REDIRECT <= reply.status < _BAD:
            to = visible(reply.headers.get("location", "nowhere"), length_max=200)
            raise Unreachable(
                f"{self.url} redirects to {to}; redirects are not followed, give the "
                "address itself (GATE_URL)"
            )
        raise Unreachable(
            f"{self.url} answered {reply.status}, and not as the gate does; is the address right?"
        )


def _refusal(reply: Reply) -> Refused | None:
    """Return the gate's problem document as an error, or None for an answer that is not its own."""
    body = _json(reply)
    kind = body.get("type") if body else None
    if body is None or not isinstance(kind, str) or not kind.startswith(PROBLEM_PREFIX):
        return None
    detail = str(body.get("detail") or body.get("title") or "no detail was given")
    faults = body.get("errors")
    found = (
        [fault for fault in faults if isinstance(fault, dict)] if isinstance(faults, list) else []
    )
    said = [
        detail,
        *(f"{fault.get('pointer', '')} {fault.get('detail', '')}".strip() for fault in found),
    ]
    return Refused(
        reply.status,
        visible(kind[len(PROBLEM_PREFIX) :], length_max=40),
        visible("; ".join(dict.fromkeys(said))),
    )


def _json(reply: Reply) -> Body | None:
    if reply.headers.get("content-type", "").partition(";")[0].strip().lower() not in _JSON_TYPES:
        return None
    try:
        body = json.loads(reply.content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _retry_after(reply: Reply) -> float | None:
    """Return the seconds of `Retry-After`, bounded. A date is not read: the gate sends none."""
    text = reply.headers.get("retry-after", "")
    if text.isdigit():
        return min(float(text), RETRY_AFTER_SECONDS_MAX)
    return None


def _pause(attempt: int, retry_after: float | None) -> float:
    """Return how many seconds to wait before an attempt, never less than the server asks for.

    It grows exponentially, with jitter, so that a thousand jobs do not come back together.
    """
    backoff = BACKOFF_SECONDS * 2.0 ** (attempt - 1)
    return (retry_after or 0.0) + backoff * (0.5 + os.urandom(1)[0] / 510)
