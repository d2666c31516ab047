"""The keys of an issuer: when they are read again, and what counts while they cannot be (A25,
A26).
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gate.errors import SourceUnavailable
from gate.integrations.identity.jwks import (
    AGE_SECONDS_MAX,
    COOL_DOWN_SECONDS,
    EMPTY_COOL_DOWN_SECONDS,
    REFRESH_AFTER_SECONDS,
    Keys,
)
from tests.identity_provider import Provider, private_key, public_jwk

pytestmark = pytest.mark.anyio
ISSUER = "https://issuer.example.com"
DISCOVERY, KEYS = f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"


class World:
    """An issuer and a clock, both moved by hand."""

    def __init__(self, jwks_uri: str | None = None) -> None:
        self.provider = Provider(ISSUER)
        self.seconds = 0.0
        self.asked: list[str] = []
        self.trouble: SourceUnavailable | None = None
        self.document: Any = {"issuer": ISSUER, "jwks_uri": KEYS}
        self.key_set: Callable[[], Any] = lambda: self.provider.key_set
        self.open = asyncio.Event()
        self.open.set()
        self.keys = Keys(ISSUER, jwks_uri, self.read, lambda: self.seconds)

    async def read(self, url: str) -> Any:
        """As the network answers."""
        self.asked.append(url)
        await self.open.wait()
        if self.trouble is not None:
            raise self.trouble
        return self.document if url == DISCOVERY else self.key_set()

    async def knows(self, kid: str) -> bool:
        """Whether the key is found; what happens beside it has happened then."""
        found = await self.keys.find(kid)
        for _ in range(5):
            await asyncio.sleep(0)
        return found is not None

    @property
    def reads(self) -> int:
        """How often the keys were read."""
        return self.asked.count(KEYS)


async def test_a_key_is_found_where_the_discovery_document_says() -> None:
    world = World()

    assert await world.knows("first")
    assert await world.knows("first")
    assert world.asked == [DISCOVERY, KEYS]


async def test_a_place_that_was_given_needs_no_discovery() -> None:
    world = World(KEYS)

    assert await world.knows("first")
    assert world.asked == [KEYS]


async def test_a25_a_flood_of_unknown_keys_reads_once_in_a_cool_down() -> None:
    world = World()
    assert await world.knows("first")
    world.seconds += COOL_DOWN_SECONDS

    found = await asyncio.gather(*(world.knows(f"unknown-{k}") for k in range(500)))

    assert not any(found)
    assert world.reads == 2
    world.seconds += COOL_DOWN_SECONDS - 1
    assert not await world.knows("unknown")
    assert world.reads == 2
    world.seconds += 1
    assert not await world.knows("unknown")
    assert world.reads == 3


async def test_those_who_ask_at_once_share_one_reading_and_one_who_leaves_ends_it_for_nobody() -> (
    None
):
    world = World()
    world.open.clear()
    first, *others = [asyncio.create_task(world.keys.find("first")) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()

    world.open.set()

    assert all(await asyncio.gather(*others))
    assert world.reads == 1


async def test_a_key_that_was_rotated_in_is_found_after_the_cool_down() -> None:
    world = World()
    assert await world.knows("first")
    world.provider.rotate("second")

    assert not await world.knows("second")
    world.seconds += COOL_DOWN_SECONDS
    assert await world.knows("second")
    assert not await world.knows("first")


async def test_a_key_that_was_withdrawn_is_forgotten_without_anybody_asking_for_another() -> None:
    world = World()
    assert await world.knows("first")
    world.provider.rotate("second")
    world.seconds += REFRESH_AFTER_SECONDS + 1

    assert await world.knows("first")  # answered from what was there; read again meanwhile
    assert not await world.knows("first")


async def test_a26_while_the_issuer_is_down_kept_keys_count_for_an_hour_and_then_nothing_does() -> (
    None
):
    world = World()
    assert await world.knows("first")
    world.trouble = SourceUnavailable("down")

    world.seconds += AGE_SECONDS_MAX
    assert await world.knows("first")
    world.seconds += 1
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        await world.knows("first")


async def test_a_key_that_nobody_can_look_for_is_not_said_to_be_unknown() -> None:
    world = World()
    assert await world.knows("first")
    world.trouble = SourceUnavailable("down")
    world.seconds += COOL_DOWN_SECONDS

    for _ in range(100):
        with pytest.raises(SourceUnavailable):
            await world.knows("second")

    assert world.reads == 2


async def test_without_any_key_the_issuer_is_asked_again_soon_but_not_at_once() -> None:
    world = World()
    world.trouble = SourceUnavailable("down")
    for _ in range(100):
        with pytest.raises(SourceUnavailable, match=r"ask again") as raised:
            await world.knows("first")
    assert raised.value.retry_after_seconds == EMPTY_COOL_DOWN_SECONDS
    assert world.asked == [DISCOVERY]

    world.trouble = None
    world.seconds += EMPTY_COOL_DOWN_SECONDS

    assert await world.knows("first")


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": f"{ISSUER}/", "jwks_uri": KEYS},
        {"issuer": "https://other.example.com", "jwks_uri": KEYS},
        {"jwks_uri": KEYS},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": "http://issuer.example.com/keys"},
        {"issuer": ISSUER, "jwks_uri": "http://127.0.0.1/keys"},
        {"issuer": ISSUER, "jwks_uri": 7},
        [],
    ],
)
async def test_a_discovery_document_leads_nowhere_that_is_less_private(document: Any) -> None:
    world = World()
    world.document = document

    with pytest.raises(SourceUnavailable, match="discovery document"):
        await world.knows("first")

    assert world.asked == [DISCOVERY]


@pytest.mark.parametrize("key_set", [None, [], {}, {"keys": {}}, {"keys": "first"}])
async def test_what_is_no_key_set_is_no_answer(key_set: Any) -> None:
    world = World()
    world.key_set = lambda: key_set

    with pytest.raises(SourceUnavailable, match="no list of keys"):
        await world.knows("first")


@pytest.mark.parametrize(
    "different",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kid": 7},
        {"kid": None},
        {"n": "AQAB"},
        {"n": "!"},
        {"n": None},
        {"e": "AA"},
        {"e": 3},
    ],
    ids=str,
)
async def test_a_key_that_is_not_for_this_counts_for_nothing_and_spoils_nothing(
    different: dict[str, Any],
) -> None:
    world = World()
    world.provider.published.append("second")
    (first, second) = world.provider.key_set["keys"]
    world.key_set = lambda: {"keys": [None, 7, {**first, **different}, second]}

    assert not await world.knows("first")
    assert await world.knows("second")


async def test_a_weak_key_counts_for_nothing() -> None:
    world = World()
    world.key_set = lambda: {"keys": [public_jwk("weak", private_key("weak", 1024))]}

    assert not await world.knows("weak")


async def test_of_two_keys_with_one_id_the_first_counts() -> None:
    world = World()
    world.provider.published.append("second")
    (first, second) = world.provider.key_set["keys"]
    world.key_set = lambda: {"keys": [first, {**second, "kid": "first"}]}

    found = await world.keys.find("first")

    assert found is not None
    assert found.public_numbers() == private_key("first").public_key().public_numbers()
