"""Whoever is learnt later to have taken part is excluded from then on, at every act (A01, A02,
A03).
"""

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.core.change import Artifact, Emergency, Run
from gate.core.messages.host_reports import Pushed
from gate.errors import Invalid
from gate.flow.changes import cancel, known, post_review
from gate.flow.commands import FreezeCommand, IdempotencyKey, PostReviewCommand
from gate.flow.policies import freezes
from gate.flow.queries.story import story
from gate.flow.webhooks import code_hosts
from tests.builders import ISSUER, Wire, commit_of, image_of, make_change, person_id
from tests.flow import naming
from tests.flow.reviewers import approve, emergency, large, override, person, problem, reject
from tests.flow.shop import CATALOGUE, Shop, as_json, forget_pauses, make_files, open_shop

pytestmark = pytest.mark.anyio

RUN = Run("a")
BOTH = (
    "[{from_band: low, approvals: 1, by: [release-managers]}, {from_band: low, approvals: 1, "
    "by: [owners]}]"
)
STRICT = {"unverified_authors": "two"}


async def ask(shop: Shop, actor: str = "github:zoe", attempt: int = 1, **different: Any) -> Wire:
    """A job of run `a` asks, started by somebody."""
    run = replace(RUN, attempt=attempt)
    change = naming.asked("a", run, ())._replace(**different)
    return await shop.submit(change, by=naming.job(run, actor, commit_of("a")))


async def admit(shop: Shop, change: Wire, actor: str = "github:zoe", attempt: int = 1) -> Wire:
    """A job of run `a` asks for the last word before it deploys."""
    run = replace(RUN, attempt=attempt)
    return await shop.admit(change, naming.job(run, actor, commit_of("a")), run=run)


async def by_author(shop: Shop) -> None:
    await ask(shop, authors=("ada@example.com",))


async def by_actor(shop: Shop) -> None:
    await ask(shop, "github:ada-ekberg", attempt=2)


async def by_push(shop: Shop) -> None:
    await code_hosts.keep_pusher(
        shop.gate, Pushed(ISSUER, 1001, (commit_of("a"),), "github:ada-ekberg")
    )


async def by_catalogue(shop: Shop) -> None:
    await ask(shop, authors=("ada@home.example",))
    files = make_files(**STRICT)
    files["catalog.yaml"] = CATALOGUE.replace(
        "emails: [ada@example.com]", "emails: [ada@example.com, ada@home.example]"
    )
    await shop.adopt(files)


async def by_a_replayed_key(shop: Shop) -> None:
    """Another actor's token sends the very bytes of the first asking, under its key."""
    key = IdempotencyKey("k", "b" * 64)
    for actor in ("github:zoe", "github:ada-ekberg"):
        run = Run("a", 2)
        await shop.ask(naming.asked("a", run, ()), naming.job(run, actor, commit_of("a")), key)


WAYS = [
    pytest.param(by_author, id="the same run names another author"),
    pytest.param(by_actor, id="another actor starts a new attempt"),
    pytest.param(by_push, id="a push names the pusher"),
    pytest.param(by_catalogue, id="the catalogue learns an address"),
    pytest.param(by_a_replayed_key, id="another actor gets the first answer again"),
]
Way = Callable[[Shop], Awaitable[None]]


@pytest.fixture(params=["pending", "approved"])
def state(request: pytest.FixtureRequest) -> str:
    """Where the change stands when ada turns out to have taken part."""
    return str(request.param)


@pytest.mark.parametrize("learn", WAYS)
async def test_a1_whoever_is_learnt_later_is_refused_and_what_they_approved_lapses(
    database_url: str, tmp_path: Path, learn: Way, state: str
) -> None:
    files = make_files(**STRICT)
    async with (
        open_shop(database_url, tmp_path, files) as shop,
        open_shop(database_url, tmp_path, files) as replica,
    ):
        change = await ask(shop)
        await approve(shop, change, "ada")
        if state == "approved":
            await approve(shop, change, "ben")
        await learn(shop)

        now = await shop.read(change)
        assert now["approvals"]["excluded"] == [person_id("ada")]
        assert now["state"] == state
        assert await problem(approve(replica, now, "ada")) == "separation_of_duties"
        assert await problem(override(replica, now, "ada", stop=True)) == "separation_of_duties"
        assert await problem(admit(replica, now)) == "not_approved"

        await shop.round()
        waits = await shop.read(change)
        assert (waits["state"], waits["approvals"]["required"][0]["missing"]) == (
            "pending",
            2 if state == "pending" else 1,
        )
        assert {one["person"]: one["lapsed"] for one in waits["approvals"]["given"]}[
            person_id("ada")
        ]
        assert (await shop.entries("decision", change))[-1].fields["excluded"] == [person_id("ada")]
        assert [one.fields["by"] for one in await shop.entries("lapse", change)] == [
            person_id("ada")
        ]
        for by in ("ben", "farida"):
            waits = await approve(replica, waits, by)
        assert waits["state"] == "approved"


