"""People sign in and out: one answer for every wrong try, a new session each time, gone everywhere
at once.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection, select, update

from gate.errors import RateLimited, Unauthenticated, Unavailable
from gate.flow.attempts import ACCOUNT_FAILURES_MAX
from gate.flow.caller import Person, Role
from gate.flow.commands import InvitationCommand, PersonCommand, TokenCommand
from gate.flow.identity import people as people_module
from gate.flow.identity import sessions, tokens
from gate.flow.identity.access import Access
from gate.flow.identity.sessions import WRONG, Opened, begin
from gate.flow.passwords import PASSWORD_BYTES_MAX
from gate.storage.database.tx import Tx
from gate.storage.database.watch import EVERYTHING, Topics
from gate.storage.identity.people import TOPIC as PEOPLE
from gate.storage.identity.sessions import IDLE_HOURS, LIFE_HOURS, TOPIC, sha256, touch
from gate.storage.tables import schema
from tests.builders import person_id
from tests.flow.doors import PASSWORD, enter
from tests.flow.shop import ADA, ADMIN, Shop, as_json, make_files, open_shop, secret_of
from tests.storage.stored import everything_in

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_hashes")]
SOURCE = "192.0.2.1"
GUESS = "tr0ub4dor and three"


async def sign_in(
    shop: Shop, email: str = "ada@example.com", password: str = PASSWORD, source: str = SOURCE
) -> Opened:
    """By the password."""
    return await sessions.sign_in(shop.gate, email, password, source=source)


async def whose(shop: Shop, secret: str) -> Person | None:
    """Who a server that has just started takes them for."""
    return await Access(shop.gate).signed_in(secret)


async def begun(shop: Shop, person: str) -> Opened | None:
    """The session of somebody who was authenticated in another way."""
    return await shop.gate.store.write(begin, person, await shop.gate.rulebooks.current())


async def refused(shop: Shop, **asked: str) -> str:
    """What is said to somebody who may not come in."""
    with pytest.raises(Unauthenticated) as caught:
        await sign_in(shop, **asked)
    return caught.value.detail


# Who does not come in


async def test_a30_every_reason_not_to_come_in_sounds_the_same(shop: Shop) -> None:
    await enter(shop.gate)
    await people_module.invite(shop.gate, InvitationCommand("ben@example.com"), ADMIN)
    await enter(shop.gate, "kofi@example.com")
    await people_module.change(shop.gate, "kofi", PersonCommand(disabled=True), ADMIN)

    said = {
        "wrong password": await refused(shop, password=PASSWORD + "r"),
        "unknown": await refused(shop, email="eve@example.com"),
        "nobody": await refused(shop, email=""),
        "no password yet": await refused(shop, email="ben@example.com"),
        "shut out": await refused(shop, email="kofi@example.com"),
        "empty": await refused(shop, password=""),
        "endless": await refused(shop, password="x" * 1_000_000),
        "half a character": await refused(shop, password="\ud800" * 20),
        "by a tag": await refused(shop, email="ada+evil@example.com"),
        "by a login": await refused(shop, email="ada-ekberg"),
        "by an id": await refused(shop, email="ada"),
    }

    assert said == dict.fromkeys(said, WRONG)


async def test_a30_an_address_that_is_nobodys_costs_a_hash_as_well(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enter(small_shop.gate)
    checked: list[str | None] = []

    async def is_right(password: str, kept: str | None) -> bool:
        _ = password
        checked.append(kept and "a hash")
        return False

    monkeypatch.setattr(small_shop.gate.passwords, "is_right", is_right)
    for email in ("ada@example.com", "eve@example.com", "ben@example.com"):
        await refused(small_shop, email=email)

    assert checked == ["a hash", None, None]


async def test_a30_who_guesses_is_stopped_and_the_owner_comes_in_from_elsewhere(shop: Shop) -> None:
    await enter(shop.gate)
    await enter(shop.gate, "ben@example.com")
    for _ in range(ACCOUNT_FAILURES_MAX):
        await refused(shop, password=GUESS)

    with pytest.raises(RateLimited, match="Too many failed attempts from here; wait"):
        await sign_in(shop)
    with pytest.raises(RateLimited):
        await sign_in(shop, email=" ADA@example.com ")

    assert (await sign_in(shop, source="192.0.2.2")).person == ADA.id
    assert (await sign_in(shop, email="ben@example.com")).person == person_id("ben")


async def test_a30_whoever_knows_the_password_is_never_counted(small_shop: Shop) -> None:
    await enter(small_shop.gate)

    for _ in range(ACCOUNT_FAILURES_MAX + 2):
        assert (await sign_in(small_shop)).person == ADA.id


async def test_a30_a_busy_gate_is_nobodys_failure(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enter(small_shop.gate)

    async def busy(password: str, kept: str | None) -> bool:
        _ = password, kept
        raise Unavailable("too many at once")

    with monkeypatch.context() as patched:
        patched.setattr(small_shop.gate.passwords, "is_right", busy)
        for _ in range(ACCOUNT_FAILURES_MAX + 1):
            with pytest.raises(Unavailable):
                await sign_in(small_shop)

    assert (await sign_in(small_shop)).person == ADA.id


async def test_a_password_that_was_changed_while_it_was_checked_is_no_good(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enter(small_shop.gate)
    check = small_shop.gate.passwords.is_right

    async def slow(password: str, kept: str | None) -> bool:
        right = await check(password, kept)
        await small_shop.gate.store.write(_other_password)
        return right

    monkeypatch.setattr(small_shop.gate.passwords, "is_right", slow)

    assert await refused(small_shop) == WRONG


def _other_password(tx: Tx) -> None:
    tx.conn.execute(update(people_table()).values(password=GUESS))


def people_table() -> Any:
    """The table of people."""
    return schema.metadata.tables["people"]


# Who does


async def test_whoever_signs_in_is_the_person_of_the_catalogue_with_the_groups_of_now(
    shop: Shop,
) -> None:
    await enter(shop.gate, "Ada@Example.com ")

    opened = await sign_in(shop, " ADA@example.com")
    person = await whose(shop, opened.secret)

    assert person is not None
    assert (person.id, person.groups, person.role, person.token) == (ADA.id, ADA.groups, None, None)
    assert len(person.csrf) == 64
    assert person.caller == ADA.caller


async def test_a39_every_sign_in_is_a_session_of_its_own_and_the_old_one_lives_until_it_is_ended(
    shop: Shop,
) -> None:
    first, second = await enter(shop.gate), await sign_in(shop)
    one, other = await whose(shop, first.secret), await whose(shop, second.secret)
    assert one is not None
    assert other is not None
    assert first.secret != second.secret
    assert one.csrf != other.csrf

    await sessions.end(shop.gate, first.secret)
    await sessions.end(shop.gate, first.secret)

    assert await whose(shop, first.secret) is None
    assert await whose(shop, second.secret) == other


@pytest.mark.parametrize(
    "secret", ["", "x", "x" * 43, "x" * 44, "é" * 43, "\ud800" * 43, "x" * 100_000]
)
async def test_what_is_no_session_is_nobodys(small_shop: Shop, secret: str) -> None:
    await enter(small_shop.gate)

    assert await whose(small_shop, secret) is None


@pytest.mark.parametrize(
    "change",
    [
        PersonCommand(disabled=True),
        PersonCommand(Role.AUDITOR, sets_role=True),
        PersonCommand(None, sets_role=True),
    ],
)
async def test_a39_who_is_shut_out_or_loses_a_role_is_out_on_every_server_once_that_is_heard(
    database_url: str, tmp_path: Path, change: PersonCommand
) -> None:
    async with open_shop(database_url, tmp_path) as one, open_shop(database_url, tmp_path) as other:
        opened = await enter(one.gate, role=Role.ADMIN)
        remembering = Access(
            other.gate, monotonic=lambda: 0.0
        )  # would keep it for ever, were it not told
        other.gate.store.on_change(remembering.hear)
        assert await remembering.signed_in(opened.secret) is not None
        heard = asyncio.Event()
        other.gate.store.on_change(lambda topics: heard.set() if _about_people(topics) else None)

        await people_module.change(one.gate, "ada", change, ADMIN)
        await asyncio.wait_for(heard.wait(), 5)

        assert await remembering.signed_in(opened.secret) is None


def _about_people(topics: Topics) -> bool:
    return {TOPIC, PEOPLE} <= topics or topics == EVERYTHING


async def test_who_is_shut_out_has_no_good_token_either_and_both_come_back_with_them(
    shop: Shop,
) -> None:
    await enter(shop.gate)
    token = as_json(await tokens.create(shop.gate, TokenCommand(None, person="ada"), ADA))["token"]
    assert isinstance(await Access(shop.gate).authenticate(token), Person)

    await people_module.change(shop.gate, ADA.id, PersonCommand(disabled=True), ADMIN)

    with pytest.raises(Unauthenticated):
        await Access(shop.gate).authenticate(token)
    assert await begun(shop, ADA.id) is None
    await people_module.change(shop.gate, ADA.id, PersonCommand(disabled=False), ADMIN)
    assert isinstance(await Access(shop.gate).authenticate(token), Person)
    assert (await sign_in(shop)).person == ADA.id


async def test_who_leaves_the_catalogue_is_nobody(shop: Shop) -> None:
    opened = await enter(shop.gate, "kofi@example.com")
    files = make_files()
    gone = files["catalog.yaml"].replace("people: [kofi, lena]", "people: [lena]")
    files["catalog.yaml"] = "\n".join(
        line for line in gone.splitlines() if not line.startswith("  kofi:")
    )

    await shop.adopt(files)

    assert await whose(shop, opened.secret) is None
    assert await refused(shop, email="kofi@example.com") == WRONG
    assert await begun(shop, "kofi") is None


# When it is over


@pytest.mark.parametrize(
    ("hours", "used_after", "good"),
    [
        pytest.param(IDLE_HOURS - 0.1, None, True, id="idle, not too long"),
        pytest.param(IDLE_HOURS, None, False, id="idle for too long"),
        pytest.param(IDLE_HOURS + 1, IDLE_HOURS - 1, True, id="used in between"),
        pytest.param(LIFE_HOURS, LIFE_HOURS - 1, False, id="over, however busy"),
    ],
)
async def test_a_session_ends_when_it_is_idle_or_old(
    small_shop: Shop,
    hours: float,
    used_after: float | None,
    good: bool,  # noqa: FBT001 - the expected answer
) -> None:
    opened = await enter(small_shop.gate)
    access = Access(small_shop.gate)
    if used_after is not None:
        step = IDLE_HOURS - 1
        for passed in range(step, int(used_after) + 1, step):
            small_shop.hands.ahead = timedelta(hours=passed)
            assert await access.signed_in(opened.secret) is not None
    small_shop.hands.ahead = timedelta(hours=hours)

    assert (await access.signed_in(opened.secret) is not None) == good


async def test_use_is_written_down_and_what_is_over_is_forgotten(shop: Shop) -> None:
    kept, over = await enter(shop.gate), await sign_in(shop)
    worker = shop.worker()
    await shop.gate.store.write(_age, timedelta(hours=IDLE_HOURS + 1))
    await shop.gate.store.write(_renew, kept.secret)
    assert await worker.access.signed_in(kept.secret) is not None

    await worker.tidy()

    assert await whose(shop, kept.secret) is not None
    assert await whose(shop, over.secret) is None
    assert len(await shop.gate.store.read(_rows)) == 1


def _age(tx: Tx, by: timedelta) -> None:
    table = schema.metadata.tables["sessions"]
    tx.conn.execute(update(table).values(seen_at=table.c.seen_at - by // timedelta(microseconds=1)))


def _renew(tx: Tx, secret: str) -> None:
    touch(tx, {sha256(secret): tx.now})


def _rows(conn: Connection) -> list[Any]:
    return list(conn.execute(select(schema.metadata.tables["sessions"])))


async def test_i10_no_secret_and_no_password_is_kept_or_told(shop: Shop) -> None:
    opened = await enter(shop.gate)
    invited = await people_module.invite(shop.gate, InvitationCommand("ben@example.com"), ADMIN)
    link = secret_of(invited)
    person = await whose(shop, opened.secret)
    assert person is not None

    everything = await shop.gate.store.read(everything_in)

    for secret in (opened.secret, link, PASSWORD, person.csrf):
        assert secret not in everything
        assert secret not in repr(await shop.entries())
    assert opened.secret not in repr(opened)
    assert person.csrf not in repr(person)


async def test_the_word_of_a_session_is_the_databases_so_every_server_knows_it(
    database_url: str, tmp_path: Path
) -> None:
    async with open_shop(database_url, tmp_path) as one, open_shop(database_url, tmp_path) as other:
        opened = await enter(one.gate)
        here, there = await whose(one, opened.secret), await whose(other, opened.secret)
        elsewhere = await whose(
            replace(
                one, gate=replace(one.gate, secrets=replace(one.gate.secrets, sessions=b"x" * 32))
            ),
            opened.secret,
        )

    assert here == there
    assert here is not None
    assert elsewhere is not None
    assert here.csrf != elsewhere.csrf


async def test_the_longest_password_works(small_shop: Shop) -> None:
    invited = await people_module.invite(
        small_shop.gate, InvitationCommand("ada@example.com"), ADMIN
    )
    long = "ü" * (PASSWORD_BYTES_MAX // 2)

    await people_module.accept(small_shop.gate, secret_of(invited), password=long)

    assert (await sign_in(small_shop, password=long)).person == ADA.id
    assert await refused(small_shop, password=long + "ü") == WRONG


async def test_a_weaker_hash_is_made_anew_at_the_next_sign_in(small_shop: Shop) -> None:
    await enter(small_shop.gate)
    weak = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(
        PASSWORD
    )  # as an earlier release may have had it
    await small_shop.gate.store.write(_put, weak)

    await sign_in(small_shop)

    assert (await small_shop.gate.store.read(_password)) != weak
    assert (await sign_in(small_shop)).person == ADA.id


def _put(tx: Tx, password: str) -> None:
    tx.conn.execute(update(people_table()).values(password=password))


def _password(conn: Connection) -> str:
    found: str = conn.execute(select(people_table().c.password)).scalar_one()
    return found
