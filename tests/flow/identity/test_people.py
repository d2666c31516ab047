"""People are let in, given roles and shut out; nobody does it to themself, and all of it stands in
the ledger (A63).
"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from gate.errors import Conflict, Invalid, NotAllowed, NotFound
from gate.flow.caller import Caller, Role
from gate.flow.changes import review
from gate.flow.commands import InvitationCommand, PersonCommand, ReviewCommand, TokenCommand
from gate.flow.identity import people, sessions, tokens
from gate.flow.identity.access import Access
from gate.flow.identity.membership import groups_now
from gate.flow.identity.people import AGREE_HOURS, INVITATION_DAYS, SETUP_MINUTES, make_setup
from gate.flow.identity.tokens import TOKENS_OF_A_PERSON_MAX
from gate.storage.database.tx import Tx
from gate.storage.identity import people as rows
from gate.storage.identity.people import AccountState
from gate.storage.tables import schema
from tests.builders import Wire, make_person, person_id
from tests.flow.doors import PASSWORD, enter, link
from tests.flow.shop import ADA, ADMIN, CATALOGUE, Shop, as_json, make_files, secret_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_hashes")]
BY_ADA = make_person("ada", role=Role.ADMIN)
BY_BEN = make_person("ben", role=Role.ADMIN)
ADA_ID, BEN_ID = person_id("ada"), person_id("ben")


async def listed(shop: Shop) -> dict[str, Wire]:
    """Everybody, by id."""
    return {row["id"]: row for row in as_json(await people.listing(shop.gate, ADMIN))["items"]}


async def ledger_fields(shop: Shop, kind: str = "role") -> list[dict[str, Any]]:
    """What the ledger says of people."""
    return [dict(entry.fields) for entry in await shop.entries(kind)]


# What is refused


@pytest.mark.parametrize(
    "command",
    [
        PersonCommand(Role.AUDITOR, sets_role=True),
        PersonCommand(None, sets_role=True),
        PersonCommand(disabled=True),
    ],
)
async def test_a63_nobody_changes_their_own_role_or_shuts_themself_out(
    shop: Shop, command: PersonCommand
) -> None:
    await enter(shop.gate, role=Role.ADMIN)
    of_ada = await made_with(shop, BY_ADA)
    of_a_token_of_ada = await made_with(shop, of_ada)

    for by in (BY_ADA, of_ada, of_a_token_of_ada):
        with pytest.raises(NotAllowed, match="nobody changes their own role"):
            await people.change(shop.gate, ADA_ID, command, by)

    assert (await listed(shop))[ADA_ID]["role"] == "admin"
    assert [one["operation"] for one in await ledger_fields(shop, "refusal")] == ["role"] * 3


async def made_with(shop: Shop, by: Caller) -> Caller:
    """The caller that a new admin token is, made by this one."""
    made = as_json(await tokens.create(shop.gate, TokenCommand(Role.ADMIN), by))
    return await Access(shop.gate).authenticate(made["token"])


async def test_a63_nobody_gives_themself_a_role_by_an_invitation(shop: Shop) -> None:
    await enter(shop.gate, role=Role.AUDITOR)

    with pytest.raises(NotAllowed):
        await people.invite(
            shop.gate, InvitationCommand("ada@example.com", Role.ADMIN), make_person("ada")
        )

    assert (await listed(shop))[ADA_ID]["role"] == "auditor"
    assert [one["person"] for one in await ledger_fields(shop, "refusal")] == [ADA_ID]


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@a.example",
        "ada@",
        "a b@a.example",
        "ada@a\nb.example",
        "x" * 255 + "@example.com",
        "ada@\0",
    ],
)
async def test_what_is_no_address_is_nobody(small_shop: Shop, email: str) -> None:
    with pytest.raises(Invalid, match="is no e-mail address"):
        await people.invite(small_shop.gate, InvitationCommand(email), ADMIN)

    assert await listed(small_shop) == {}


async def test_who_was_shut_out_is_not_invited_by_the_way(shop: Shop) -> None:
    secret = await link(shop.gate, "ben@example.com")
    await people.change(shop.gate, BEN_ID, PersonCommand(disabled=True), ADMIN)

    with pytest.raises(Conflict, match="was shut out"):
        await people.invite(shop.gate, InvitationCommand("ben@example.com"), ADMIN)
    with pytest.raises(NotFound):
        await people.accept(shop.gate, secret, password=PASSWORD)


async def test_somebody_who_is_nowhere_cannot_be_changed(small_shop: Shop) -> None:
    with pytest.raises(NotFound, match="there is no person eve"):
        await people.change(small_shop.gate, "eve", PersonCommand(disabled=True), ADMIN)


async def test_a_link_works_once_whoever_comes_at_the_same_time(shop: Shop) -> None:
    secret = await link(shop.gate, "ben@example.com")

    tries = [people.accept(shop.gate, secret, password=f"{PASSWORD} {n}") for n in range(8)]
    done = await asyncio.gather(*tries, return_exceptions=True)

    assert sorted(type(one).__name__ for one in done) == ["NotFound"] * 7 + ["Opened"]


async def test_a_new_link_makes_the_old_one_useless_and_an_old_one_dies(shop: Shop) -> None:
    first, second = (
        await link(shop.gate, "ben@example.com"),
        await link(shop.gate, "ben@example.com"),
    )

    with pytest.raises(NotFound):
        await people.offered(shop.gate, first)
    assert (await people.offered(shop.gate, second)).name == "Ben Okafor"
    await shop.gate.store.write(_age, timedelta(days=INVITATION_DAYS))
    with pytest.raises(NotFound):
        await people.accept(shop.gate, second, password=PASSWORD)


def _age(tx: Tx, by: timedelta) -> None:
    table = schema.metadata.tables["invitations"]
    tx.conn.execute(
        update(table).values(expires_at=table.c.expires_at - by // timedelta(microseconds=1))
    )


async def test_of_two_who_set_up_at_once_one_is_the_admin(shop: Shop) -> None:
    secrets = [await shop.gate.store.write(make_setup) for _ in range(2)]
    assert all(secrets)

    tries = [
        people.accept(shop.gate, str(one), password=PASSWORD, email=f"zoe{n}@example.com")
        for n, one in enumerate(secrets)
    ]
    done = await asyncio.gather(*tries, return_exceptions=True)

    assert sorted(type(one).__name__ for one in done) == ["NotFound", "Opened"]
    assert [row["role"] for row in (await listed(shop)).values()] == ["admin"]


async def test_the_set_up_link_is_good_for_minutes(small_shop: Shop) -> None:
    secret = str(await small_shop.gate.store.write(make_setup))

    await small_shop.gate.store.write(_age, timedelta(minutes=SETUP_MINUTES))

    with pytest.raises(NotFound):
        await people.accept(small_shop.gate, secret, password=PASSWORD, email="zoe@example.com")


# A link takes an account


async def test_a2_an_account_that_is_in_use_is_given_by_two_admins_together_or_the_host(
    shop: Shop,
) -> None:
    await shop.gate.store.write(_two_admins)
    await enter(shop.gate, "kofi@example.com")
    command = InvitationCommand("kofi@example.com")
    of_ada = await made_with(shop, BY_ADA)

    first, again, by_token = [
        await people.invite(shop.gate, command, by) for by in (BY_ADA, BY_ADA, of_ada)
    ]
    with pytest.raises(NotAllowed, match="two admins who are people, or the host"):
        await people.invite(shop.gate, command, ADMIN)
    waiting = (await listed(shop))[person_id("kofi")]
    second = await people.invite(shop.gate, command, BY_BEN)

    assert [one.answer.invitation for one in (first, again, by_token)] == [None] * 3
    assert (waiting["link_asked_by"], second.is_complete) == ("Ada Ekberg", True)
    opened = await people.accept(shop.gate, secret_of(second), password=PASSWORD)
    assert opened.person == person_id("kofi")
    assert (await people.invite(shop.gate, command, BY_BEN)).is_complete is False
    assert [
        one["action"] for one in await ledger_fields(shop) if one["person"] == person_id("kofi")
    ] == [
        *(
            "invited",
            "accepted",
            "link_asked",
            "link_asked",
            "link_asked",
            "invited",
            "accepted",
            "link_asked",
        ),
    ]


async def test_a2_what_one_admin_has_asked_for_is_forgotten_after_a_day(small_shop: Shop) -> None:
    await small_shop.gate.store.write(_two_admins)
    await enter(small_shop.gate, "kofi@example.com")
    await people.invite(small_shop.gate, InvitationCommand("kofi@example.com"), BY_ADA)

    await small_shop.gate.store.write(_age_requests, timedelta(hours=AGREE_HOURS))

    assert (await listed(small_shop))[person_id("kofi")]["link_asked_by"] is None
    assert (
        await people.invite(small_shop.gate, InvitationCommand("kofi@example.com"), BY_BEN)
    ).is_complete is False


def _age_requests(tx: Tx, by: timedelta) -> None:
    table = schema.metadata.tables["link_requests"]
    tx.conn.execute(
        update(table).values(expires_at=table.c.expires_at - by // timedelta(microseconds=1))
    )


def _two_admins(tx: Tx) -> None:
    for person in (ADA_ID, BEN_ID):
        rows.ensure(tx, person, "test")
        rows.set_role(tx, person, Role.ADMIN.value)


@pytest.mark.parametrize(
    "command", [PersonCommand(disabled=True), PersonCommand(None, sets_role=True)]
)
async def test_a2_the_word_of_an_admin_who_is_none_any_more_does_not_count(
    shop: Shop, command: PersonCommand
) -> None:
    await shop.gate.store.write(_two_admins)
    await enter(shop.gate, "kofi@example.com")
    await people.invite(shop.gate, InvitationCommand("kofi@example.com"), BY_ADA)

    await people.change(shop.gate, ADA_ID, command, BY_BEN)

    assert (
        await people.invite(shop.gate, InvitationCommand("kofi@example.com"), BY_BEN)
    ).is_complete is False


async def test_a2_of_two_admins_who_ask_at_once_one_gets_the_link(shop: Shop) -> None:
    await shop.gate.store.write(_two_admins)
    await enter(shop.gate, "kofi@example.com")

    made = await asyncio.gather(
        *(
            people.invite(shop.gate, InvitationCommand("kofi@example.com"), by)
            for by in (BY_ADA, BY_BEN)
        )
    )

    assert sorted(one.is_complete for one in made) == [False, True]


async def test_a2_a_link_of_one_admin_is_useless_once_the_account_is_in_use(shop: Shop) -> None:
    early = secret_of(await people.invite(shop.gate, InvitationCommand("kofi@example.com"), BY_ADA))
    await shop.gate.store.write(rows.signed_in, person_id("kofi"))

    for look in (
        people.offered(shop.gate, early),
        people.accept(shop.gate, early, password=PASSWORD),
    ):
        with pytest.raises(NotFound):
            await look


# Who counts


async def test_a17_an_approver_who_was_shut_out_or_became_an_auditor_does_not_count_at_admission(
    shop: Shop,
) -> None:
    for ask in (PersonCommand(disabled=True), PersonCommand(Role.AUDITOR, sets_role=True)):
        change = await shop.submit("a" if ask.disabled else "b", claims={"diff.lines_added": 300})
        approved = as_json(
            await review.approve(
                shop.gate, change["id"], ReviewCommand(change["subject_digest"]), ADA
            )
        )
        assert approved["state"] == "approved"

        await people.change(shop.gate, ADA_ID, ask, ADMIN)

        with pytest.raises(Conflict, match=r"approvals? no longer count"):
            await shop.admit(approved)
        await people.change(
            shop.gate, ADA_ID, PersonCommand(None, sets_role=True, disabled=False), ADMIN
        )


async def test_a17_a_group_of_the_identity_provider_counts_as_long_as_it_is_claimed(
    shop: Shop,
) -> None:
    catalogue = CATALOGUE.replace(
        "release-managers: {people: [ada, ben]}",
        "release-managers: {people: [ada, ben], sso: [rm, rm2]}",
    )
    await shop.adopt(make_files() | {"catalog.yaml": catalogue})
    kofi = await enter(shop.gate, "kofi@example.com")
    await shop.gate.store.write(rows.claim, person_id("kofi"), ["rm", "others"])
    by = await Access(shop.gate).signed_in(kofi.secret)
    assert by is not None
    assert by.groups == {"release-managers", "team-web"}
    change = await shop.submit("a", claims={"diff.lines_added": 300})

    approved = as_json(
        await review.approve(shop.gate, change["id"], ReviewCommand(change["subject_digest"]), by)
    )
    await shop.gate.store.write(rows.claim, person_id("kofi"), ["others"])

    assert approved["state"] == "approved"
    with pytest.raises(Conflict, match=r"approvals? no longer count"):
        await shop.admit(approved)
    waits = await shop.read(approved)
    assert (waits["state"], waits["approvals"]["required"][0]["missing"]) == ("pending", 1)
    await shop.gate.store.write(rows.claim, person_id("kofi"), ["rm2"])
    await review.approve(shop.gate, change["id"], ReviewCommand(waits["subject_digest"]), by)
    await shop.admit(approved)


@pytest.mark.parametrize(
    "account_state", [AccountState("auditor", ("rm",)), AccountState(None, ("rm",), disabled=True)]
)
async def test_an_auditor_and_whoever_was_shut_out_are_in_no_group(
    small_shop: Shop, account_state: AccountState
) -> None:

    catalogue = (await small_shop.gate.rulebooks.current()).catalogue

    assert groups_now(catalogue, ADA_ID, account_state) == frozenset()
    assert groups_now(catalogue, "eve", AccountState(outside=True)) == frozenset()


# What is done


async def test_an_invitation_is_for_the_person_of_the_catalogue_and_stands_in_the_ledger(
    shop: Shop,
) -> None:
    made = await people.invite(shop.gate, InvitationCommand("Ben@Example.com", Role.ADMIN), ADMIN)

    invited = made.answer
    assert invited.invitation == f"https://gate.example.com/invitations/{secret_of(made)}"
    assert (invited.id, invited.name, invited.email, invited.invited) == (
        BEN_ID,
        "Ben Okafor",
        "ben@example.com",
        True,
    )
    opened = await people.accept(shop.gate, secret_of(made), password=PASSWORD)
    row = (await listed(shop))[BEN_ID]
    assert (opened.person, row["role"], row["invited"], row["password"]) == (
        BEN_ID,
        "admin",
        False,
        True,
    )
    assert row["groups"] == ["release-managers"]
    assert await ledger_fields(shop) == [
        {"person": BEN_ID, "action": "invited", "role": "admin", "by": "token:admin"},
        {"person": BEN_ID, "action": "accepted", "by": BY_BEN.caller},
    ]


async def test_an_invitation_again_is_a_new_password_and_ends_what_was_open(shop: Shop) -> None:
    before = await enter(shop.gate, role=Role.ADMIN)

    after = await enter(shop.gate)

    assert await Access(shop.gate).signed_in(before.secret) is None
    found = await Access(shop.gate).signed_in(after.secret)
    assert found is not None
    assert found.role is Role.ADMIN


async def test_somebody_outside_the_catalogue_reads_and_is_in_no_group_and_their_address_can_be_forgotten(
    shop: Shop,
) -> None:
    opened = await enter(shop.gate, "Audit@Example.org", Role.AUDITOR)

    found = await Access(shop.gate).signed_in(opened.secret)

    assert found is not None
    assert (found.id[:4], found.groups, found.role) == ("per_", frozenset(), Role.AUDITOR)
    assert (
        await sessions.sign_in(shop.gate, "audit@example.org", PASSWORD, source="x")
    ).person == found.id
    assert "audit@" not in repr(await shop.entries()) + await shop.gate.store.read(_table)


def _table(conn: Connection) -> str:
    return repr([tuple(row) for row in conn.execute(select(schema.metadata.tables["people"]))])


async def test_who_enters_the_catalogue_keeps_password_role_and_id(shop: Shop) -> None:
    before = await enter(shop.gate, "zoe@example.com", Role.ADMIN)
    catalogue = CATALOGUE + "  zoe: {name: Zoe Ek, emails: [zoe@example.com]}\n"
    await shop.adopt(
        make_files()
        | {
            "catalog.yaml": catalogue.replace(
                "team-web: {people: [kofi", "team-web: {people: [zoe, kofi"
            )
        }
    )

    opened = await sessions.sign_in(shop.gate, "zoe@example.com", PASSWORD, source="x")
    found = await Access(shop.gate).signed_in(opened.secret)

    assert found is not None
    assert (found.id, found.groups, found.role) == (
        before.person,
        frozenset({"team-web"}),
        Role.ADMIN,
    )
    assert await Access(shop.gate).signed_in(before.secret) is None
    assert list(await listed(shop)) == [before.person]


async def test_roles_and_doors_stand_in_the_ledger_and_the_same_again_does_not(shop: Shop) -> None:
    for _ in range(2):
        await people.change(shop.gate, BEN_ID, PersonCommand(Role.AUDITOR, sets_role=True), BY_ADA)
        await people.change(shop.gate, BEN_ID, PersonCommand(disabled=True), BY_ADA)
    view = as_json(
        await people.change(
            shop.gate, BEN_ID, PersonCommand(None, sets_role=True, disabled=False), BY_ADA
        )
    )

    assert (view["role"], view["disabled"]) == (None, False)
    by = {"person": BEN_ID, "by": BY_ADA.caller}
    assert await ledger_fields(shop) == [
        {**by, "action": "role", "role": "auditor"},
        {**by, "action": "disabled"},
        {**by, "action": "role", "before": "auditor"},
        {**by, "action": "enabled"},
    ]


# Tokens of one's own


async def test_people_make_see_and_end_their_own_tokens_and_no_others(shop: Shop) -> None:
    other = as_json(await tokens.create(shop.gate, TokenCommand(None, person="ben"), BY_BEN))
    for ask in (TokenCommand(Role.PIPELINE), TokenCommand(Role.ADMIN)):
        with pytest.raises(NotAllowed, match="personal tokens of your own"):
            await tokens.create(shop.gate, ask, ADA)
    for by, whose in (
        (ADA, "ben"),
        (BY_ADA, BEN_ID),
        (BY_ADA, "ben@example.com"),
        (ADMIN, "ben"),
        (ADMIN, "eve"),
    ):
        with pytest.raises(NotAllowed, match="made by the person alone"):
            await tokens.create(shop.gate, TokenCommand(None, person=whose), by)

    mine = as_json(
        await tokens.create(shop.gate, TokenCommand(None, person="ada@example.com"), ADA)
    )

    assert [one.id for one in (await tokens.listing(shop.gate, ADA)).items] == [mine["id"]]
    with pytest.raises(NotFound):
        await tokens.revoke(shop.gate, other["id"], ADA)
    await tokens.revoke(shop.gate, mine["id"], ADA)
    assert len((await tokens.listing(shop.gate, BY_ADA)).items) == 2
    await tokens.revoke(shop.gate, other["id"], BY_ADA)


async def test_nobody_has_tokens_without_end(small_shop: Shop) -> None:
    for _ in range(TOKENS_OF_A_PERSON_MAX):
        made = as_json(await tokens.create(small_shop.gate, TokenCommand(None, person="ada"), ADA))

    with pytest.raises(Invalid, match="at most 50 are allowed"):
        await tokens.create(small_shop.gate, TokenCommand(None, person="ada"), ADA)
    await tokens.revoke(small_shop.gate, made["id"], ADA)
    await tokens.create(small_shop.gate, TokenCommand(None, person="ada"), ADA)