async def test_a1_the_actor_whose_token_admits_is_no_approver_of_it(
    database_url: str, tmp_path: Path
) -> None:
    async with open_shop(database_url, tmp_path, make_files(**STRICT)) as shop:
        change = await ask(shop)
        for by in ("ada", "farida"):
            await approve(shop, change, by)
        assert await problem(admit(shop, change, "github:ada-ekberg", 2)) == "not_approved"

        waits = await shop.read(change)
        assert (
            waits["state"],
            waits["approvals"]["excluded"],
            waits["approvals"]["required"][0]["missing"],
        ) == ("pending", [person_id("ada")], 1)
        approved = await approve(shop, waits, "ivan")
        assert await admit(shop, approved, "github:ada-ekberg", 2)


@pytest.mark.parametrize("dummy", [(), (image_of("b"),)], ids=["the same", "another artifact"])
async def test_a1_a_run_that_begins_anew_is_no_way_to_be_forgotten(
    database_url: str, tmp_path: Path, dummy: tuple[Artifact, ...]
) -> None:
    """Ada starts the run and names ben; it is withdrawn, and somebody else starts it again."""
    async with open_shop(database_url, tmp_path, make_files(**STRICT)) as shop:
        first = await ask(shop, "github:ada-ekberg", authors=("ben@example.com",))
        by = naming.job(RUN, "github:ada-ekberg", commit_of("a"))
        await cancel.cancel(shop.gate, first["id"], "", by)

        again = await ask(shop, attempt=2, artifacts=(image_of("a"), *dummy))

        assert again["id"] != first["id"]
        for who in ("ada", "ben"):
            assert await problem(approve(shop, again, who)) == "separation_of_duties"
        await shop.round()
        assert (await shop.entries("decision", again))[-1].fields["excluded"] == [
            person_id("ada"),
            person_id("ben"),
        ]


async def test_a_run_that_brings_another_commit_passes_nobody_on(shop: Shop) -> None:
    await ask(shop, authors=("ben@example.com",))
    run = Run("a", 2)

    other = await shop.submit(
        naming.asked("b", run, ()), by=naming.job(run, "github:zoe", commit_of("b"))
    )

    assert other["approvals"]["excluded"] == (await shop.read(other))["approvals"]["excluded"] == []


async def test_a1_every_act_tells_the_ledger_who_was_excluded_as_of_it(shop: Shop) -> None:
    """Not only who was when it was decided."""
    await freezes.add(shop.gate, FreezeCommand("fire", stop=True), person("ada"))
    change = await ask(shop)
    await by_push(shop)

    await approve(shop, change, "farida")
    await override(shop, change, "ben", stop=True)
    await admit(shop, change)

    entries = await shop.entries(change=change)
    found = {one.kind: one.fields.get("excluded") for one in entries if one.kind != "decision"}
    assert entries[0].fields["excluded"] == []
    assert found == {kind: [person_id("ada")] for kind in ("approval", "override", "admission")}


