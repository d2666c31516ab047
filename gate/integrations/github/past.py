"""The past of a repository on GitHub: deployments that have ended, and issues with the label of an
incident.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gate.core.change import Result
from gate.core.facts import TEXT_LENGTH_MAX
from gate.core.past import PastIncident
from gate.integrations.code_host.past import Ended, Listed
from gate.integrations.code_host.place import PER_PAGE
from gate.integrations.code_host.texts import is_commit
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


async def deployments(
    here: Place, since: datetime, known: Collection[str]
) -> AsyncIterator[Sequence[Listed]]:
    """Yield pages of deployments that began since then, newest first.

    Those that are `known` are not fetched again. Raises `SourceUnavailable`.
    """
    async for page in here.pages("/deployments"):
        found = []
        for one in page:
            key, began_at = str(shapes.number(one, "id")), shapes.instant(one, "created_at")
            if began_at < since:
                continue
            ended = None if key in known else await _ended(here, one, key, began_at)
            found.append(Listed(key, key in known, ended))
        yield found
        # Newest first, so nothing of interest comes after what is too old.
        if page and shapes.instant(page[-1], "created_at") < since:
            return


async def _ended(here: Place, one: Any, key: str, began_at: datetime) -> Ended | None:
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
    return Ended(
        key=key,
        environment=shapes.text(one, "environment")[:TEXT_LENGTH_MAX],
        commit=commit,
        ref=shapes.one_line(one, "ref") or None,
        began_at=began_at,
        ended_at=max(last.at, began_at),
        result=_RESULTS[last.state],
    )


async def incidents(
    here: Place, source: str, service: str, label: str, since: datetime
) -> AsyncIterator[Sequence[PastIncident]]:
    """Yield pages of issues with this label that were opened since then. Raises
    `SourceUnavailable`.
    """
    wanted = {"labels": label, "state": "all", "sort": "created", "direction": "desc"}
    async for page in here.pages("/issues", **wanted):
        found = []
        for one in page:
            began_at = shapes.instant(one, "created_at")
            # GitHub lists pull requests among the issues.
            if began_at < since or shapes.the(one, "pull_request") is not None:
                continue
            key = f"issue {shapes.number(one, 'number')}"
            resolved_at = shapes.maybe_instant(one, "closed_at")
            found.append(PastIncident(source, key, service, None, began_at, resolved_at))
        yield found
        if page and shapes.instant(page[-1], "created_at") < since:
            return
