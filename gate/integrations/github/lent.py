"""Asks GitHub with a token: the one that a job lends, which is its `github.token` and reads one
repository, or one of the operator.
"""

import time

from gate.core.change import Repository
from gate.errors import SourceUnavailable
from gate.integrations.github.app import Pass
from gate.integrations.github.facts import GitHub
from gate.integrations.http import shapes
from gate.integrations.http.rest import Credential, Refused, Rest

PASS_SECONDS = 60.0
PERMISSIONS = "contents, pull-requests, checks, statuses: read"
"""The permissions that the job needs under `permissions`."""

_LENT_DENIED = f"the lent token does not read {{name}}; its job needs {PERMISSIONS}"
_DENIED = frozenset({401, 403, 404})


class GitHubLender:
    """One GitHub without an App, for callers who bring a token."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def lent(self, token: str) -> GitHub:
        """Return GitHub as it answers this token."""
        return GitHub(self._rest, TokenAccess(self._rest, token, _LENT_DENIED))


class TokenAccess:
    """The pass of one token, which is not kept. `denied` says what a token lacks that GitHub
    refuses, with a place for the name of the repository.
    """

    def __init__(self, rest: Rest, token: str, denied: str) -> None:
        self._rest = rest
        self._headers = {"Authorization": f"Bearer {token}"}
        self._denied = denied

    async def pass_for(self, repository: Repository) -> Pass:
        """Return a pass. Raises `SourceUnavailable` if the token does not read this repository."""
        # A lane of its own, so that a bad token does not make the host refuse others.
        credential = Credential(f"lent {repository.id}", self._headers)
        if not repository.name:
            raise SourceUnavailable(f"repository {repository.id} has no name to ask for")
        try:
            reply = await self._rest.get(f"/repos/{repository.name}", credential)
        except Refused as refused:
            if refused.status in _DENIED:
                raise SourceUnavailable(self._denied.format(name=repository.name)) from None
            raise
        if shapes.the(reply.body, "id") != repository.id:
            raise SourceUnavailable(
                f"{repository.name} at {self._rest.host} is not repository {repository.id}"
            )
        name = shapes.text(reply.body, "full_name")
        return Pass(name, credential, time.time() + PASS_SECONDS)

    def forget(self, repository: Repository) -> None:
        """Do nothing, because no pass is kept."""
