"""Opens and reads issues of a GitHub, in the repositories that the catalogue lists."""

import re
from typing import Any

import httpx

from gate.core.change import Repository
from gate.core.learning.issues import Issue, IssueDraft
from gate.integrations.code_host.issues import HostIssues, find_or_create, read_issue
from gate.integrations.github.facts import GitHub, issuer_of
from gate.integrations.http import shapes
from gate.integrations.http.rest import Refused

PERMISSIONS = {"issues": "write"}
"""What the App needs for this, beside what it needs for decisions."""

DENIED = (
    "GATE_GITHUB_ISSUES_TOKEN does not read {name}; it needs metadata: read and issues: write there"
)

_GONE = frozenset({404, 410})
_LINK = re.compile(r"(?P<repository>.+)/issues/(?P<number>[1-9][0-9]{0,17})")


def web_of(api_url: str) -> str:
    """Return the address of the pages of the GitHub whose interface is at this address."""
    url = httpx.URL(api_url)
    if url.host == "api.github.com" or url.host.endswith(".ghe.com"):
        return f"https://{url.host.removeprefix('api.')}"
    return f"{url.scheme}://{url.netloc.decode()}"


class GitHubIssues(HostIssues):
    """The issues of one GitHub."""

    def __init__(self, github: GitHub) -> None:
        super().__init__(issuer_of(github.rest.url), web_of(github.rest.url), _LINK)
        self._github = github

    async def open(self, place: Repository, draft: IssueDraft) -> Issue:
        """Open an issue, unless there is one with the mark of the draft; return that one then."""
        here = await self._github.at(place)
        found = await find_or_create(
            here, draft, "body", state="all", sort="created", direction="desc"
        )
        return self._issue(here.full_name, found)

    async def read(self, place: Repository, number: str) -> Issue | None:
        """Return an issue as it is now, or None for one that is not there.

        A pull request is none, and an issue that was transferred is in another repository, to which
        GitHub redirects.
        """
        here = await self._github.at(place)
        try:
            body: Any = (await here.get(f"/issues/{number}")).body
        except Refused as refused:
            if refused.status in _GONE:
                return None
            raise
        is_pull_request = shapes.the(body, "pull_request") is not None
        if is_pull_request or shapes.number(body, "number") != int(number):
            return None
        at = shapes.maybe_text(body, "repository_url") or ""
        if at and not at.casefold().endswith(f"/repos/{here.full_name}".casefold()):
            return None
        return self._issue(here.full_name, body)

    def _issue(self, full_name: str, body: Any) -> Issue:
        return read_issue(body, "number", f"{self._web}/{full_name}/issues")
