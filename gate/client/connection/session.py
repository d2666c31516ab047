"""One conversation with the gate about one change."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import Any

from gate.client.connection import answers
from gate.client.connection.credentials import Credentials
from gate.client.connection.http import RETRIES_MAX, Body, GateRequest, Http, Refused
from gate.client.git.baseline import Place
from gate.client.world import World

RATE_LIMITED = "rate_limited"
"""The problem of whoever asks, or waits, too often at once."""


class Session:
    """`change` is what the gate last said; `change_token` is good for this change alone and is used
    once it is known.
    """

    def __init__(
        self, http: Http, credentials: Credentials, world: World, mask: Callable[[str], None]
    ) -> None:
        self.http = http
        self.change: Body | None = None
        self.change_token = ""
        self.credentials = credentials
        self._world = world
        self._mask = mask

    def use(self, change_token: str) -> None:
        """Go on with the token of a change that was asked for earlier."""
        self._mask(change_token)
        self.change_token = change_token

    def place(self, service: str, environment: str) -> Place:
        """What the gate knows of where the change goes.

        Of a service that it does not show it says nothing.
        """
        path = f"/v1/services/{_quoted(service)}/environments/{_quoted(environment)}"
        try:
            said = self.http.ask(
                GateRequest("GET", path, self.credentials.token(), answers.place_answer)
            )
        except Refused as error:
            if error.problem != "not_found":
                raise
            return Place()
        running = said["running"]
        return Place(
            str(running["commit"]) if running else None, said.get("first_deployment") is True
        )

    def submit(self, body: Body) -> Body:
        """A new asking has a new key; its retries repeat it."""
        check = answers.change_of(body["commit"])
        asking = GateRequest(
            "POST",
            "/v1/changes",
            self.credentials.token(),
            check,
            body,
            key=self._world.fresh_id(),
            lent=self.credentials.lent(),
        )
        change = self.http.ask(asking)
        token = change.pop("change_token", None)
        if isinstance(token, str) and token:
            self.use(token)
        self.change = change
        return change

    def evaluate(self, body: Body) -> Body:
        """What would be decided; nothing is recorded."""
        return self.http.ask(
            GateRequest(
                "POST",
                "/v1/evaluations",
                self.credentials.token(),
                answers.evaluation_of(body["commit"]),
                body,
                lent=self.credentials.lent(),
            )
        )

    def read(self, change: Body, wait: int = 0) -> Body:
        """The change as it is now, or as soon as it is no longer pending.

        A gate limits how many jobs of one caller wait at once. Whoever is one too many reads
        without waiting, because the pipeline still needs its answer.
        """
        check = answers.change_of(change["commit"], change["id"])
        try:
            self.change = self._ask(
                lambda token: GateRequest("GET", _path(change["id"]), token, check, wait=wait)
            )
        except Refused as error:
            if not wait or error.problem != RATE_LIMITED:
                raise
            self.change = self._ask(
                lambda token: GateRequest("GET", _path(change["id"]), token, check)
            )
        return self.change

    def admit(self, change: Body, body: Body) -> Body:
        """The signed admission. It consumes the approval for this run."""
        check = answers.envelope_of(change["id"], change["commit"])
        return self._act(change["id"], "admission", body, check)

    def cancel(self, change: str, comment: str, retries: int = RETRIES_MAX) -> Body:
        """Withdraw it."""
        return self._act(change, "cancellation", {"comment": comment}, answers.any_change, retries)

    def close(self, change: str, body: Body) -> Body:
        """Report how the deployment ended."""
        return self._act(change, "closure", body, answers.any_change)

    def _act(
        self, change: str, act: str, body: Body, check: answers.Check, retries: int = RETRIES_MAX
    ) -> Body:
        path, key = f"{_path(change)}/{act}", self._world.fresh_id()
        return self._ask(
            lambda token: GateRequest("POST", path, token, check, body, key=key, retries=retries)
        )

    def _ask(self, asking: Callable[[str], GateRequest]) -> Body:
        """With the change's own token, and without it where that has ended.

        Whoever may still act has another.

        It ends a day after the change, and with the token it was earned with, which may have been
        good for minutes.
        """
        try:
            return self.http.ask(asking(self._token()))
        except Refused as error:
            if not (error.denied and self.change_token):
                raise
        self.change_token = ""
        return self.http.ask(asking(self._token()))

    def _token(self) -> str:
        return self.change_token or self.credentials.token()


def _path(change: Any) -> str:
    return f"/v1/changes/{_quoted(str(change))}"


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")
