"""Answers a deployment that GitLab blocks: with an approval or a rejection and the reasons, and
starts the job of an approved one.
"""

from typing import Any

import orjson

from gate.core.messages.outgoing import Message
from gate.errors import Undeliverable
from gate.integrations.code_host.texts import comment
from gate.integrations.gitlab.facts import GitLab, Project
from gate.integrations.http import shapes
from gate.integrations.http.rest import Refused

_TAKEN = frozenset({200, 201})
_OVER = frozenset({400, 404, 422})
_BLOCKED = "blocked"
APPROVED = "approved"


class GitLabAnswers:
    """Delivers decisions.

    Reports are dropped, because GitLab has no place for them while a deployment waits.
    """

    def __init__(self, gitlab: GitLab) -> None:
        self._gitlab = gitlab

    async def __call__(self, message: Message) -> None:
        """Deliver a message.

        Raises `SourceUnavailable` to be called again, and `Undeliverable` if GitLab would never
        accept the message.
        """
        report = orjson.loads(message.body)
        if report["state"] is None:
            return
        project = self._gitlab.at(report["repository"]["id"])
        deployment = f"/deployments/{int(report['run'])}"
        said = {
            "status": report["state"],
            "comment": comment(report["words"], report["reasons"], report["url"]),
        }
        try:
            await project.post(f"{deployment}/approval", said, _TAKEN)
        except Refused as refused:
            if refused.status not in _OVER:
                raise
            if await _status(project, deployment) == _BLOCKED:
                raise Undeliverable(refused.detail) from None
            # Either GitLab has the decision and its answer was lost, or somebody else has decided.
            # In both cases the deployment does not wait any more.
        if report["state"] == APPROVED:
            await _start(project, deployment)


async def _status(project: Project, deployment: str) -> str | None:
    return shapes.maybe_text(await project.get_if_there(deployment), "status")


async def _start(project: Project, deployment: str) -> None:
    """Start the job of an approved deployment, because the approval alone does not.

    A job that runs already, or waits for more approvals, is left alone.
    """
    body: Any = await project.get_if_there(deployment)
    if shapes.maybe_text(body, "status") not in {_BLOCKED, "created"}:
        return
    try:
        await project.post(f"/jobs/{shapes.number(body, 'deployable', 'id')}/play", None, _TAKEN)
    except Refused as refused:
        if refused.status not in _OVER:
            raise
