"""Tokens of the interface.

Who makes which, whose they are, and that they are good until somebody revokes them.
"""

import asyncio
from pathlib import Path

import pytest

from gate.errors import Invalid, NotFound, Unauthenticated
from gate.flow.caller import Machine, Person, Role
from gate.flow.commands import TokenCommand
from gate.flow.identity import tokens
from gate.flow.identity.access import Access
from gate.storage.database.watch import EVERYTHING, Topics
from gate.storage.identity.tokens import TOPIC
from tests.builders import make_person
from tests.flow.doors import whose
from tests.flow.shop import ADA, ADMIN, CATALOGUE, Shop, as_json, make_files, open_shop
from tests.storage.stored import everything_in

pytestmark = pytest.mark.anyio


async def test_a_personal_token_is_for_somebody_of_the_catalogue(small_shop: Shop) -> None:
    with pytest.raises(Invalid, match="is nobody in the catalogue"):
        await tokens.create(small_shop.gate, TokenCommand(None, person="eve@example.com"), ADA)

    created = as_json(
        await tokens.create(small_shop.gate, TokenCommand(None, person="ada@example.com"), ADA)
    )
    person = await whose(small_shop.gate, created["token"])

    assert isinstance(person, Person)
    assert (person.id, person.groups) == (ADA.id, frozenset({"release-managers", "platform"}))


async def test_who_leaves_the_catalogue_is_nobody_and_who_leaves_a_group_is_out_of_it(
    small_shop: Shop,
) -> None:
    created = as_json(
        await tokens.create(small_shop.gate, TokenCommand(None, person="kofi"), make_person("kofi"))
    )
    out = CATALOGUE.replace("team-web: {people: [kofi, lena]}", "team-web: {people: [lena]}")
    await small_shop.adopt(make_files() | {"catalog.yaml": out})
    person = await whose(small_shop.gate, created["token"])
    gone = "\n".join(line for line in out.splitlines() if not line.startswith("  kofi:"))
    await small_shop.adopt(make_files() | {"catalog.yaml": gone})

    assert isinstance(person, Person)
    assert person.groups == frozenset()
    assert await whose(small_shop.gate, created["token"]) is None


async def test_more_services_than_an_entry_holds_are_refused(small_shop: Shop) -> None:
    many = frozenset(f"{number:0200d}" for number in range(100))

    with pytest.raises(Invalid, match="at most 12000 are allowed"):
        await tokens.create(small_shop.gate, TokenCommand(Role.PIPELINE, many), ADMIN)

    assert await small_shop.entries("token") == []


async def test_tokens_stand_in_the_ledger_without_their_secret(shop: Shop) -> None:
    created = as_json(
        await tokens.create(
            shop.gate, TokenCommand(Role.PIPELINE, frozenset({"web", "checkout"})), ADMIN
        )
    )
    await tokens.revoke(shop.gate, created["id"], ADMIN)
    with pytest.raises(NotFound):
        await tokens.revoke(shop.gate, created["id"], ADMIN)

    entries = await shop.entries("token")
    assert [dict(entry.fields) for entry in entries] == [
        {
            "token": created["id"],
            "action": "created",
            "by": "token:admin",
            "role": "pipeline",
            "services": ["checkout", "web"],
        },
        {"token": created["id"], "action": "revoked", "by": "token:admin"},
    ]
    (item,) = (await tokens.listing(shop.gate, ADMIN)).items
    secret = created["token"].split("_", 2)[2]
    assert (item.id, item.created_by, item.revoked_at is not None) == (
        created["id"],
        "token:admin",
        True,
    )
    assert secret not in repr(item) + repr(entries) + await shop.gate.store.read(everything_in)


async def test_a28_a_revoked_token_is_nobodys_on_every_server_once_that_is_heard(
    database_url: str, tmp_path: Path
) -> None:
    async with open_shop(database_url, tmp_path) as one, open_shop(database_url, tmp_path) as other:
        created = await one.token(TokenCommand(Role.AUDITOR))
        remembering = Access(
            other.gate, monotonic=lambda: 0.0
        )  # would keep it for ever, were it not told
        other.gate.store.on_change(remembering.hear)
        assert isinstance(await remembering.authenticate(created.text), Machine)
        heard = asyncio.Event()
        other.gate.store.on_change(lambda topics: heard.set() if _about_tokens(topics) else None)

        await tokens.revoke(one.gate, created.token.id, ADMIN)
        await asyncio.wait_for(heard.wait(), 5)

        with pytest.raises(Unauthenticated):
            await remembering.authenticate(created.text)


def _about_tokens(topics: Topics) -> bool:
    return TOPIC in topics or topics == EVERYTHING
