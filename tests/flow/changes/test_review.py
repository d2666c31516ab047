"""People decide: who may, what they are bound to, and what follows.

Cases by the numbers of the attacks they stop.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.core.change import Planned, Result
from gate.flow.changes import cancel, post_review, review
from gate.flow.commands import FreezeCommand, PersonCommand, PostReviewCommand, ReviewCommand
from gate.flow.identity import people
from gate.flow.policies import freezes
from tests.builders import Wire, commit_of, make_change, make_person, person_id
from tests.flow.reviewers import (
    TOMORROW,
    approve,
    emergency,
    large,
    override,
    person,
    problem,
    reject,
)
from tests.flow.shop import ADMIN, CATALOGUE, PIPELINE, Shop, make_files, open_shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def strict(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """Where nobody confirms who wrote a change, two people decide."""
    async with open_shop(sqlite_url, tmp_path, make_files(unverified_authors="two")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("different", "by"),
    [
        pytest.param({"authors": ("farida@example.com",)}, "farida", id="A01 the author"),
        pytest.param(
            {"authors": ("zoe@example.com", "Farida+x@Example.com")},
            "farida",
            id="A02 A03 a co-author by another form",
        ),
        pytest.param({"requested_by": "ben@example.com"}, "ben", id="A03 the requester"),
        pytest.param({"requested_by": "ada-ekberg"}, "ada", id="A02 by the login of a code host"),
    ],
)
async def test_nobody_approves_or_overrides_their_own_change(
    shop: Shop, different: dict[str, Any], by: str
) -> None:
    change = await shop.submit(large(**different))

    assert await problem(approve(shop, change, by)) == "separation_of_duties"

    refusals = await shop.entries("refusal", change)
    assert (await shop.read(change))["state"] == "pending"
    assert [(one.fields["problem"], one.fields["by"]) for one in refusals] == [
        ("separation_of_duties", person(by).caller)
    ]


async def test_who_wrote_it_does_not_lift_its_hold(shop: Shop) -> None:
    window = await freezes.add(shop.gate, FreezeCommand("fire", stop=True), person("ada"))
    change = await shop.submit(large(requested_by="ben@example.com"))

    assert await problem(override(shop, change, "ben", stop=True)) == "separation_of_duties"
    assert await problem(override(shop, change, "farida", stop=True)) == "not_allowed"
    assert (await shop.read(change))["hold"]["window"] == window.id


async def test_who_is_not_asked_decides_nothing(shop: Shop) -> None:
    change = await shop.submit(large())

    assert await problem(approve(shop, change, "kofi")) == "not_allowed"
    assert await problem(reject(shop, change, "kofi")) == "not_allowed"


async def test_a13_an_approval_is_for_what_was_shown(shop: Shop) -> None:
    change = await shop.submit(large())

    assert (
        await problem(approve(shop, change, "ada", subject_digest="0" * 64)) == "subject_mismatch"
    )
    assert (await shop.read(change))["approvals"]["given"] == []


async def test_a12_one_person_counts_once(strict: Shop) -> None:
    change = await strict.submit(large())
    await approve(strict, change, "ada")

    again = await approve(strict, change, "ada")

    assert (again["state"], again["approvals"]["required"][0]["missing"]) == ("pending", 1)
    assert len(await strict.entries("approval", change)) == 1


async def test_who_said_yes_may_still_say_no(database_url: str, tmp_path: Path) -> None:
    async with open_shop(database_url, tmp_path, make_files(unverified_authors="two")) as strict:
        change = await strict.submit(large())
        await approve(strict, change, "ada")

        rejected = await reject(strict, change, "ada")

        assert (rejected["state"], rejected["approvals"]["given"]) == ("rejected", [])
        assert [entry.kind.value for entry in await strict.entries(change=change)] == [
            "decision",
            "approval",
            "rejection",
        ]


async def test_a05_nobody_confirms_who_wrote_it_so_two_decide(strict: Shop) -> None:
    change = await strict.submit(large())
    await approve(strict, change, "ada")

    assert (await approve(strict, change, "farida"))["state"] == "approved"


async def test_a_complete_approval_approves_and_may_be_admitted(shop: Shop) -> None:
    change = await shop.submit(large())

    approved = await approve(shop, change, "farida")

    assert (
        approved["state"],
        approved["route"],
        approved["approvals"]["required"][0]["missing"],
    ) == ("approved", "review", 0)
    assert [
        (one["person"], one["comment"], one["lapsed"]) for one in approved["approvals"]["given"]
    ] == [(person_id("farida"), "looks right", False)]
    assert approved["valid_until"] is not None
    await shop.admit(approved)
    assert (await shop.read(change))["state"] == "deploying"


async def test_a10_an_approval_that_is_not_used_in_time_is_over(shop: Shop) -> None:
    change = await shop.submit(large())
    await approve(shop, change, "farida")
    await shop.let_pass_hours(4)

    assert await problem(shop.admit(change)) == "expired"


async def test_a17_who_left_the_group_no_longer_counts(shop: Shop) -> None:
    change = await shop.submit(large())
    approved = await approve(shop, change, "ben")
    files = make_files()
    files["catalog.yaml"] = CATALOGUE.replace(
        "release-managers: {people: [ada, ben]}", "release-managers: {people: [ada, chloe]}"
    )
    await shop.adopt(files)

    assert await problem(shop.admit(approved)) == "not_approved"


async def test_a_rejection_ends_it_and_needs_no_second_person(strict: Shop) -> None:
    change = await strict.submit(large())

    rejected = await reject(strict, change, "ada")

    assert rejected["state"] == "rejected"
    assert await problem(approve(strict, change, "farida")) == "state_conflict"
    assert await problem(strict.admit(change)) == "not_approved"


async def test_an_expired_change_cannot_be_approved(shop: Shop) -> None:
    change = await shop.submit(large())
    await shop.let_pass_hours(24)

    assert await problem(approve(shop, change, "ada")) == "expired"


async def test_approvals_are_carried_where_nothing_became_worse(strict: Shop) -> None:
    change = await strict.submit(large())
    await approve(strict, change, "ada")
    await strict.adopt(
        unverified_authors="two",
        rules="[{id: size, title: Size, points_by: diff.lines_added, steps: {100: 5, 200: 30}}]",
    )
    await strict.round()

    now = await strict.read(change)

    assert (
        now["decision"]["number"],
        now["approvals"]["given"][0]["lapsed"],
        now["approvals"]["required"][0]["missing"],
    ) == (1, False, 1)


async def test_b9_approvals_are_for_the_planned_times_that_were_shown(strict: Shop) -> None:
    night = Planned(TOMORROW, TOMORROW + timedelta(hours=2))
    change = await strict.submit(large(planned=night))
    await approve(strict, change, "ada")

    again = await strict.submit(large(planned=Planned(TOMORROW - timedelta(hours=20), night.end)))

    assert (
        again["decision"]["number"],
        [one["lapsed"] for one in again["approvals"]["given"]],
    ) == (2, [True])
    assert await problem(approve(strict, change, "farida")) == "subject_mismatch"
    assert (await approve(strict, again, "farida"))["state"] == "pending"


async def test_approvals_lapse_visibly_where_the_band_became_worse(strict: Shop) -> None:
    change = await strict.submit(large())
    await approve(strict, change, "ada")
    await strict.adopt(
        unverified_authors="two",
        rules="[{id: size, title: Size, points_by: diff.lines_added, steps: {200: 70}}]",
    )
    await strict.round()

    now = await strict.read(change)

    assert (now["decision"]["number"], now["risk"]["band"]) == (2, "high")
    assert [one["lapsed"] for one in now["approvals"]["given"]] == [True]
    assert now["approvals"]["required"][0]["missing"] == 2
    assert [one.fields["by"] for one in await strict.entries("lapse", change)] == [person_id("ada")]
    assert await problem(approve(strict, change, "farida")) == "subject_mismatch"


async def test_a_held_change_is_approved_and_waits_for_the_end_of_its_hold(shop: Shop) -> None:
    window = await freezes.add(shop.gate, FreezeCommand("fire", stop=True), person("ada"))
    change = await shop.submit(large())
    approved = await approve(shop, change, "farida")
    assert (approved["state"], approved["hold"]["window"], approved["valid_until"]) == (
        "approved",
        window.id,
        None,
    )
    assert await problem(shop.admit(approved)) == "frozen"

    await freezes.lift(shop.gate, window.id, person("ada"))
    await shop.round()

    free = await shop.read(change)
    assert (free["state"], free["hold"]) == ("approved", None)
    assert free["valid_until"] is not None
    await shop.admit(free)


async def test_an_override_lets_one_change_past_a_stopped_line(shop: Shop) -> None:
    await freezes.add(shop.gate, FreezeCommand("fire", stop=True), person("ada"))
    change, other = await shop.submit(large("a")), await shop.submit(large("b"))
    await approve(shop, change, "farida")

    free = await override(shop, change, "ben", stop=True)

    assert (free["state"], free["hold"]) == ("approved", None)
    assert (await shop.read(other))["hold"] is not None
    await shop.admit(free)
    assert [one.fields["by"] for one in await shop.entries("override", change)] == [
        person_id("ben")
    ]


async def test_an_override_of_a_window_that_is_not_open_changes_nothing(shop: Shop) -> None:
    change = await shop.submit(large())

    assert await problem(override(shop, change, "ada", window="year-end")) == "state_conflict"
    assert await shop.entries("override") == []


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param({"window": "year-end"}, id="a window that is not open"),
        pytest.param({"window": "no-such-window"}, id="a window that is none"),
        pytest.param({"stop": True}, id="a line that is not stopped"),
        pytest.param({}, id="a rejection that there is not"),
    ],
)
async def test_a6_who_may_not_override_learns_nothing_of_the_state(
    shop: Shop, ask: dict[str, Any]
) -> None:
    change = await shop.submit(large(requested_by="ben@example.com"))
    passed = await shop.submit("b", service="web", requested_by="ben@example.com")

    for one in (change, passed):
        assert await problem(override(shop, one, "chloe", **ask)) == "not_allowed"
        assert await problem(override(shop, one, "ben", **ask)) == "separation_of_duties"
        assert await problem(override(shop, one, "ada", **ask)) == "state_conflict"


async def test_a62_an_emergency_is_approved_by_who_is_on_call(shop: Shop) -> None:
    change = await shop.submit(emergency())
    assert (change["type"], change["route"]) == ("emergency", "emergency")
    assert await problem(approve(shop, change, "farida")) == "not_allowed"

    assert (await approve(shop, change, "chloe"))["state"] == "approved"


async def deployed_emergency(shop: Shop) -> Wire:
    change = await shop.submit(emergency())
    await approve(shop, change, "chloe")
    await shop.admit(change)
    return await shop.close(change)


async def test_a62_an_overdue_review_stops_the_automatic_path_until_it_is_held(shop: Shop) -> None:
    change = await deployed_emergency(shop)
    assert (await shop.submit("b", base=commit_of("e")))["state"] == "approved"
    await shop.let_pass_hours(73)

    stopped = await shop.submit("c", base=commit_of("e"))
    assert (stopped["state"], stopped["reasons"][0]["rule"]) == ("pending", "emergency-debt")

    command = PostReviewCommand("a full disk", "agreed with the team", ("alert on disk space",))
    assert (
        await problem(post_review.hold_review(shop.gate, change["id"], command, person("chloe")))
        == "not_allowed"
    )
    await post_review.hold_review(shop.gate, change["id"], command, person("farida"))
    assert (
        await problem(post_review.hold_review(shop.gate, change["id"], command, person("ada")))
        == "state_conflict"
    )
    await shop.round()
    assert (await shop.read(stopped))["state"] == "approved"


async def test_who_was_shut_out_a_moment_ago_holds_no_review(shop: Shop) -> None:
    change = await deployed_emergency(shop)
    farida = person("farida")
    assert farida.groups == {"team-payments"}  # what another server still takes for true
    await people.change(shop.gate, farida.id, PersonCommand(disabled=True), ADMIN)

    command = PostReviewCommand("a full disk", "agreed with the team")
    held = post_review.hold_review(shop.gate, change["id"], command, farida)
    assert await problem(held) == "not_allowed"
    assert await shop.entries("post_review") == []

    await people.change(shop.gate, farida.id, PersonCommand(disabled=False), ADMIN)
    await post_review.hold_review(shop.gate, change["id"], command, farida)


async def test_a_review_is_offered_for_a_failed_change_and_for_no_other(shop: Shop) -> None:
    fine = await shop.deploy("a")
    failed = await shop.deploy("b", Result.UNSUCCESSFUL, base=commit_of("a"))
    command = PostReviewCommand("a typo", "see the postmortem")

    assert (
        await problem(post_review.hold_review(shop.gate, fine["id"], command, person("ada")))
        == "state_conflict"
    )
    await post_review.hold_review(shop.gate, failed["id"], command, person("ada"))
    assert [one.change for one in await shop.entries("post_review")] == [failed["id"]]


async def test_who_approved_does_not_look_back_on_it(sqlite_url: str, tmp_path: Path) -> None:
    files = make_files()
    files["catalog.yaml"] = CATALOGUE.replace(
        "on-call: {people: [chloe]}", "on-call: {people: [chloe, farida]}"
    )
    async with open_shop(sqlite_url, tmp_path, files) as shop:
        change = await shop.submit(emergency())
        both = make_person("farida", "on-call", "team-payments")
        await review.approve(shop.gate, change["id"], ReviewCommand(change["subject_digest"]), both)
        await shop.admit(change)

        command = PostReviewCommand("a full disk", "agreed")
        assert (
            await problem(post_review.hold_review(shop.gate, change["id"], command, both))
            == "separation_of_duties"
        )


async def test_a_rollback_excludes_only_who_asks_for_it(shop: Shop) -> None:
    await shop.deploy("a")
    await shop.deploy("b", base=commit_of("a"))
    files = make_files(
        standard_changes="[]",
        requirements="[{id: never, title: Never, require: [labels.never == x], otherwise: review}]",
    )
    await shop.adopt(files)

    back = await shop.submit(
        make_change(
            "a",
            run=make_change("c").run,
            authors=("farida@example.com",),
            requested_by="ben@example.com",
        )
    )

    assert back["approvals"]["excluded"] == [person_id("ben")]
    assert (await approve(shop, back, "farida"))["state"] == "approved"


Act = Callable[[Shop, Wire], Awaitable[Any]]


@pytest.mark.parametrize("turn", range(5))
async def test_a11_many_decide_at_once_and_there_is_one_final_state(shop: Shop, turn: int) -> None:
    change = await shop.submit(large(chr(ord("a") + turn)))
    acts: list[Act] = [
        lambda shop, change: approve(shop, change, "ada"),
        lambda shop, change: approve(shop, change, "farida"),
        lambda shop, change: reject(shop, change, "ben"),
        lambda shop, change: reject(shop, change, "ivan"),
        lambda shop, change: cancel.cancel(shop.gate, change["id"], "", PIPELINE),
    ]

    answers = await asyncio.gather(*(problem(act(shop, change)) for act in acts * 10))

    final = (await shop.read(change))["state"]
    kinds = [
        one.kind.value
        for one in await shop.entries(change=change)
        if one.kind.value in {"approval", "rejection", "cancellation"}
    ]
    assert final in {"approved", "rejected", "canceled"}
    assert kinds.count("rejection") + kinds.count("cancellation") <= 1
    assert set(answers) <= {"none", "state_conflict"}
    assert (await shop.read(change))["state"] == final


async def test_no_word_of_a_person_stands_in_the_ledger(shop: Shop) -> None:
    change = await shop.submit(large())
    await approve(shop, change, "farida", comment="the secret word is swordfish")

    assert all("swordfish" not in str(one.fields) for one in await shop.entries())
