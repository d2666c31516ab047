"""Opens and reads issues of one project of a Jira, by version 2 of its interface, which Cloud and
servers of one's own have.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gate.core.change import Repository
from gate.core.learning.issues import Issue, IssueDraft, IssueState
from gate.integrations.code_host.issues import opening, plain, title_of
from gate.integrations.http import shapes
from gate.integrations.http.rest import Credential, Refused, Rest

HEADERS: Mapping[str, str] = {"Accept": "application/json", "User-Agent": "change-gate"}
API = "/rest/api/2"
ISSUE_TYPE = "Task"

KEY = re.compile(r"[A-Z][A-Z0-9_]{0,99}-[0-9]{1,18}")
"""The key of an issue of any project."""

_NOT_FOUND = 404
_DONE = "done"
"""The category of every status in which an issue counts as done, whatever the status is called."""


def credential(user: str, token: str) -> Credential:
    """Return the credential: of an account at Cloud with its user, of a server without one."""
    if not user:
        return Credential("jira", {"Authorization": f"Bearer {token}"})
    both = base64.b64encode(f"{user}:{token}".encode()).decode()
    return Credential("jira", {"Authorization": f"Basic {both}"})


class JiraIssues:
    """The issues of one project. Every service has its issues there."""

    def __init__(
        self, rest: Rest, by: Credential, project: str, issue_type: str = ISSUE_TYPE
    ) -> None:
        self._rest = rest
        self._by = by
        self._place = Repository(rest.url, 0, project)
        self._type = issue_type
        self._key = re.compile(rf"{re.escape(project)}-[1-9][0-9]{{0,17}}")

    @property
    def host(self) -> str:
        """The host that is asked."""
        return self._rest.host

    def place(self, repositories: Sequence[Repository]) -> Repository | None:
        """Return the project, whatever repositories the service has."""
        _ = repositories
        return self._place

    def find(self, link: str, repositories: Sequence[Repository]) -> tuple[Repository, str] | None:
        """Return the project and the key of the issue at this address, or None."""
        _ = repositories
        before, _, key = link.rpartition("/browse/")
        if before == self._rest.url and self._key.fullmatch(key):
            return self._place, key
        return None

    async def open(self, place: Repository, draft: IssueDraft) -> Issue:
        """Open an issue, unless there is one with the mark of the draft; return that one then."""
        found = await self._marked(place, draft.mark)
        if found is not None:
            return self._issue(found)
        said = {
            "project": {"key": place.name},
            "issuetype": {"name": self._type},
            "summary": title_of(draft),
            "description": _description(draft),
            "labels": [draft.mark],
        }
        with opening():
            reply = await self._rest.post(
                f"{API}/issue", self._by, {"fields": said}, frozenset({201})
            )
        # The answer to a new issue does not say its state.
        return self._issue({"key": shapes.text(reply.body, "key")})

    async def read(self, place: Repository, number: str) -> Issue | None:
        """Return an issue as it is now, or None for one that is not there."""
        _ = place
        try:
            reply = await self._rest.get(f"{API}/issue/{number}", self._by, {"fields": "status"})
        except Refused as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise
        return self._issue(reply.body)

    async def _marked(self, place: Repository, mark: str) -> Any | None:
        """Return the issue with this label, or None. Cloud has another address for the search."""
        asked: dict[str, str | int] = {
            "jql": f'project = "{place.name}" AND labels = "{mark}"',
            "fields": "status",
            "maxResults": 1,
        }
        try:
            reply = await self._rest.get(f"{API}/search/jql", self._by, asked)
        except Refused as refused:
            if refused.status != _NOT_FOUND:
                raise
            reply = await self._rest.get(f"{API}/search", self._by, asked)
        return next(iter(shapes.items(reply.body, "issues")), None)

    def _issue(self, body: Any) -> Issue:
        """Return the issue. Its address is made here, because a page links to it."""
        key = shapes.text(body, "key")
        if not KEY.fullmatch(key):
            raise shapes.Misshapen(f"key is {key[: shapes.SHOWN_LENGTH]!r}, no key of an issue")
        category = shapes.the(body, "fields", "status", "statusCategory", "key")
        return Issue(
            key,
            f"{self._rest.url}/browse/{key}",
            IssueState.CLOSED if category == _DONE else IssueState.OPEN,
        )


def _description(draft: IssueDraft) -> str:
    """Return the text of an issue in Jira's notation, with texts of people in a block in which
    none of it has an effect.
    """
    lines = "\n".join((*map(plain, draft.lines), f"Mark: {draft.mark}"))
    return f"An improvement of the change gate: {draft.page}\n\n{{noformat}}\n{lines}\n{{noformat}}"
