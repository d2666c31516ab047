"""The gate as a GitHub App: it gets a token for one repository at a time, valid for an hour, with
the least permissions.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jwt

from gate.core.change import Repository
from gate.errors import Invalid, NotInstalled, SourceUnavailable
from gate.integrations.http import shapes
from gate.integrations.http.rest import Credential, Refused, Reply, Rest

JWT_SECONDS = 540
"""How long a token of the App itself is valid. GitHub allows 600 seconds, and clocks may differ
by a minute."""

JWT_BACKDATED_SECONDS = 60
REFRESH_BEFORE_SECONDS = 300.0
PASSES_MAX = 1_000
PERMISSIONS: Mapping[str, str] = {
    "actions": "read",
    "checks": "read",
    "contents": "read",
    "deployments": "write",
    "pull_requests": "read",
    "statuses": "read",
}
"""The permissions that the App needs in a repository, and asks for."""

_CREATED = frozenset({201})
_UNPROCESSABLE = 422
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Pass:
    """A token for one repository.

    `full_name` is its name at GitHub now, which may not be the one in the catalogue.
    """

    full_name: str
    credential: Credential
    good_until: float

    @property
    def path(self) -> str:
        """The path of the repository in the API."""
        return f"/repos/{self.full_name}"


class App:
    """One GitHub App at one GitHub.

    A pass is kept until shortly before it ends, and requested once for all who wait for it.
    """

    def __init__(
        self,
        app_id: str,
        key: str,
        rest: Rest,
        clock: Callable[[], float] = time.time,
        permissions: Mapping[str, str] = PERMISSIONS,
    ) -> None:
        self._app_id = app_id
        self._key = key
        self._rest = rest
        self._clock = clock
        self._permissions = permissions
        self._passes: OrderedDict[int, Pass] = OrderedDict()
        self._asking: dict[int, asyncio.Task[Pass]] = {}
        # This signs once, so that a key that cannot sign is reported at start.
        self.credential()

    def credential(self) -> Credential:
        """Return the token of the App itself, for its own deliveries and to find an
        installation.
        """
        now = int(self._clock())
        claims = {"iat": now - JWT_BACKDATED_SECONDS, "exp": now + JWT_SECONDS, "iss": self._app_id}
        try:
            signed = jwt.encode(claims, self._key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise Invalid(
                "GATE_GITHUB_APP_KEY_FILE has no private key; it is the PEM file that "
                "GitHub gave for the App"
            ) from None
        return Credential("app", {"Authorization": f"Bearer {signed}"})

    async def pass_for(self, repository: Repository) -> Pass:
        """Return a pass for a repository.

        Raises `SourceUnavailable` if the App is not installed there, lacks a permission, or GitHub
        does not answer.
        """
        kept = self._passes.get(repository.id)
        if kept is not None and kept.good_until > self._clock():
            return kept
        asking = self._asking.get(repository.id)
        if asking is None:
            asking = self._asking[repository.id] = asyncio.create_task(self._ask(repository))
            asking.add_done_callback(lambda done: self._asked(repository.id, done))
        # Others wait for the same.
        return await asyncio.shield(asking)

    def forget(self, repository: Repository) -> None:
        """Forget the pass of a repository, because GitHub refused it."""
        self._passes.pop(repository.id, None)

    def _asked(self, repository: int, done: asyncio.Task[Pass]) -> None:
        self._asking.pop(repository, None)
        if not done.cancelled():
            # Seen, even when nobody waits any more.
            done.exception()

    async def _ask(self, repository: Repository) -> Pass:
        if not repository.name:
            raise SourceUnavailable(
                f"the catalogue gives no name for repository {repository.id}, so "
                f"{self._rest.host} cannot be asked"
            )
        installation = await self._installation(repository)
        reply = await self._access_token(installation, repository)
        listed = shapes.items(reply.body, "repositories")
        found = next((one for one in listed if shapes.the(one, "id") == repository.id), None)
        if found is None:
            raise SourceUnavailable(
                f"{repository.name} at {self._rest.host} is not the repository "
                f"{repository.id} of the catalogue"
            )
        made = Pass(
            shapes.text(found, "full_name"),
            Credential(
                f"installation {installation}",
                {"Authorization": f"Bearer {shapes.text(reply.body, 'token')}"},
            ),
            shapes.instant(reply.body, "expires_at").timestamp() - REFRESH_BEFORE_SECONDS,
        )
        self._passes[repository.id] = made
        while len(self._passes) > PASSES_MAX:
            self._passes.popitem(last=False)
        return made

    async def _access_token(self, installation: int, repository: Repository) -> Reply:
        """Return GitHub's answer with a token for this repository alone.

        Raises `SourceUnavailable` with the permissions that the App lacks.
        """
        body = {"repository_ids": [repository.id], "permissions": self._permissions}
        path = f"/app/installations/{installation}/access_tokens"
        try:
            return await self._rest.post(path, self.credential(), body, _CREATED)
        except Refused as refused:
            if refused.status != _UNPROCESSABLE:
                raise
            needed = ", ".join(f"{name}: {access}" for name, access in self._permissions.items())
            raise SourceUnavailable(
                f"the GitHub App may not read {repository.name}; it needs {needed}, and "
                "the repository"
            ) from None

    async def _installation(self, repository: Repository) -> int:
        try:
            reply = await self._rest.get(
                f"/repos/{repository.name}/installation", self.credential()
            )
        except Refused as refused:
            if refused.status == _NOT_FOUND:
                raise NotInstalled(
                    f"the GitHub App is not installed in {repository.name}; install it there"
                ) from None
            raise
        return shapes.number(reply.body, "id")
