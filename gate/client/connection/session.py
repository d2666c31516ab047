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
"""The problem of a caller that asks too often, or waits with too many requests at once."""


class Session:
    """The requests about one change.

    `change` is the change as last answered. `change_token` is valid for this change alone, and is
    used as soon as it is known.
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
        """Use the token of a change that was submitted earlier."""
        self._mask(change_token)
        self.change_token = change_token

    def place(self, service: str, environment: str) -> Place:
        """Return what the gate knows of the place; nothing, if it hides the service."""
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
        """Submit a change, and return it. Each submit has a new key, which its retries repeat."""
        check = answers.change_of(body["commit"], body["service"])
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
        """Return what would be decided; nothing is recorded."""
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
        """Return the change as it is now, or with `wait` as soon as it is no longer pending.

        A gate limits how many jobs of one caller wait at once. A job over that limit reads without
        waiting, because the pipeline still needs its answer.
        """
        check = answers.change_of(change["commit"], change["service"], change["id"])
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
        """Return the signed admission, which consumes the approval for this run.

        A token is lent again, because the gate may have asked the code host long ago. It counts
        beside an identity token alone, so the change's own token is not used then.
        """
        check = answers.envelope_of(change["id"], change["commit"])
        lent = self.credentials.lent()
        if not lent:
            return self._act(change["id"], "admission", body, check)
        path, token = f"{_path(change['id'])}/admission", self.credentials.token()
        key = self._world.fresh_id()
        return self.http.ask(GateRequest("POST", path, token, check, body, key=key, lent=lent))

    def cancel(self, change: str, comment: str, retries: int = RETRIES_MAX) -> Body:
        """Cancel a change, and return it."""
        return self._act(change, "cancellation", {"comment": comment}, answers.any_change, retries)

    def close(self, change: str, body: Body) -> Body:
        """Report how the deployment ended, and return the change."""
        return self._act(change, "closure", body, answers.any_change)

    def _act(
        self, change: str, act: str, body: Body, check: answers.Check, retries: int = RETRIES_MAX
    ) -> Body:
        path, key = f"{_path(change)}/{act}", self._world.fresh_id()
        return self._ask(
            lambda token: GateRequest("POST", path, token, check, body, key=key, retries=retries)
        )

    def _ask(self, asking: Callable[[str], GateRequest]) -> Body:
        """Ask with the change's own token, and once more with the caller's if that has ended.

        A change token ends a day after its change. It also ends with the token for which it was
        issued, and that may have been valid only for minutes.
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
