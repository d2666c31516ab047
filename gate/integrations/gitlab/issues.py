"""Opens and reads issues of a GitLab, in the projects that the catalogue lists."""

import re
from typing import Any

from gate.core.change import Repository
from gate.core.instants import rfc3339
from gate.core.learning.issues import Issue, IssueDraft
from gate.integrations.code_host.issues import (
    CLOCKS_APART,
    HostIssues,
    find_or_create,
    read_issue,
)
from gate.integrations.gitlab.facts import GitLab

_LINK = re.compile(r"(?P<repository>.+?)(?:/-)?/(?:issues|work_items)/(?P<number>[1-9][0-9]{0,17})")


class GitLabIssues(HostIssues):
    """The issues of one GitLab."""

    def __init__(self, gitlab: GitLab) -> None:
        super().__init__(gitlab.rest.url, gitlab.rest.url, _LINK)
        self._gitlab = gitlab

    async def open(self, place: Repository, draft: IssueDraft) -> Issue:
        """Open an issue, unless there is one with the mark of the draft; return that one then."""
        here = self._gitlab.at(place.id)
        found = await find_or_create(
            here,
            draft,
            "description",
            scope="all",
            order_by="created_at",
            sort="desc",
            created_after=rfc3339(draft.asked_at - CLOCKS_APART),
        )
        return self._issue(place, found)

    async def read(self, place: Repository, number: str) -> Issue | None:
        """Return an issue as it is now, or None for one that is not there."""
        body = await self._gitlab.at(place.id).get_if_there(f"/issues/{number}")
        return None if body is None else self._issue(place, body)

    def _issue(self, place: Repository, body: Any) -> Issue:
        return read_issue(body, "iid", f"{self._web}/{place.name}/-/issues")
