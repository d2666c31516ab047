"""The whole service inside a test: the real app on a real database, with every answer checked
against its OpenAPI document.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gate.api.app import Api
from gate.app import create_app
from gate.config import Settings
from gate.flow.caller import HookKind, Role
from gate.flow.commands import TokenCommand
from gate.flow.connections import Connections
from gate.flow.gate import Gate
from gate.flow.identity.sessions import begin
from gate.flow.identity.tokens import make_token
from gate.flow.signing import make_key
from gate.storage.database.tx import Tx
from gate.storage.identity import people
from gate.storage.identity.tokens import Maker
from tests.api.asgi import BASE_URL
from tests.api.openapi import Document, document
from tests.shipped import never_frozen

ROOT = Path(__file__).parents[2]
COMMIT = "c0ffee" + "0" * 34
DIGEST = "sha256:" + "ab" * 32
IMAGE = {"name": "image", "digest": DIGEST}
SMALL: Mapping[str, Any] = {
    "diff": {"lines_added": 12, "lines_deleted": 4, "files": ["src/cart.py"], "files_changed": 1}
}


def request(run: str = "1", **fields: Any) -> dict[str, Any]:
    """A small change of `web` to `staging` that passes by itself."""
    return {
        "service": "web",
        "environment": "staging",
        "commit": COMMIT,
        "artifacts": [IMAGE],
        "run": {"id": run},
        "requested_by": "kofi@example.com",
        "authors": ["kofi@example.com"],
        "title": "Faster images",
        "facts": SMALL,
        **fields,
    }


def admission(run: str = "1", **fields: Any) -> dict[str, Any]:
    """What is about to be deployed: that change."""
    return {
        "commit": COMMIT,
        "artifacts": [IMAGE],
        "environment": "staging",
        "run": {"id": run},
        **fields,
    }


@dataclass(frozen=True, slots=True)
class Served:
    """The app and what is inside it."""

    app: Api
    gate: Gate
    document: Document

    async def token(
        self,
        role: Role | None = None,
        *services: str,
        person: str | None = None,
        hook: HookKind | None = HookKind.CDEVENTS,
    ) -> str:
        """A new token, as the command line makes one.

        One of role hook is for `web` where no service is named.
        """
        hook = None if role is not Role.HOOK else hook
        command = TokenCommand(
            role, frozenset(services or (("web",) if hook else ())) or None, person, hook=hook
        )
        whose = None if person is None else await self.person_id(person)
        return (await self.gate.store.write(make_token, command, whose, Maker("command line"))).text

    async def person_id(self, key: str) -> str:
        """The random id of the person whom the catalogue calls so."""
        found = (await self.gate.rulebooks.refresh()).catalogue.person_keyed(key)
        assert found is not None, f"the catalogue has no {key}"
        return found

    async def signed_in(
        self, who: str = "ada", role: Role | None = None, **headers: str
    ) -> httpx.AsyncClient:
        """Somebody of the catalogue at a browser, on a page of this gate."""
        person_id = await self.person_id(who)
        await self.gate.store.write(_let_in, person_id, role)
        opened = await self.gate.store.write(begin, person_id, await self.gate.rulebooks.current())
        assert opened is not None
        secret = opened.secret
        http = self.anybody()
        http.cookies.set("__Host-gate", secret, domain="gate.example.com")
        person = await self.app.state.attached.access.signed_in(secret)
        http.headers.update(
            {
                "Sec-Fetch-Site": "same-origin",
                "Origin": BASE_URL,
                "X-CSRF-Token": person.csrf,
                **headers,
            }
        )
        return http

    def anybody(self, token: str | None = None) -> httpx.AsyncClient:
        """A client with that token, or with none."""

        async def check(response: httpx.Response) -> None:
            await response.aread()
            self.document.check(response)

        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=BASE_URL,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            event_hooks={"response": [check]},
        )

    async def pipeline(self, *services: str) -> httpx.AsyncClient:
        """A pipeline bound to these services; to `web` if none are named."""
        return self.anybody(await self.token(Role.PIPELINE, *(services or ("web",))))

    async def auditor(self) -> httpx.AsyncClient:
        """Reads all, writes nothing."""
        return self.anybody(await self.token(Role.AUDITOR))

    async def admin(self) -> httpx.AsyncClient:
        """Makes tokens and activates policies."""
        return self.anybody(await self.token(Role.ADMIN))

    async def person(self, who: str) -> httpx.AsyncClient:
        """Somebody of the catalogue, with a personal token."""
        return self.anybody(await self.token(person=who))


def _let_in(tx: Tx, who: str, role: Role | None) -> None:
    wanted = role.value if role else None
    if people.ensure(tx, who, "test").role != wanted:
        people.set_role(tx, who, wanted)  # which ends every session there is


@asynccontextmanager
async def served(
    url: str,
    folder: Path,
    *,
    policies: Path | None = None,
    connections: Connections | None = None,
    **settings: Any,
) -> AsyncIterator[Served]:
    """The service, started as production starts it, and stopped at the end; by the shipped
    policies, never frozen, if nothing is said.
    """
    policies = policies or never_frozen(folder)
    given = {
        "database_url": url,
        "policies": policies,
        "base_url": BASE_URL,
        "signing_key_file": folder / "gate.key",
        "rate_limit": 0,
    }
    make_key(folder / "gate.key", BASE_URL)  # on PostgreSQL only an operator makes one
    app = create_app(Settings.read({}, **given | settings), connections=connections)
    assert isinstance(app, Api)
    async with app.router.lifespan_context(app):
        yield Served(app, app.state.attached.gate, document())
