"""Pipelines that ask while the server is killed, and the history of everything they asked and
heard.

Each request is in the history before it is sent, and each answer after it came. A request without
an answer has an unknown outcome and is sent again, unchanged and with the same key, until there is
one.
"""

import http.client
import json
import random
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from benchmarks.requests import as_text, submit_body
from benchmarks.surroundings import SERVICES

ANSWER_WITHIN_SECONDS = 10.0
GIVE_UP_AFTER_SECONDS = 120.0
ASK_AGAIN_AFTER_SECONDS = 0.02
REPEAT_SHARE = 0.1
ADMIT_SHARE = 0.3
_AGAIN = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One POST: the same bytes under the same key, however often."""

    key: str
    path: str
    body: str
    token: str

    @property
    def submits(self) -> bool:
        """Asks for a decision."""
        return self.act == "changes"

    @property
    def act(self) -> str:
        """The last word of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    body: bytes
    replayed: bool

    @property
    def change(self) -> dict[str, object]:
        """The answer as JSON."""
        parsed: dict[str, object] = json.loads(self.body)
        return parsed


@dataclass(slots=True)
class History:
    """Every request and every answer, in memory for the checks and in a file for the
    post-mortem.
    """

    path: Path
    first: dict[str, tuple[SentRequest, Answer]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    unknown: int = 0
    resolved: int = 0
    repeated: int = 0
    refused: int = 0
    violations: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sends(self, asking: SentRequest) -> None:
        """Before the request leaves."""
        with self._lock:
            self.asked.add(asking.key)
            self._write("send", asking.key, asking.path)

    def hears_nothing(self, asking: SentRequest, why: str) -> None:
        """The outcome is unknown."""
        with self._lock:
            self.unknown += 1
            self._write("unknown", asking.key, why)

    def hears(self, asking: SentRequest, answer: Answer, *, was_unknown: bool) -> None:
        """An answer; another one for the same key is a violation."""
        with self._lock:
            self._write("answer", asking.key, f"{answer.status} {answer.body.decode()}")
            self.resolved += was_unknown
            if answer.status == HTTPStatus.CONFLICT and not asking.submits:
                self.refused += 1  # another deployment was in the way, or has changed what runs
            elif answer.status >= HTTPStatus.BAD_REQUEST:
                self.violations.append(
                    f"{asking.path} {asking.key}: {answer.status} {answer.body[:500].decode()}"
                )
            elif asking.key not in self.first:
                self.first[asking.key] = (asking, answer)
            else:
                self.repeated += 1
                self.violations += differences(asking, self.first[asking.key][1], answer)

    def _write(self, what: str, key: str, detail: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{time.time():.6f} {what} {key} {detail}\n")


def differences(asking: SentRequest, first: Answer, again: Answer) -> list[str]:
    """A submit that is asked again gets its first answer, byte for byte, and says so; an admission
    the same envelope.

    A closure answers with the change as it is, and a change that is closed is admitted no more.
    """
    found: list[str] = []
    if not asking.submits and (asking.act != "admission" or again.status == HTTPStatus.CONFLICT):
        return found
    if (again.status, again.body) != (first.status, first.body):
        found.append(
            f"{asking.path} {asking.key}: first {first.status} {first.body!r}, again "
            f"{again.status} {again.body!r}"
        )
    if asking.submits and not again.replayed:
        found.append(
            f"{asking.path} {asking.key}: asked again, but the answer does not say that it is a "
            "replay"
        )
    return found


class Wire:
    """One client's connection to the server, made anew when it breaks."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=ANSWER_WITHIN_SECONDS
        )

    def post(self, asking: SentRequest) -> Answer:
        """OSError or HTTPException when no whole answer came."""
        headers = {
            "authorization": f"Bearer {asking.token}",
            "idempotency-key": f'"{asking.key}"',
            "content-type": "application/json",
        }
        return self._send("POST", asking.path, asking.body, headers)

    def get(self, path: str, token: str) -> Answer:
        """The same for a read."""
        return self._send("GET", path, None, {"authorization": f"Bearer {token}"})

    def _send(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        try:
            self._connection.request(method, path, body, dict(headers))
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        return Answer(
            response.status, content, replayed=response.headers.get("idempotent-replayed") == "true"
        )


class Pipeline(threading.Thread):
    """Submits, sometimes admits and closes, sometimes asks twice, until it is told to stop."""

    def __init__(self, port: int, token: str, history: History, seed: str) -> None:
        super().__init__(name=seed)
        self._wire = Wire(port)
        self._token = token
        self._history = history
        self._generator = random.Random(seed)  # noqa: S311 - which request comes next is no secret
        self._stopped = threading.Event()
        self.ended_well = False

    def stop(self) -> None:
        """After the asking that is under way has its answer."""
        self._stopped.set()

    def run(self) -> None:
        """One change after another; what breaks off is seen by `ended_well`."""
        while not self._stopped.is_set():
            self._one_change()
        self.ended_well = True

    def _one_change(self) -> None:
        run = uuid.uuid4().hex
        body = submit_body(self._generator.choice(SERVICES), run)
        submitted = self._ask("/v1/changes", body, self._token)
        if submitted.status >= HTTPStatus.BAD_REQUEST or self._generator.random() > ADMIT_SHARE:
            return
        change = submitted.change
        if change["state"] == "approved":
            about = {name: body[name] for name in ("commit", "artifacts", "environment", "run")}
            token, path = str(change["change_token"]), f"/v1/changes/{change['id']}"
            if self._ask(f"{path}/admission", about, token).status == HTTPStatus.OK:
                self._ask(f"{path}/closure", {"run": body["run"], "result": "successful"}, token)

    def _ask(self, path: str, body: dict[str, object], token: str) -> Answer:
        asking = SentRequest(key=uuid.uuid4().hex, path=path, body=as_text(body), token=token)
        answer = self._until_answered(asking)
        if answer.status < HTTPStatus.BAD_REQUEST and self._generator.random() < REPEAT_SHARE:
            self._until_answered(asking)
        return answer

    def _until_answered(self, asking: SentRequest) -> Answer:
        gives_up = time.monotonic() + GIVE_UP_AFTER_SECONDS
        was_unknown = False
        while time.monotonic() < gives_up:
            self._history.sends(asking)
            try:
                answer = self._wire.post(asking)
            except (OSError, http.client.HTTPException) as error:
                self._history.hears_nothing(asking, repr(error))
                was_unknown = True
            else:
                if answer.status not in _AGAIN:
                    self._history.hears(asking, answer, was_unknown=was_unknown)
                    return answer
            time.sleep(
                ASK_AGAIN_AFTER_SECONDS
            )  # also after `stop`: what was asked is answered first
        raise TimeoutError(
            f"{asking.path} {asking.key}: no answer within {GIVE_UP_AFTER_SECONDS:.0f} s"
        )
