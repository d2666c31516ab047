"""What a deployment that GitLab blocks is told: one approval or rejection with the reasons;
approved, its job is started too.
"""

from typing import Any

import orjson

from gate.core.messages.outgoing import Message
from gate.errors import Undeliverable
from gate.integrations.github.answers import comment
from gate.integrations.gitlab.facts import GitLab, Project
from gate.integrations.http import shapes
from gate.integrations.http.rest import Refused

_TAKEN = frozenset({200, 201})
_OVER = frozenset({400, 404, 422})
_BLOCKED = "blocked"
APPROVED = "approved"


class GitLabAnswers:
    """Delivers them.

    GitLab has no place for a report while something waits, so reports end here.
    """

    def __init__(self, gitlab: GitLab) -> None:
        self._gitlab = gitlab

    async def __call__(self, message: Message) -> None:
        """Raises `SourceUnavailable` to be called again, `Undeliverable` where GitLab would never
        take it.
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
            # it was told before and the answer was lost, or somebody else has decided: it does not
            # wait any more
        if report["state"] == APPROVED:
            await _start(project, deployment)


async def _status(project: Project, deployment: str) -> str | None:
    return shapes.maybe_text(await project.get_if_there(deployment), "status")


async def _start(project: Project, deployment: str) -> None:
    """An approval alone starts nothing.

    A job that runs already is left alone; one that waits for more approvals, too.
    """
    body: Any = await project.get_if_there(deployment)
    if shapes.maybe_text(body, "status") not in {_BLOCKED, "created"}:
        return
    try:
        await project.post(f"/jobs/{shapes.number(body, 'deployable', 'id')}/play", None, _TAKEN)
    except Refused as refused:
        if refused.status not in _OVER:
            raise
