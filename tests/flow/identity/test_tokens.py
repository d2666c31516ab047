"""Tokens: of one change, made from a secret and stored nowhere; and of the interface, good until
somebody revokes them.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from gate.errors import Invalid, NotFound, Unauthenticated
from gate.flow.asks import TokenAsk, Wire
from gate.flow.caller import ChangeHolder, Machine, Person, Role
from gate.flow.changes import cancel
from gate.flow.gate import Secrets
from gate.flow.identity import tokens
from gate.flow.identity.access import Access
from gate.storage.database.watch import EVERYTHING, Topics
from gate.storage.identity.tokens import TOPIC
from gate.storage.tables import schema
from tests.builders import SMALL
from tests.flow.shop import ADMIN, CATALOGUE, PIPELINE, Shop, make_files, open_shop

pytestmark = pytest.mark.anyio


def token_of(shop: Shop, change: Wire) -> str:
    """The token that its submitter was given."""
    return tokens.change_token(shop.gate.secrets.change_tokens, change["id"])


async def whose(shop: Shop, text: str) -> object:
    """Who a server that has just started takes them for; None for nobody."""
    try:
        return await Access(shop.gate).authenticate(text)
    except Unauthenticated:
        return None


# Of one change


async def test_the_token_of_a_change_is_its_holders_and_always_the_same(shop: Shop) -> None:
    change = await shop.submit("a")

    assert token_of(shop, change) == token_of(shop, change)
    assert await whose(shop, token_of(shop, change)) == ChangeHolder(change["id"], PIPELINE.caller)


async def test_a_token_of_another_change_or_another_secret_is_nobodys(small_shop: Shop) -> None:
    one, other = await small_shop.submit("a"), await small_shop.submit("b", service="web")
    good, foreign = token_of(small_shop, one), token_of(small_shop, other)
    seal = good.split("_", 2)[2]
    elsewhere = replace(
        small_shop, gate=replace(small_shop.gate, secrets=Secrets(b"x" * 32, b"y" * 32, b"z" * 32))
    )

    forged = [
        f"gatec_{other['id'].removeprefix('chg_')}_{seal}",
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good + "=",
        good.upper(),
        good[:-1],
        f"gatec_{'0' * 26}_{seal}",
        "gatec_",
        token_of(elsewhere, one),
    ]
    assert [await whose(small_shop, text) for text in forged] == [None] * len(forged)
    assert good != foreign


async def test_a_holder_may_read_admit_close_and_cancel_that_one_change(shop: Shop) -> None:
    change, other = await shop.submit("a"), await shop.submit("b", service="web")
    holder = await whose(shop, token_of(shop, change))
    assert isinstance(holder, ChangeHolder)

    assert (await shop.read(change, holder))["id"] == change["id"]
    assert await shop.admit(change, holder)
    assert (await shop.close(change, by=holder))["state"] == "closed"
    with pytest.raises(NotFound):
        await cancel.cancel(shop.gate, other["id"], "", holder)


@pytest.mark.parametrize("end", ["closed", "canceled", "expired", "expired unwritten", "rejected"])
async def test_the_token_of_a_change_is_good_for_a_day_after_its_end(shop: Shop, end: str) -> None:
    if end == "rejected":
        await shop.adopt(
            requirements="[{id: green, title: Green, require: [checks.passed > 0], otherwise: "
            "reject}]"
        )
    change = await (shop.deploy("a") if end == "closed" else shop.submit("a", claims=SMALL))
    if end == "canceled":
        await cancel.cancel(shop.gate, change["id"], "", PIPELINE)
    if end.startswith("expired"):
        await shop.let_pass_hours(4.01)
    if end == "expired":
        await shop.round()
    assert (await shop.read(change))["state"] == end.partition(" ")[0]

    await shop.let_pass_hours(23.9)
    in_time = await whose(shop, token_of(shop, change))
    await shop.let_pass_hours(0.2)

    assert isinstance(in_time, ChangeHolder)
    assert await whose(shop, token_of(shop, change)) is None


async def test_as_long_as_a_change_deploys_its_token_is_good(small_shop: Shop) -> None:
    change = await small_shop.deploy("a", None)
    await small_shop.let_pass_hours(24 * 30)

    assert await whose(small_shop, token_of(small_shop, change)) is not None


async def test_no_token_of_a_change_is_stored_anywhere(small_shop: Shop) -> None:
    change = await small_shop.submit("a")

    everything = await small_shop.gate.store.read(_everything)

    assert token_of(small_shop, change).split("_", 2)[2] not in everything


def _everything(conn: Connection) -> str:
    return repr(
        [
            tuple(row)
            for table in schema.metadata.sorted_tables
            for row in conn.execute(select(table))
        ]
    )


# Of the interface


async def test_a_personal_token_is_for_somebody_of_the_catalogue(small_shop: Shop) -> None:
    with pytest.raises(Invalid, match="is nobody in the catalogue"):
        await tokens.create(small_shop.gate, TokenAsk(None, person="eve@example.com"), ADMIN)

    created = await tokens.create(small_shop.gate, TokenAsk(None, person="ada@example.com"), ADMIN)
    person = await whose(small_shop, created["token"])

    assert isinstance(person, Person)
    assert (person.id, person.groups) == ("ada", frozenset({"release-managers", "platform"}))


async def test_who_leaves_the_catalogue_is_nobody_and_who_leaves_a_group_is_out_of_it(
    small_shop: Shop,
) -> None:
    created = await tokens.create(small_shop.gate, TokenAsk(None, person="kofi"), ADMIN)
    out = CATALOGUE.replace("team-web: {people: [kofi, lena]}", "team-web: {people: [lena]}")
    await small_shop.adopt(make_files() | {"catalog.yaml": out})
    person = await whose(small_shop, created["token"])
    gone = "\n".join(line for line in out.splitlines() if not line.startswith("  kofi:"))
    await small_shop.adopt(make_files() | {"catalog.yaml": gone})

    assert isinstance(person, Person)
    assert person.groups == frozenset()
    assert await whose(small_shop, created["token"]) is None


async def test_more_services_than_an_entry_holds_are_refused(small_shop: Shop) -> None:
    many = frozenset(f"{number:0200d}" for number in range(100))

    with pytest.raises(Invalid, match="at most 12000 are allowed"):
        await tokens.create(small_shop.gate, TokenAsk(Role.PIPELINE, many), ADMIN)

    assert await small_shop.entries("token") == []


async def test_tokens_stand_in_the_ledger_without_their_secret(shop: Shop) -> None:
    created = await tokens.create(
        shop.gate, TokenAsk(Role.PIPELINE, frozenset({"web", "checkout"})), ADMIN
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
    assert (item["id"], item["created_by"], item["revoked_at"] is not None) == (
        created["id"],
        "token:admin",
        True,
    )
    assert secret not in repr(item) + repr(entries) + await shop.gate.store.read(_everything)


async def test_a28_a_revoked_token_is_nobodys_on_every_server_once_that_is_heard(
    database_url: str, tmp_path: Path
) -> None:
    async with open_shop(database_url, tmp_path) as one, open_shop(database_url, tmp_path) as other:
        created = await tokens.create(one.gate, TokenAsk(Role.AUDITOR), ADMIN)
        remembering = Access(
            other.gate, monotonic=lambda: 0.0
        )  # would keep it for ever, were it not told
        other.gate.store.on_change(remembering.hear)
        assert isinstance(await remembering.authenticate(created["token"]), Machine)
        heard = asyncio.Event()
        other.gate.store.on_change(lambda topics: heard.set() if _about_tokens(topics) else None)

        await tokens.revoke(one.gate, created["id"], ADMIN)
        await asyncio.wait_for(heard.wait(), 5)

        with pytest.raises(Unauthenticated):
            await remembering.authenticate(created["token"])


def _about_tokens(topics: Topics) -> bool:
    return TOPIC in topics or topics == EVERYTHING
