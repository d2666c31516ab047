"""A pending change is decided again: when, from what, and what is written."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gate.core.change import Planned, Result, Run
from gate.core.decision.decide import decide
from gate.core.decision.record import Record, subject_digest
from gate.errors import Conflict
from gate.flow.changes import cancel, expire
from gate.flow.changes.again import decide_again
from gate.flow.changes.known import Known
from gate.flow.commands import FreezeCommand
from gate.flow.gate import Gate
from gate.flow.policies import freezes
from gate.flow.queries import log, look
from gate.storage.changes.change_list import ChangeFilters
from gate.storage.changes.log import LogFilters
from tests.builders import SMALL, Wire, commit_of, person_id
from tests.flow.reviewers import approve, large
from tests.flow.shop import (
    ADA,
    ADMIN,
    AUDITOR,
    PIPELINE,
    Shop,
    as_json,
    forget_pauses,
    make_files,
    open_shop,
)

pytestmark = pytest.mark.anyio

WITHOUT = "[]"
"""No standard change: everything goes to people."""


async def in_force(shop: Shop, change: Wire) -> Record:
    """The record of the newest decision, which must be what replay gives: the same answer from the
    same case.
    """
    records = await shop.records(change)
    for record in records:
        book = await shop.gate.rulebooks.of(record.revisions)
        assert decide(book.policies, record.case) == record.decision
        assert record.subject_digest == subject_digest(
            record.subject, record.asked.planned, record.revisions.policies, record.case.facts
        )
    return records[-1]


# Nothing new


async def test_nothing_is_written_where_nobody_would_see_a_difference(shop: Shop) -> None:
    change = await shop.submit("a", claims={})
    before = await shop.entries(), await shop.measures(), await shop.read(change)

    await shop.submit("a", claims={})
    await shop.adopt(close_within="7h")
    await shop.round()
    await shop.round()

    entries = [
        entry for entry in await shop.entries() if entry.kind not in {"registration", "activation"}
    ]
    kept = [entry for entry in before[0] if entry.kind not in {"registration", "activation"}]
    assert (entries, await shop.measures(), await shop.read(change)) == (kept, *before[1:])


async def test_a_diff_that_was_left_out_stays_left_out_without_another_decision(
    small_shop: Shop,
) -> None:
    await small_shop.deploy("a")
    changes = [
        await small_shop.submit(letter, base=base)
        for letter, base in (("b", commit_of("9")), ("c", None))
    ]

    await small_shop.adopt(close_within="7h")
    await small_shop.round()

    assert [(await small_shop.read(change))["decision"]["number"] for change in changes] == [1, 1]


async def test_asking_ten_times_in_ten_seconds_decides_once(small_shop: Shop) -> None:
    change = await small_shop.submit("a", claims={})

    for lines in range(100, 110):
        await small_shop.submit("a", claims={**SMALL, "diff.lines_added": lines})

    assert (await small_shop.read(change))["decision"]["number"] == 2


# Something new


async def test_other_policies_decide_pending_changes_again(shop: Shop) -> None:
    await shop.adopt(standard_changes=WITHOUT)
    change = await shop.submit("a")

    registered = await shop.adopt()
    await shop.round()

    now = await shop.read(change)
    assert (change["state"], now["state"], now["decision"]["number"]) == ("pending", "approved", 2)
    assert now["policy"]["revision"] == registered.revisions.policies
    assert (await in_force(shop, change)).number == 2
    assert (await shop.admit(now))["payload"]


async def test_other_policies_may_refuse_what_was_pending(small_shop: Shop) -> None:
    change = await small_shop.submit("a", claims={})

    await small_shop.adopt(
        requirements="[{id: green, title: Green, require: [checks.passed > 0], otherwise: reject}]"
    )
    await small_shop.round()

    now = await small_shop.read(change)
    assert (now["state"], now["expires_at"], now["decision"]["number"]) == ("rejected", None, 2)


@pytest.mark.parametrize("state", ["approved", "deploying", "closed", "canceled"])
async def test_only_a_pending_change_is_decided_again(small_shop: Shop, state: str) -> None:
    change = await small_shop.submit("a")
    if state in {"deploying", "closed"}:
        await small_shop.admit(change)
    if state == "closed":
        await small_shop.close(change)
    if state == "canceled":
        await cancel.cancel(small_shop.gate, change["id"], "", PIPELINE)

    await small_shop.adopt(standard_changes=WITHOUT)
    await small_shop.submit("a")
    await small_shop.round()

    now = await small_shop.read(change)
    assert (now["state"], now["decision"]["number"]) == (state, 1)


@pytest.mark.parametrize("end", ["closed", "canceled", "expired", "never closed"])
async def test_a_conflict_that_ends_decides_again(shop: Shop, end: str) -> None:
    first = await approve(shop, await shop.submit(large("a")), "farida")
    second = await shop.submit("b")
    assert second["reasons"][0]["because"].startswith(
        f"{first['id']} was approved by people and is not deployed yet; deploy or cancel"
    )

    match end:
        case "closed":
            await shop.admit(first)
            await shop.close(first, Result.UNSUCCESSFUL)
        case "canceled":
            await cancel.cancel(shop.gate, first["id"], "", PIPELINE)
        case "expired":
            await shop.let_pass_hours(5)
        case _:
            await shop.admit(first)
            await shop.round()
            await shop.let_pass_hours(7)
    await shop.round()
    await shop.round()

    now = await shop.read(second)
    assert (now["state"], now["decision"]["number"]) == ("approved", 2)


async def test_what_the_same_run_says_now_counts(shop: Shop) -> None:
    change = await shop.submit("a", claims={}, title="First words")

    again = await shop.submit(
        "a", title="Other words", rollback_plan="Turn the flag off", authors=("ben@example.com",)
    )

    record = await in_force(shop, change)
    assert (again["state"], again["title"], again["authors"], again["decision"]["number"]) == (
        "approved",
        "Other words",
        ["ben@example.com"],
        2,
    )
    assert again == await shop.read(change)
    assert record.case.facts["change.has_rollback_plan"].value is True
    assert record.asked.rollback_plan


async def test_a05_naming_other_authors_later_excludes_them_as_well(small_shop: Shop) -> None:
    change = await small_shop.submit(
        "a", claims={}, requested_by=None, authors=("ada@example.com",)
    )

    again = await small_shop.submit(
        "a", claims={"diff.lines_added": 300}, requested_by=None, authors=("ben@example.com",)
    )
    nobody = await small_shop.submit(
        "b", claims={}, requested_by=None, authors=("ada@example.com",), service="web"
    )
    await small_shop.round()
    forget_pauses(small_shop.gate.pauses)
    silent = await small_shop.submit(
        "b", claims=SMALL, requested_by=None, authors=(), service="web"
    )

    assert change["approvals"]["excluded"] == [person_id("ada")]
    assert again["approvals"]["excluded"] == [person_id("ada"), person_id("ben")]
    assert nobody["approvals"]["excluded"] == silent["approvals"]["excluded"] == [person_id("ada")]
    assert silent["state"] == "approved"  # ada was named, and nobody can be named away


async def test_the_planned_times_of_the_last_asking_bind(small_shop: Shop) -> None:
    begins = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    change = await small_shop.submit("a", claims={}, planned=Planned(begins, None))

    later = Planned(begins + timedelta(hours=1), begins + timedelta(hours=2))
    again = await small_shop.submit("a", planned=later)

    record = await in_force(small_shop, change)
    assert record.asked.planned == later
    assert again["valid_until"] == f"{begins + timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}"


async def test_a_change_that_becomes_a_rollback_is_one_at_its_admission(shop: Shop) -> None:
    await shop.deploy("a")
    forward = await shop.submit("b", base=commit_of("a"))
    back = await shop.submit("a", run=Run("back", 1, ""), base=commit_of("a"), claims={})
    await shop.admit(forward)
    await shop.adopt(close_within="7h")
    await shop.round()

    now = await shop.read(back)
    assert (back["state"], now["state"], now["standard_change"]) == (
        "pending",
        "approved",
        "rollback",
    )
    await shop.admit(now)
    assert (await shop.read(forward))["closed"]["result"] == "rolled_back"


async def test_the_carried_decisions_are_those_whose_approvals_would_still_count(
    small_shop: Shop,
) -> None:
    change = await small_shop.submit("a", claims={"diff.lines_added": 300})
    forget_pauses(small_shop.gate.pauses)
    await small_shop.submit("a", claims={"diff.lines_added": 150})
    forget_pauses(small_shop.gate.pauses)
    await small_shop.submit("a", claims={"diff.lines_added": 300})

    numbers = [
        (record.number, record.decision.band.word, record.carries)
        for record in await small_shop.records(change)
    ]

    assert numbers == [(1, "moderate", ()), (2, "low", (1,)), (3, "moderate", ())]


async def test_another_decision_writes_one_entry_and_one_row_in_the_log(shop: Shop) -> None:
    await shop.adopt(standard_changes=WITHOUT)
    change = await shop.submit("a", description="Peculiar wording")
    await shop.adopt()
    await shop.round()

    first, second = await shop.entries("decision", change)
    rows = as_json(await log.page(shop.gate, LogFilters(words="peculiar"), AUDITOR))["items"]
    listed = (await look.decisions(shop.gate, change["id"], ADMIN)).items
    measures = await shop.measures()
    assert (
        first.fields["number"],
        first.fields["outcome"],
        second.fields["number"],
        second.fields["outcome"],
    ) == (
        1,
        "pending",
        2,
        "approved",
    )
    assert [(row["decision"], row["outcome"]) for row in rows] == [(2, "approved"), (1, "pending")]
    assert [one.decision for one in listed] == [2, 1]
    assert (
        measures["submitted"],
        measures["decided_again"],
        measures["pending"],
        measures["approved"],
    ) == (1, 1, 1, 1)


async def test_waiting_lists_follow(small_shop: Shop) -> None:
    await small_shop.adopt(standard_changes=WITHOUT)
    change = await small_shop.submit("a")
    await small_shop.adopt()
    await small_shop.round()

    items = (await look.changes(small_shop.gate, ChangeFilters(words="checkout"), PIPELINE)).items

    assert [(item.id, item.state) for item in items] == [(change["id"], "approved")]


async def test_one_that_cannot_be_decided_keeps_nobody_else_waiting(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small_shop.adopt(standard_changes=WITHOUT)
    broken, other = await small_shop.submit("a"), await small_shop.submit("b")
    await small_shop.adopt()

    async def failing(gate: Gate, known: Known) -> bool:
        if known.stored.id == broken["id"]:
            raise LookupError("a fault that nobody planned")
        return await decide_again(gate, known)

    monkeypatch.setattr(expire, "decide_again", failing)
    with capture_logs() as logged:
        await small_shop.round()

    assert (await small_shop.read(other))["state"] == "approved"
    failed = [one for one in logged if one["log_level"] == "error"]
    assert [one["change"] for one in failed] == [broken["id"]]


async def test_e24_of_two_that_waited_for_a_third_only_one_deploys_at_a_time(shop: Shop) -> None:
    first = await shop.deploy("a", None)
    waiting = [await shop.submit("b"), await shop.submit("c")]
    await shop.close(first, Result.UNSUCCESSFUL)
    await shop.round()
    now = [await shop.read(change) for change in waiting]

    await shop.admit(now[0])
    with pytest.raises(Conflict, match=f"{now[0]['id']} is deploying here") as refused:
        await shop.admit(now[1])

    assert [change["reasons"][0]["because"].split(";")[0] for change in waiting] == [
        f"{first['id']} is deploying here"
    ] * 2
    assert [change["state"] for change in now] == ["approved", "approved"]
    assert refused.value.problem == "conflict"


async def test_e24_an_automatic_approval_that_nobody_uses_stops_nobody(shop: Shop) -> None:
    unused = await shop.submit("a")

    others = [await shop.submit("b"), await shop.submit("c", service="checkout")]

    assert [change["state"] for change in (unused, *others)] == ["approved"] * 3


async def test_e24_the_finding_names_another_change_when_the_first_one_is_gone(
    small_shop: Shop,
) -> None:
    first, second = [
        await approve(small_shop, await small_shop.submit(large(one)), "farida") for one in "ab"
    ]
    waiting = await small_shop.submit("c")
    await cancel.cancel(small_shop.gate, first["id"], "", PIPELINE)

    await small_shop.round()

    now = await small_shop.read(waiting)
    assert first["id"] in waiting["reasons"][0]["because"]
    assert "(and 1 more in flight)" in waiting["reasons"][0]["because"]
    assert now["reasons"][0]["because"].startswith(
        f"{second['id']} was approved by people and is not deployed yet;"
    )


async def test_the_end_of_a_hold_is_no_reason_to_approve(sqlite_url: str, tmp_path: Path) -> None:
    async with open_shop(sqlite_url, tmp_path, make_files(standard_changes=WITHOUT)) as shop:
        made = await freezes.add(shop.gate, FreezeCommand("x", stop=True), ADA)
        change = await shop.submit("a")
        await freezes.lift(shop.gate, made.id, ADA)
        await shop.round()

        now = await shop.read(change)
        assert (now["state"], now["hold"], now["decision"]["number"]) == ("pending", None, 2)
        assert now["expires_at"] is not None
