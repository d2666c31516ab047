"""Policies, catalogue and calendar: registered, put in force by whom, and what the database keeps
of people.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, select

from gate.config import Activation
from gate.errors import Conflict, Invalid, NotAllowed, NotFound, RateLimited
from gate.flow.caller import ByToken, Machine, Role
from gate.flow.commands import PersonCommand
from gate.flow.identity import people
from gate.flow.identity.access import Access
from gate.flow.policies import policies
from gate.flow.queries.turns import OPEN_OF_ONE_MAX
from gate.storage.policies import policy_sets
from gate.storage.tables import schema, schema_policies
from tests.builders import Wire, make_person, person_id
from tests.flow.doors import enter
from tests.flow.shop import ADMIN, CATALOGUE, OTHER_ADMIN, Shop, as_json, make_files, open_shop

pytestmark = pytest.mark.anyio

FIRST, SECOND = make_person("ada"), make_person("ben")
"""Two people. Whether they are admins is asked before `flow` is."""

PEOPLE = (
    "'ada'",
    '"ada"',
    "Ada Ekberg",
    "ada@example.com",
    "ada-ekberg",
    "Ivan Horvat",
    "ivan@example.com",
    "U0IVAN",
)
OTHERS = "7h"


async def in_force(shop: Shop) -> str:
    """The revision of the policies by which is decided."""
    return (await shop.gate.rulebooks.refresh()).revisions.policies


def everything_about_policies(conn: Connection) -> str:
    """Whatever the database keeps of policy sets and tells of them."""
    found = [tuple(row) for row in conn.execute(select(schema_policies.policy_sets))]
    found += [tuple(row) for row in conn.execute(select(schema.ledger_entries))]
    return repr(found)


BROKEN: Mapping[str, dict[str, str]] = {
    "a policy that is none": {"production.yaml": "policy: production\nrules: 7\n"},
    "an unknown group": {
        "production.yaml": make_files()["production.yaml"].replace("by: [on-call]", "by: [nobody]")
    },
    "a catalogue that is none": {"catalog.yaml": "people: [ada]\n"},
    "a calendar that is none": {"calendar.yaml": "time_zone: Mars/Olympus\n"},
    "an empty file": {"production.yaml": ""},
}


@pytest.mark.parametrize("broken", [pytest.param(files, id=name) for name, files in BROKEN.items()])
async def test_a_broken_set_is_refused_and_leaves_in_force_what_is(
    small_shop: Shop, broken: dict[str, str]
) -> None:
    before, entries = await in_force(small_shop), await small_shop.entries()

    for attempt in (policies.check, policies.register, policies.adopt):
        with pytest.raises(Invalid, match="yaml"):
            await _try(attempt, small_shop, make_files() | broken)

    assert (await in_force(small_shop), await small_shop.entries()) == (before, entries)


async def _try(attempt: object, shop: Shop, files: Mapping[str, str]) -> None:
    if attempt is policies.check:
        await policies.check(shop.gate, files, ADMIN)
    elif attempt is policies.register:
        await policies.register(shop.gate, files, ADMIN)
    else:
        await policies.adopt(shop.gate, files, changed=True)


async def test_nobody_uses_up_the_server_with_checks(small_shop: Shop) -> None:
    gate, waiting = small_shop.gate, asyncio.Event()
    open_ones = [
        asyncio.ensure_future(gate.checks.take(ADMIN, waiting.wait)) for _ in range(OPEN_OF_ONE_MAX)
    ]
    await asyncio.sleep(0)

    with pytest.raises(RateLimited, match="checks of policies of yours are open already"):
        await policies.check(gate, make_files(), ADMIN)

    waiting.set()
    await asyncio.gather(*open_ones)
    assert (await policies.check(gate, make_files(), ADMIN)).valid


async def test_checking_registers_nothing(small_shop: Shop) -> None:
    before = await small_shop.entries()

    checked = as_json(await policies.check(small_shop.gate, make_files(close_within=OTHERS), ADMIN))

    assert checked["valid"] is True
    assert await small_shop.entries() == before
    assert checked["revision"] not in {
        item.revision for item in (await policies.listing(small_shop.gate, ADMIN)).items
    }


async def test_whoever_registers_does_not_activate_and_the_attempt_is_kept(shop: Shop) -> None:
    registered = as_json(await policies.register(shop.gate, make_files(close_within=OTHERS), FIRST))
    before = await in_force(shop)

    with pytest.raises(NotAllowed, match="ask another admin") as refused:
        await policies.activate(shop.gate, registered["revision"], "Mine", FIRST)

    (entry,) = await shop.entries("refusal")
    assert (refused.value.problem, await in_force(shop)) == ("separation_of_duties", before)
    assert dict(entry.fields) == {
        "problem": "separation_of_duties",
        "operation": "activation",
        "by": FIRST.caller,
        "revision": registered["revision"],
    }


async def test_a2_no_token_stands_between_who_registers_and_who_activates(shop: Shop) -> None:
    of_first = Machine("of-first", Role.ADMIN, person=FIRST.id)
    registered = as_json(
        await policies.register(shop.gate, make_files(close_within=OTHERS), of_first)
    )
    before = await in_force(shop)

    for by in (
        FIRST,
        replace(FIRST, proof=ByToken("mine")),
        of_first,
        ADMIN,
        OTHER_ADMIN,
        replace(SECOND, proof=ByToken("theirs")),
    ):
        with pytest.raises(NotAllowed):
            await policies.activate(shop.gate, registered["revision"], "Mine", by)

    assert (registered["registered_by"], await in_force(shop)) == (FIRST.caller, before)
    assert as_json(await policies.activate(shop.gate, registered["revision"], "Theirs", SECOND))[
        "active"
    ]


async def test_a2_with_the_switch_on_a_personal_token_activates_and_still_not_its_own(
    small_shop: Shop,
) -> None:
    gate = replace(small_shop.gate, token_approvals=True)
    registered = as_json(await policies.register(gate, make_files(close_within=OTHERS), FIRST))

    for by in (replace(FIRST, proof=ByToken("mine")), ADMIN):
        with pytest.raises(NotAllowed):
            await policies.activate(gate, registered["revision"], "Mine", by)

    by_token = replace(SECOND, proof=ByToken("theirs"))
    assert as_json(await policies.activate(gate, registered["revision"], "Theirs", by_token))[
        "active"
    ]


async def test_a2_who_was_somebody_else_before_is_still_one_person(shop: Shop) -> None:
    invited = await enter(shop.gate, "eva@example.com", Role.ADMIN)
    before = await Access(shop.gate).signed_in(invited.secret)
    assert before is not None
    registered = as_json(
        await policies.register(shop.gate, make_files(close_within=OTHERS), before)
    )
    known = CATALOGUE.replace("[ben@example.com]", "[ben@example.com, eva@example.com]")
    await enter(shop.gate, "ben@example.com")
    await shop.adopt(make_files() | {"catalog.yaml": known})

    with pytest.raises(NotAllowed, match="ask another admin"):
        await policies.activate(shop.gate, registered["revision"], "Mine", SECOND)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(PersonCommand(disabled=True), id="disabled"),
        pytest.param(PersonCommand(sets_role=True), id="an admin no more"),
    ],
)
async def test_whom_another_server_has_just_shut_out_activates_nothing(
    small_shop: Shop, changed: PersonCommand
) -> None:
    as_admin = PersonCommand(Role.ADMIN, sets_role=True)
    await people.change(small_shop.gate, SECOND.id, as_admin, ADMIN)
    registered = as_json(
        await policies.register(small_shop.gate, make_files(close_within=OTHERS), FIRST)
    )
    await people.change(small_shop.gate, SECOND.id, changed, ADMIN)

    with pytest.raises(NotAllowed, match="your account was just disabled"):
        await policies.activate(
            small_shop.gate, registered["revision"], "Mine", replace(SECOND, role=Role.ADMIN)
        )


async def test_what_was_never_registered_is_not_found(small_shop: Shop) -> None:
    with pytest.raises(NotFound):
        await policies.activate(small_shop.gate, "f" * 64, "Why not", FIRST)
    with pytest.raises(NotFound):
        await policies.read(small_shop.gate, "f" * 64)


async def test_registered_is_in_force_once_somebody_else_says_so(shop: Shop) -> None:
    registered = as_json(await policies.register(shop.gate, make_files(close_within=OTHERS), ADMIN))
    assert (registered["active"], registered["registered_by"]) == (False, "token:admin")

    activated = as_json(
        await policies.activate(shop.gate, registered["revision"], "Longer deployments", SECOND)
    )
    again = as_json(
        await policies.activate(shop.gate, registered["revision"], "Longer deployments", SECOND)
    )

    entry = (await shop.entries("activation"))[-1]
    assert activated == again == {**registered, "active": True}
    assert await in_force(shop) == registered["revision"]
    assert (entry.fields["part"], entry.fields["revision"], entry.fields["by"]) == (
        "policies",
        registered["revision"],
        SECOND.caller,
    )
    assert [name for name, _, _ in entry.fields["difference"]] == ["production.yaml"]
    assert "Longer" not in str(entry)
    assert (await shop.submit("a"))["policy"]["revision"] == registered["revision"]


async def test_the_first_start_registers_and_activates_every_part(shop: Shop) -> None:
    registrations, activations = (
        await shop.entries("registration"),
        await shop.entries("activation"),
    )

    revisions = (await shop.gate.rulebooks.current()).revisions
    assert [
        (entry.fields["part"], entry.fields["revision"], entry.fields["by"])
        for entry in registrations
    ] == [
        ("policies", revisions.policies, "folder"),
        ("catalogue", revisions.catalogue, "folder"),
        ("calendar", revisions.calendar, "folder"),
    ]
    assert [entry.fields["part"] for entry in activations] == ["policies", "catalogue", "calendar"]


async def test_the_same_files_again_are_the_same_set(shop: Shop) -> None:
    before = await shop.entries()
    kept = await shop.gate.store.read(everything_about_policies)

    again = await shop.adopt(changed=False)
    registered = as_json(await policies.register(shop.gate, make_files(), ADMIN))

    assert (again.new, again.activated, registered["registered_by"], registered["active"]) == (
        False,
        False,
        "folder",
        True,
    )
    assert await shop.entries() == before
    assert await shop.gate.store.read(everything_about_policies) == kept


async def test_comments_and_spaces_are_no_other_revision(small_shop: Shop) -> None:
    files = {name: f"# Reviewed by Ada Ekberg\n\n{text}" for name, text in make_files().items()}

    assert not (await small_shop.adopt(files)).new


async def test_another_catalogue_beside_the_same_policies_is_another_set(small_shop: Shop) -> None:
    files = make_files()
    files["catalog.yaml"] = files["catalog.yaml"].replace("tier: 1", "tier: 3")

    registered = await small_shop.adopt(files)

    assert (registered.new, registered.activated) == (True, True)
    assert (
        len({item.catalogue for item in (await policies.listing(small_shop.gate, ADMIN)).items})
        == 2
    )
    assert (await small_shop.gate.rulebooks.current()).catalogue.services["checkout"].tier == 3


async def test_a_registered_set_is_answered_as_itself_although_a_later_one_has_the_same_policies(
    small_shop: Shop,
) -> None:
    files = make_files(close_within=OTHERS)
    other = {**files, "catalog.yaml": files["catalog.yaml"].replace("tier: 1", "tier: 3")}
    first = as_json(await policies.register(small_shop.gate, files, ADMIN))
    second = as_json(await policies.register(small_shop.gate, other, ADMIN))

    assert as_json(await policies.register(small_shop.gate, files, ADMIN)) == first != second


async def test_each_of_two_sets_with_the_same_policies_is_activated_by_its_id_or_by_what_it_alone_has(
    shop: Shop,
) -> None:
    files = make_files()
    tiers = ("3", "4")
    made = [
        as_json(
            await policies.register(
                shop.gate,
                {
                    **files,
                    "catalog.yaml": files["catalog.yaml"].replace("tier: 1", f"tier: {tier}"),
                },
                ADMIN,
            )
        )
        for tier in tiers
    ]
    listed = {item.id: item.active for item in (await policies.listing(shop.gate, ADMIN)).items}

    for part in ("revision", "calendar"):
        with pytest.raises(Invalid, match="name one of them by its id: .*" + made[0]["id"]):
            await policies.activate(shop.gate, made[1][part], "Which?", SECOND)
    assert [listed[one["id"]] for one in made] == [False, False]
    for one, name, tier in (
        (made[0], "id", 3),
        (made[1], "catalogue", 4),
        (made[0], "catalogue", 3),
    ):
        assert as_json(await policies.activate(shop.gate, one[name], "This one", SECOND)) == {
            **one,
            "active": True,
        }
        assert (await shop.gate.rulebooks.current()).catalogue.services["checkout"].tier == tier
        assert as_json(await policies.read(shop.gate, one["id"]))["active"] is True


# From the folder


async def test_a_known_set_is_not_activated_by_a_start_but_by_a_change(shop: Shop) -> None:
    first = await in_force(shop)
    second = await shop.adopt(close_within=OTHERS)

    start = await shop.adopt(changed=False)
    after_start = await in_force(shop)
    change = await shop.adopt(changed=True)

    assert (second.activated, start.activated, after_start) == (
        True,
        False,
        second.revisions.policies,
    )
    assert (change.new, change.activated, await in_force(shop)) == (False, True, first)


async def test_with_approval_nothing_is_in_force_by_itself(
    database_url: str, tmp_path: Path
) -> None:
    async with open_shop(database_url, tmp_path, policy_activation=Activation.APPROVE) as shop:
        change = await shop.submit("a")
        assert (change["state"], change["policy"]) == ("pending", {"name": None, "revision": None})
        assert change["approvals"]["required"] == [
            {"by": ["release-managers"], "count": 2, "missing": 2}
        ]

        (item,) = (await policies.listing(shop.gate, ADMIN)).items
        await policies.activate(shop.gate, item.revision, "First", FIRST)
        await shop.round()

        assert (await shop.read(change))["state"] == "approved"
        assert not (await shop.adopt(close_within=OTHERS)).activated


async def test_two_servers_that_start_at_once_agree(database_url: str, tmp_path: Path) -> None:
    async with open_shop(database_url, tmp_path) as one, open_shop(database_url, tmp_path) as other:
        parts = [(one, "7h"), (other, "8h"), (one, "9h"), (other, "7h")]
        adopted = await asyncio.gather(
            *(shop.adopt(close_within=hours) for shop, hours in parts), return_exceptions=True
        )

        assert [one for one in adopted if isinstance(one, BaseException)] == []
        assert await in_force(one) == await in_force(other)


class Contended:
    """A store where other servers are first so many times."""

    def __init__(self, store: Any, times: int) -> None:
        self.store = store
        self.left = times

    async def write(self, *asked: Any, **more: Any) -> Any:
        """As the store does, but for the first times."""
        if self.left:
            self.left -= 1
            raise Conflict("another set was activated meanwhile")
        return await self.store.write(*asked, **more)


async def test_a_server_tries_until_it_is_its_turn_and_says_so_when_that_never_comes(
    small_shop: Shop,
) -> None:
    gate = small_shop.gate

    async def adopt(lost: int, hours: str) -> policies.Registered:
        contended: Any = Contended(gate.store, lost)
        return await policies.adopt(
            replace(gate, store=contended), make_files(close_within=hours), changed=True
        )

    with pytest.raises(Conflict, match="other servers activated policies each of 16 times"):
        await adopt(policies.ADOPTIONS_MAX, "7h")
    assert (await adopt(policies.ADOPTIONS_MAX - 1, "8h")).activated


async def test_two_servers_that_make_the_first_set_at_once_both_start(
    database_url: str, tmp_path: Path
) -> None:
    async def start() -> str:
        async with open_shop(database_url, tmp_path) as shop:
            return await in_force(shop)

    revisions = await asyncio.gather(start(), start())

    assert len(set(revisions)) == 1


# People


async def test_names_and_addresses_of_people_are_in_no_set_and_no_entry(shop: Shop) -> None:
    await policies.register(shop.gate, make_files(close_within=OTHERS), ADMIN)

    kept = await shop.gate.store.read(everything_about_policies)
    shown: Wire = as_json(await policies.read(shop.gate, await in_force(shop)))

    assert [text for text in PEOPLE if text in kept or text in str(shown)] == []
    assert len(orjson.loads(shown["files"]["catalog.yaml"])["people"]) == len(
        ("ada", "ben", "chloe", "farida", "ivan", "kofi", "lena")
    )


async def test_people_are_known_again_after_a_restart(sqlite_url: str, tmp_path: Path) -> None:
    async with open_shop(sqlite_url, tmp_path) as shop:
        before = (await shop.gate.rulebooks.current()).revisions
    async with open_shop(sqlite_url, tmp_path) as shop:
        book = await shop.gate.rulebooks.current()

        assert (book.revisions, book.identities.person("ADA@example.com")) == (
            before,
            person_id("ada"),
        )
        assert (await shop.submit("a", claims={}, authors=("ivan@example.com",)))["approvals"][
            "excluded"
        ] == [person_id("ivan")]
        assert await shop.gate.store.read(policy_sets.in_force) is not None
