"""Asks GitHub with the token that a job lends: its `github.token`, which reads one repository."""

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

_DENIED = frozenset({401, 403, 404})


class GitHubLender:
    """One GitHub without an App, for callers who bring a token."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def lent(self, token: str) -> GitHub:
        """Return GitHub as it answers this token."""
        return GitHub(self._rest, _Lent(self._rest, token))


class _Lent:
    """The pass of one token, which is kept only during the request that brought it."""

    def __init__(self, rest: Rest, token: str) -> None:
        self._rest = rest
        self._headers = {"Authorization": f"Bearer {token}"}

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
                raise SourceUnavailable(
                    f"the lent token does not read {repository.name}; its job needs {PERMISSIONS}"
                ) from None
            raise
        if shapes.the(reply.body, "id") != repository.id:
            raise SourceUnavailable(
                f"{repository.name} at {self._rest.host} is not repository {repository.id}"
            )
        name = shapes.text(reply.body, "full_name")
        return Pass(name, credential, time.time() + PASS_SECONDS)

    def forget(self, repository: Repository) -> None:
        """Do nothing, because no pass is kept."""
