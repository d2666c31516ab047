"""Opens and reads issues of a GitLab, in the projects that the catalogue lists."""

import re
from collections.abc import Sequence
from typing import Any

import httpx

from gate.core.change import Repository
from gate.core.instants import rfc3339
from gate.core.learning.issues import Issue, IssueDraft
from gate.integrations.code_host.issues import CLOCKS_APART, create, find_marked, read_issue
from gate.integrations.gitlab.facts import GitLab

_LINK = re.compile(r"(?P<project>.+?)(?:/-)?/(?:issues|work_items)/(?P<number>[1-9][0-9]{0,17})")


class GitLabIssues:
    """The issues of one GitLab."""

    def __init__(self, gitlab: GitLab) -> None:
        self._gitlab = gitlab
        self._web = gitlab.rest.url

    @property
    def host(self) -> str:
        """The host of the pages."""
        return httpx.URL(self._web).host

    def place(self, repositories: Sequence[Repository]) -> Repository | None:
        """Return the first of these projects that is here."""
        return next((one for one in repositories if self._has(one)), None)

    def find(self, link: str, repositories: Sequence[Repository]) -> tuple[Repository, str] | None:
        """Return the place and number of the issue at this address, or None."""
        found = _LINK.fullmatch(link)
        if found is None:
            return None
        for one in filter(self._has, repositories):
            if found["project"].casefold() == f"{self._web}/{one.name}".casefold():
                return one, found["number"]
        return None

    async def open(self, place: Repository, draft: IssueDraft) -> Issue:
        """Open an issue, unless there is one with the mark of the draft; return that one then."""
        here = self._gitlab.at(place.id)
        found = await find_marked(
            here,
            draft,
            "description",
            scope="all",
            order_by="created_at",
            sort="desc",
            created_after=rfc3339(draft.asked_at - CLOCKS_APART),
        )
        if found is None:
            found = await create(here, draft, "description")
        return self._issue(place, found)

    async def read(self, place: Repository, number: str) -> Issue | None:
        """Return an issue as it is now, or None for one that is not there."""
        body = await self._gitlab.at(place.id).get_if_there(f"/issues/{number}")
        return None if body is None else self._issue(place, body)

    def _has(self, repository: Repository) -> bool:
        return repository.issuer == self._web and bool(repository.name)

    def _issue(self, place: Repository, body: Any) -> Issue:
        return read_issue(body, "iid", f"{self._web}/{place.name}/-/issues")
