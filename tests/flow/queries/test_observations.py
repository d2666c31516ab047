"""What an observing gate would have done: counted by outcome, with what to do before it enforces."""

from datetime import timedelta
from typing import Any

import pytest

from gate.core.change import Result, Run
from gate.core.instants import clock
from gate.errors import Invalid
from gate.flow.answers.written import named
from gate.flow.commands import FreezeCommand
from gate.flow.policies import freezes
from gate.flow.queries.delivery import DeliveryQuery
from gate.flow.queries.observations import observations
from tests.builders import Wire, commit_of
from tests.flow.observing import EARNED, NEVER, watching
from tests.flow.reviewers import approve, large
from tests.flow.shop import ADA, ADMIN, Shop, as_json

pytestmark = pytest.mark.anyio


async def seen(shop: Shop, **different: Any) -> Wire:
    """Of checkout in production."""
    query = DeliveryQuery(**{"service": "checkout", "environment": "prod", **different})
    return as_json(named(await observations(shop.gate, query, ADMIN)))


async def deploy(shop: Shop, letter: str, result: Result | None, **different: Any) -> None:
    """One after the other, each against what runs."""
    await shop.deploy(large(letter) if different.pop("is_large", False) else letter, result)


async def test_h2_admitted_changes_are_counted_by_what_they_would_have_been(
    observing: Shop,
) -> None:
    await deploy(observing, "a", Result.UNSUCCESSFUL)
    await deploy(observing, "b", Result.UNSUCCESSFUL, is_large=True)
    await deploy(observing, "c", Result.SUCCESSFUL, is_large=True)
    await observing.adopt(watching(requirements=NEVER))
    await deploy(observing, "d", Result.ROLLED_BACK)
    await observing.submit("e")  # never admitted

    answer = await seen(observing)

    assert answer["would"] == {"approved": 1, "pending": 2, "rejected": 1}
    assert (answer["changes"], answer["failed"], answer["failed_stopped"]) == (4, 3, 2)
    assert (answer["service"], answer["environment"]) == ("checkout", "production")
    assert answer["waiting_seconds"] == {"p50": None, "p90": None}


async def test_h2_what_would_have_waited_only_at_its_admission_counts_as_waiting(
    small_shop: Shop,
) -> None:
    await small_shop.adopt(watching())
    beside = [await small_shop.submit(letter) for letter in "ab"]
    for change in beside:
        await small_shop.admit(change)

    assert (await seen(small_shop))["would"] == {"approved": 1, "pending": 1, "rejected": 0}


async def test_h2_what_is_enforced_is_no_observation_but_says_how_long_people_take(
    small_shop: Shop,
) -> None:
    change = await small_shop.submit(large())
    await small_shop.let_pass(timedelta(minutes=5))
    await approve(small_shop, change, "ada")
    await small_shop.admit(await small_shop.read(change))

    answer = await seen(small_shop)

    assert (answer["changes"], answer["would"]["pending"]) == (0, 0)
    assert answer["waiting_seconds"]["p50"] >= 300


async def test_h2_standard_changes_say_how_far_they_are_earned(observing: Shop) -> None:
    await observing.adopt(watching(standard_changes=EARNED))
    base: str | None = None
    for letter in "abc":
        await observing.deploy(letter, base=base)
        base = commit_of(letter)
    before = await seen(observing)
    await observing.let_pass_hours(25)

    after = await seen(observing)

    named = {"id": "earned", "title": "Earned", "of": 5}
    assert before["standard_changes"] == [{**named, "earned": 0}]
    assert after["standard_changes"] == [{**named, "earned": 3}]


async def test_h2_suggestions_name_the_rule_and_the_people(small_shop: Shop) -> None:
    await small_shop.adopt(watching(requirements=NEVER))
    await deploy(small_shop, "a", Result.SUCCESSFUL)
    await small_shop.adopt(watching())
    await deploy(small_shop, "b", Result.SUCCESSFUL, is_large=True)

    too_few, *others = (await seen(small_shop))["suggestions"]

    assert "2 of the 20 to switch by" in too_few
    assert any("not proved: Never" in one for one in others)
    assert any("would have waited for release-managers or " in one for one in others)


async def test_h2_a_freeze_is_named_by_its_reason_and_a_clock_time(observing: Shop) -> None:
    ends = (observing.gate.clock() + timedelta(days=1)).replace(microsecond=0)
    await freezes.add(observing.gate, FreezeCommand("The index moves", ends=ends), ADA)
    await deploy(observing, "a", Result.SUCCESSFUL)

    said = " ".join((await seen(observing))["suggestions"])

    assert f": frozen until {clock(ends)}: The index moves" in said
    assert "frz_" not in said
    assert "Frozen:" not in said


async def test_h2_many_that_would_have_passed_make_it_safe(small_shop: Shop) -> None:
    await small_shop.adopt(watching(parallel="allow"))
    base: str | None = None
    for number, letter in enumerate("abcdef0123456789abcd"):
        await small_shop.deploy(letter, base=base, run=Run(str(number)))
        base = commit_of(letter)

    assert "safe to enforce" in (await seen(small_shop))["suggestions"][0]


@pytest.mark.parametrize("hours", [0, -1, 24 * 367])
async def test_h2_a_time_that_is_empty_or_too_long_is_refused(small_shop: Shop, hours: int) -> None:
    now = small_shop.gate.clock()

    with pytest.raises(Invalid, match="366 days"):
        await seen(small_shop, begins=now - timedelta(hours=hours), ends=now)


async def test_e26_a_place_that_is_not_there_is_said_to_be_unknown(observing: Shop) -> None:
    misspelt, known = await seen(observing, service="chekout"), await seen(observing)

    assert misspelt["unknown"] == ["the catalogue has no service chekout; did you mean checkout?"]
    assert known["unknown"] == []
