"""The past of a repository on GitHub: deployments that have ended, and issues with the label of an
incident.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gate.core.change import Repository, Result
from gate.core.facts import TEXT_LENGTH_MAX
from gate.core.past import PastIncident
from gate.integrations.code_host.past import Ended, IncidentQuery, Listed
from gate.integrations.code_host.place import PER_PAGE
from gate.integrations.code_host.texts import is_commit
from gate.integrations.github.facts import GitHub
from gate.integrations.github.place import Place
from gate.integrations.http import shapes

_RESULTS = {
    "success": Result.SUCCESSFUL,
    "failure": Result.UNSUCCESSFUL,
    "error": Result.UNSUCCESSFUL,
}


class _Status(NamedTuple):
    state: str
    at: datetime


class GitHubPast:
    """GitHub, with an App or with a token that reads the repository."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self.facts = github.facts

    async def deployments(
        self, repository: Repository, since: datetime, known: Collection[str]
    ) -> AsyncIterator[Sequence[Listed]]:
        """Yield pages of deployments that began since then, newest first."""
        here = await self._github.at(repository)
        async for page in _created_since(here, "/deployments", since):
            found = []
            for one in page:
                key = str(shapes.number(one, "id"))
                ended = None if key in known else await _ended(here, one, key)
                found.append(Listed(key, key in known, ended))
            yield found

    async def incidents(
        self, repository: Repository, query: IncidentQuery
    ) -> AsyncIterator[Sequence[PastIncident]]:
        """Yield pages of issues with the label that were opened since then, newest first."""
        here = await self._github.at(repository)
        wanted = {"labels": query.label, "state": "all", "sort": "created", "direction": "desc"}
        async for page in _created_since(here, "/issues", query.since, **wanted):
            # GitHub lists pull requests among the issues.
            yield [_incident(one, query) for one in page if shapes.the(one, "pull_request") is None]


async def _created_since(
    here: Place, path: str, since: datetime, **newest_first: str
) -> AsyncIterator[Sequence[Any]]:
    """Yield pages of a list that begins with the newest, without what was created before."""
    async for page in here.pages(path, **newest_first):
        yield [one for one in page if shapes.instant(one, "created_at") >= since]
        if page and shapes.instant(page[-1], "created_at") < since:
            return


async def _ended(here: Place, one: Any, key: str) -> Ended | None:
    """Return how the deployment ended, or None if it has not, or is no deployment of a commit."""
    commit = shapes.name(one, "sha")
    if not is_commit(commit):
        return None
    listed = await here.get(f"/deployments/{key}/statuses", per_page=PER_PAGE)
    said = [
        _Status(shapes.text(status, "state"), shapes.instant(status, "created_at"))
        for status in shapes.items([listed.body], 0)
    ]
    # A later deployment makes an earlier one inactive, which says nothing of how that one ended.
    said.sort(key=lambda status: status.at, reverse=True)
    last = next((status for status in said if status.state in _RESULTS), None)
    newest = next((status for status in said if status.state != "inactive"), None)
    if last is None or newest is None or newest.state not in _RESULTS:
        return None
    began_at = shapes.instant(one, "created_at")
    return Ended(
        key=key,
        environment=shapes.text(one, "environment")[:TEXT_LENGTH_MAX],
        commit=commit,
        ref=shapes.one_line(one, "ref") or None,
        began_at=began_at,
        ended_at=max(last.at, began_at),
        result=_RESULTS[last.state],
    )


def _incident(one: Any, query: IncidentQuery) -> PastIncident:
    key = f"issue {shapes.number(one, 'number')}"
    began_at, ended_at = shapes.instant(one, "created_at"), shapes.maybe_instant(one, "closed_at")
    return PastIncident(query.source, key, query.service, None, began_at, ended_at)
