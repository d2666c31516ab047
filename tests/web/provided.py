"""The service with an identity provider of people, and a browser that is sent there and comes
back.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gate.flow.identity import people
from tests.api.asgi import BASE_URL
from tests.api.served import ROOT, Served, served
from tests.builders import Wire
from tests.flow.shop import ADMIN, as_json
from tests.single_sign_on import PeopleProvider
from tests.single_sign_on import people_provider as running_provider

LISTED = "release-managers: {people: [ada, ben, chloe]"


@dataclass(frozen=True, slots=True)
class World:
    """The service, and the provider that it sends people to."""

    service: Served
    provider: PeopleProvider

    def browser(self, **options: Any) -> httpx.AsyncClient:
        """One that was just opened."""
        transport = httpx.ASGITransport(self.service.app, raise_app_exceptions=False, **options)
        return httpx.AsyncClient(transport=transport, base_url=BASE_URL)

    async def leave(self, http: httpx.AsyncClient, **query: str) -> str:
        """Go to the provider, sign in there, and say where it sends the browser back to."""
        sent = await http.get("/login/sso", params=query)
        assert sent.status_code == 303, sent.text
        async with httpx.AsyncClient() as outside:
            back = await outside.get(sent.headers["location"])
        assert back.status_code == 302
        return str(back.headers["location"])

    async def come_back(self, http: httpx.AsyncClient, address: str) -> httpx.Response:
        """The browser follows the provider's answer."""
        assert address.startswith(f"{BASE_URL}/login/sso/callback?")
        return await http.get(address)

    async def sign_in(self, http: httpx.AsyncClient | None = None, **query: str) -> httpx.Response:
        """The whole way."""
        http = http or self.browser()
        return await self.come_back(http, await self.leave(http, **query))

    async def me(self) -> dict[str, Any]:
        """How admins see whoever signed in last."""
        rows = as_json(await people.listing(self.service.gate, ADMIN))["items"]
        last: Wire = max(rows, key=lambda row: str(row["signed_in_at"]))
        return last


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[World]:
    """The service and its provider, for one test."""
    policies = folder / "policies"
    policies.mkdir()
    for file in (ROOT / "policies").glob("*.yaml"):
        (policies / file.name).write_text(file.read_text().replace(LISTED, LISTED + ", sso: [rm]"))
    with running_provider() as provider:
        async with served(url, folder, policies=policies, **provider.settings) as service:
            yield World(service, provider)
