"""The provider is asked rarely, whoever comes and however often; what it says is in `tests/web`."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from gate.core.messages.external import Begun
from gate.errors import SourceUnavailable
from gate.integrations.identity import single_sign_on
from gate.integrations.identity.single_sign_on import (
    COOL_DOWN_SECONDS,
    DISCOVERY_SECONDS,
    EXCHANGES_AT_ONCE_MAX,
    Client,
    SingleSignOn,
)

pytestmark = pytest.mark.anyio
ISSUER = "https://id.example.com"
REDIRECT = "https://gate.example.com/login/sso/callback"
DOCUMENT: Mapping[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize?tenant=a",
    "token_endpoint": f"{ISSUER}/token",
}


class World:
    """A provider's document, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.document: Any = dict(DOCUMENT)
        self.reads: list[str] = []
        self.now = 1_000.0
        self.provider = SingleSignOn(
            ISSUER, Client("gate", "secret"), read=self.read, monotonic=lambda: self.now
        )

    async def read(self, url: str) -> Any:
        """As `read_json` does."""
        self.reads.append(url)
        await asyncio.sleep(0)
        if self.document is None:
            raise SourceUnavailable("down")
        return self.document


async def test_a_provider_that_is_down_is_asked_once_in_a_while() -> None:
    world = World()
    world.document = None

    for _ in range(5):
        with pytest.raises(SourceUnavailable):
            await world.provider.begin(REDIRECT)
    asked = len(world.reads)
    world.now, world.document = world.now + COOL_DOWN_SECONDS, dict(DOCUMENT)

    assert asked == 1
    assert (await world.provider.begin(REDIRECT)).url.startswith(f"{ISSUER}/authorize?tenant=a&")


async def test_many_who_come_at_once_wait_for_one_reading_and_it_is_kept_for_an_hour() -> None:
    world = World()

    begun = await asyncio.gather(*(world.provider.begin(REDIRECT) for _ in range(20)))
    world.now += DISCOVERY_SECONDS
    await world.provider.begin(REDIRECT)
    within_the_hour = len(world.reads)
    world.now += 1
    await world.provider.begin(REDIRECT)

    assert (within_the_hour, len(world.reads)) == (1, 2)
    assert world.reads[0] == f"{ISSUER}/.well-known/openid-configuration"
    assert len({(one.state, one.nonce, one.verifier) for one in begun}) == 20
    assert begun[0].verifier not in repr(begun[0])


async def test_who_gives_up_waiting_ends_it_for_nobody() -> None:
    world = World()
    impatient, patient = (
        asyncio.create_task(world.provider.begin(REDIRECT)),
        asyncio.create_task(world.provider.begin(REDIRECT)),
    )
    await asyncio.sleep(0)

    impatient.cancel()

    assert (await patient).url
    assert len(world.reads) == 1


@pytest.mark.parametrize(
    "document",
    [
        [],
        None,
        "x",
        {},
        {**DOCUMENT, "issuer": ISSUER + "/"},
        {**DOCUMENT, "token_endpoint": "http://127.0.0.1/"},
    ],
)
async def test_a_document_that_is_none_is_refused(document: Any) -> None:
    world = World()
    world.document = document

    with pytest.raises(SourceUnavailable):
        await world.provider.begin(REDIRECT)


async def test_made_up_codes_make_few_requests_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world, released, asked = World(), asyncio.Event(), [0]

    async def send(*_: object, **__: object) -> Any:
        asked[0] += 1
        await released.wait()
        return {"error": "invalid_grant"}

    monkeypatch.setattr(single_sign_on, "send_form", send)
    begun = Begun("", "state", "nonce", "verifier")

    async def finish(code: str) -> object:
        try:
            return await world.provider.finish(begun, REDIRECT, code, ISSUER, datetime.now(UTC))
        except SourceUnavailable:
            return "told to come back"

    await world.provider.begin(REDIRECT)
    all_of_them = [
        asyncio.create_task(finish(f"code {n}")) for n in range(EXCHANGES_AT_ONCE_MAX + 5)
    ]
    for _ in range(10):
        await asyncio.sleep(0)
    released.set()
    said = await asyncio.gather(*all_of_them)

    assert asked[0] == EXCHANGES_AT_ONCE_MAX
    assert said.count("told to come back") == 5
    assert await finish("x" * 5_000) is None
    assert await finish("another") is None
