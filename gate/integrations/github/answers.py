"""Answers a run that GitHub holds: with reports while it waits, and at last with an approval or a
rejection and the reasons.
"""

from typing import Any
from urllib.parse import quote

import orjson

from gate.core.change import Repository
from gate.core.messages.outgoing import Message
from gate.errors import Undeliverable
from gate.integrations.code_host.texts import comment
from gate.integrations.github.facts import GitHub
from gate.integrations.github.place import Place
from gate.integrations.http import shapes
from gate.integrations.http.rest import Refused

_TAKEN = frozenset({204})
_NOT_FOUND = 404
_UNPROCESSABLE = 422
_OVER = frozenset({_NOT_FOUND, _UNPROCESSABLE})


class GitHubAnswers:
    """Delivers reports and decisions. A decision that GitHub has already counts as delivered."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    async def __call__(self, message: Message) -> None:
        """Deliver a message.

        Raises `SourceUnavailable` to be called again, and `Undeliverable` if GitHub would never
        accept the message.
        """
        report = orjson.loads(message.body)
        repository = report["repository"]
        place = await self._github.at(
            Repository(repository["issuer"], repository["id"], repository["name"])
        )
        run, environment = quote(report["run"], safe=""), report["environment"]
        try:
            await place.post(
                f"/actions/runs/{run}/deployment_protection_rule", body_of(report), _TAKEN
            )
        except Refused as refused:
            if refused.status not in _OVER:
                raise
            if await _still_waits(place, run, environment):
                raise Undeliverable(refused.detail) from None
            # Either GitHub has the decision and its answer was lost, or somebody else has ended the
            # run. In both cases nobody waits any more.


async def _still_waits(place: Place, run: str, environment: str) -> bool:
    try:
        pending = (await place.get(f"/actions/runs/{run}/pending_deployments")).body
    except Refused as refused:
        if refused.status == _NOT_FOUND:
            return False
        raise
    return any(
        shapes.the(one, "environment", "name") == environment for one in shapes.items([pending], 0)
    )


def body_of(report: Any) -> dict[str, str]:
    """Return the body of the callback. With a state it is a decision, without one a report."""
    body = {
        "environment_name": report["environment"],
        "comment": comment(report["words"], report["reasons"], report["url"]),
    }
    if report["state"] is None:
        return body
    return {**body, "state": report["state"]}
