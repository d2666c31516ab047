"""The past of a project on GitLab: deployments that have ended, and issues with the label of an
incident.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any

from gate.core.change import Repository, Result
from gate.core.facts import TEXT_LENGTH_MAX
from gate.core.instants import rfc3339
from gate.core.past import PastIncident
from gate.integrations.code_host.past import Ended, IncidentQuery, Listed
from gate.integrations.code_host.texts import is_commit
from gate.integrations.gitlab.facts import GitLab
from gate.integrations.http import shapes

_RESULTS = {"success": Result.SUCCESSFUL, "failed": Result.UNSUCCESSFUL}
"""The results of deployments that ran to their end. A canceled one was not seen to fail."""


class GitLabPast:
    """GitLab, with a token that reads its interface."""

    def __init__(self, gitlab: GitLab) -> None:
        self._gitlab = gitlab
        self.facts = gitlab.facts

    async def deployments(
        self, repository: Repository, since: datetime, known: Collection[str]
    ) -> AsyncIterator[Sequence[Listed]]:
        """Yield pages of deployments that changed since then, oldest first."""
        here = self._gitlab.at(repository.id)
        wanted = {"order_by": "updated_at", "sort": "asc", "updated_after": rfc3339(since)}
        async for page in here.pages("/deployments", **wanted):
            found = []
            for one in page:
                key = str(shapes.number(one, "id"))
                ended = None if key in known else _ended(one, key, since)
                found.append(Listed(key, key in known, ended))
            yield found

    async def incidents(
        self, repository: Repository, query: IncidentQuery
    ) -> AsyncIterator[Sequence[PastIncident]]:
        """Yield pages of issues with the label that were opened since then."""
        here = self._gitlab.at(repository.id)
        wanted = {"labels": query.label, "created_after": rfc3339(query.since)}
        async for page in here.pages("/issues", **wanted):
            yield [_incident(one, query) for one in page]


def _ended(one: Any, key: str, since: datetime) -> Ended | None:
    """Return how the deployment ended, or None if it has not, or is older than asked for."""
    commit, result = shapes.name(one, "sha"), _RESULTS.get(shapes.text(one, "status"))
    began_at = shapes.instant(one, "created_at")
    if result is None or not is_commit(commit) or began_at < since:
        return None
    finished = shapes.maybe_text(one, "deployable", "finished_at")
    ended_at = (
        shapes.instant(one, "deployable", "finished_at")
        if finished is not None
        else shapes.instant(one, "updated_at")
    )
    return Ended(
        key=key,
        environment=shapes.text(one, "environment", "name")[:TEXT_LENGTH_MAX],
        commit=commit,
        ref=shapes.one_line(one, "ref") or None,
        began_at=began_at,
        ended_at=max(ended_at, began_at),
        result=result,
    )


def _incident(one: Any, query: IncidentQuery) -> PastIncident:
    key = f"issue {shapes.number(one, 'iid')}"
    began_at, ended_at = shapes.instant(one, "created_at"), shapes.maybe_instant(one, "closed_at")
    return PastIncident(query.source, key, query.service, None, began_at, ended_at)