async def test_an_approval_of_whoever_admits_is_left_out_of_the_statement(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Two release managers and an owner approved where one of each is needed; the entry says whose
    word lapsed, and why.
    """
    async with open_shop(
        sqlite_url, tmp_path, make_files(unverified_authors="two", review=BOTH)
    ) as shop:
        change = await ask(shop)
        for by in ("ada", "ben", "farida"):
            await approve(shop, change, by)

        envelope = await admit(shop, change, "github:ada-ekberg", 2)

        statement = json.loads(base64.b64decode(envelope["payload"]))
        entry = (await shop.entries("admission", change))[0].fields
        assert statement["predicate"]["approvers"] == [person_id("ben"), person_id("farida")]
        assert (entry["excluded"], [person for person, _ in entry["approvers"]]) == (
            [person_id("ada")],
            [person_id("ben"), person_id("farida")],
        )
        assert [one.fields["by"] for one in await shop.entries("lapse", change)] == [
            person_id("ada")
        ]
        assert await admit(shop, change, "github:ada-ekberg", 2) == envelope


async def test_a1_a_login_of_several_people_that_is_named_later_asks_for_two(
    sqlite_url: str, tmp_path: Path
) -> None:
    files = make_files()
    files["catalog.yaml"] = CATALOGUE.replace(
        "kofi@example.com]", "kofi@example.com], github: [same]"
    ).replace("lena@example.com]", "lena@example.com], gitlab: [same]")
    async with open_shop(sqlite_url, tmp_path, files) as shop:
        change = await ask(shop)
        await approve(shop, change, "farida")
        await ask(shop, authors=("same",))

        assert await problem(admit(shop, change)) == "stale_decision"
        waits = await shop.read(change)
        assert (
            waits["state"],
            waits["approvals"]["excluded"],
            waits["approvals"]["required"][0]["missing"],
        ) == (
            "pending",
            [person_id("kofi"), person_id("lena")],
            1,
        )


async def test_a_name_that_the_catalogue_forgets_after_an_act_stays_excluded(shop: Shop) -> None:
    change = await ask(shop, authors=("ada@home.example",))
    files = make_files()
    known = files | {
        "catalog.yaml": CATALOGUE.replace(
            "emails: [ada@example.com]", "emails: [ada@example.com, ada@home.example]"
        )
    }
    await shop.adopt(known)
    assert await problem(approve(shop, change, "ada")) == "separation_of_duties"

    await shop.adopt(files)

    assert await problem(approve(shop, change, "ada")) == "separation_of_duties"
    assert (await shop.read(change))["approvals"]["excluded"] == [person_id("ada")]


async def test_an_override_counts_no_longer_once_its_giver_turns_out_to_have_asked(
    shop: Shop,
) -> None:
    await freezes.add(shop.gate, FreezeCommand("fire", stop=True), person("ada"))
    change = await ask(shop)
    await approve(shop, change, "farida")
    await override(shop, change, "ben", stop=True)
    await ask(shop, authors=("ben@example.com",))

    assert await problem(admit(shop, change)) == "frozen"
    assert (await shop.read(change))["hold"] is not None
    await override(shop, change, "ada", stop=True)
    assert await admit(shop, change)


async def test_a_lift_counts_no_longer_once_its_giver_asks_for_the_commit(shop: Shop) -> None:
    change = await shop.submit(large())
    await reject(shop, change, "ada")
    await override(shop, change, "ben")

    theirs = await shop.submit(large(run=Run("b"), requested_by="ben@example.com"))
    assert (theirs["id"], theirs["state"]) == (change["id"], "rejected")
    assert (await shop.submit(large(run=Run("c"))))["id"] == change["id"], (
        "ben asked for it, so his word is void for everybody"
    )
    await override(shop, change, "farida")
    assert (await shop.submit(large(run=Run("d"))))["state"] == "pending"


@pytest.mark.parametrize("who", ["farida", "ivan"])
async def test_a4_who_wrote_or_asked_for_an_emergency_does_not_look_back_on_it(
    database_url: str, tmp_path: Path, who: str
) -> None:
    async with open_shop(database_url, tmp_path) as shop:
        change = await shop.submit(emergency(authors=("farida@example.com",)))
        await approve(shop, change, "chloe")
        await shop.admit(change)
        await shop.submit(
            emergency(authors=("ivan@example.com",))
        )  # the same run names its requester at last
        command = PostReviewCommand("all went well", "nothing to see")

        assert (
            await problem(post_review.hold_review(shop.gate, change["id"], command, person(who)))
            == "separation_of_duties"
        )

        assert [one.fields["problem"] for one in await shop.entries("refusal", change)] == [
            "separation_of_duties"
        ]
        assert (
            await problem(post_review.hold_review(shop.gate, change["id"], command, person("ada")))
            == "none"
        )
        (review,) = await shop.entries("post_review", change)
        assert review.fields["excluded"] == [person_id("farida"), person_id("ivan")]


async def test_the_page_says_who_is_excluded_and_why(shop: Shop) -> None:
    change = await ask(shop)
    await by_push(shop)
    await ask(shop, requested_by="ben@example.com")
    forget_pauses(shop.gate.pauses)
    await ask(shop, authors=("lena@example.com",))

    found = as_json(await story(shop.gate, change["id"], person("ada")))

    assert {one["id"]: one["why"] for one in found["people"]["excluded"]} == {
        person_id("ada"): ["wrote or pushed a part of it"],
        person_id("ben"): ["asked for it before, or had it admitted"],
        person_id("lena"): ["wrote a part of it"],
    }
    assert (found["may"]["own"], found["may"]["approve"]) == (True, False)


async def test_nobody_names_people_without_end(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "NAMED_MAX", 3)  # instead of five thousand
    change = await shop.submit("a", claims={})

    with pytest.raises(Invalid, match="at most 3"):
        await shop.submit("a", claims={}, authors=("b@x.example", "c@x.example", "d@x.example"))

    assert (await shop.read(change))["approvals"]["excluded"] == []


async def test_whoever_is_named_while_a_rollback_is_asked_for_counts_as_asking_only(
    shop: Shop,
) -> None:
    await shop.deploy("a")
    await shop.deploy("b", base=commit_of("a"))
    await shop.adopt(standard_changes="[]")
    back = await shop.submit(make_change("a", run=Run("c"), requested_by="ben@example.com"))
    again = await shop.submit(
        make_change(
            "a", run=Run("c", 2), authors=("farida@example.com",), requested_by="ivan@example.com"
        )
    )

    assert back["approvals"]["excluded"] == [person_id("ben")]
    assert again["approvals"]["excluded"] == [person_id("ben"), person_id("ivan")]


async def test_an_emergency_is_excluded_from_by_the_same_rule(shop: Shop) -> None:
    change = await shop.submit(large(emergency=Emergency("fire", "INC-1")))
    await shop.submit(large(emergency=Emergency("fire", "INC-1"), authors=("chloe@example.com",)))

    assert await problem(approve(shop, change, "chloe")) == "separation_of_duties"
