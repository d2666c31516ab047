"""What people say about links, what a remedy says, and when either suspends a standard change."""

from datetime import UTC, datetime

import pytest

from gate.core.change import Result
from gate.errors import Conflict, NotFound
from gate.flow.incidents import ties
from tests.builders import commit_of, make_change
from tests.flow.breaking import BEN, HOUR, facts_of_next, failed, methods, open_incidents, report
from tests.flow.shop import ADA, Shop, as_json

pytestmark = pytest.mark.anyio

BAD, BACK = Result.UNSUCCESSFUL, Result.ROLLED_BACK
SUSPENDED = (
    "[{id: everyday, title: Everyday, owner: platform, authorised_by: [release-managers], when: "
    "[diff.lines_added < 100], up_to: low, earn: none, suspend: {failures: 1, within: 5}}]"
)


# What a person says


async def test_a_link_that_a_person_removes_takes_back_everything_that_was_counted(
    shop: Shop,
) -> None:
    await shop.deploy("a")
    before = await facts_of_next(shop)
    incident = await report(shop)
    counted = await facts_of_next(shop, "d")

    view = as_json(
        await ties.unlink(
            shop.gate, incident["id"], incident["links"][0]["id"], "It was the cable", ADA
        )
    )

    entry = (await shop.entries("link"))[-1]
    after = await facts_of_next(shop, "c")
    names = [name for name in before if name.startswith("history.") and "fail" in name]
    assert view["links"] == []
    assert (entry.fields["action"], entry.fields["by"], "cable" in str(entry)) == (
        "removed",
        ADA.caller,
        False,
    )
    assert counted["history.failures"] == counted["history.path_failures"] == 1
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    assert (await shop.gate.store.read(failed), (await shop.measures())["failed"]) == ([], 0)


async def test_a_change_that_failed_by_itself_stays_failed_without_the_incident(
    small_shop: Shop,
) -> None:
    await small_shop.deploy("a", BAD)
    incident = await report(small_shop)

    await ties.unlink(
        small_shop.gate, incident["id"], incident["links"][0]["id"], "It was the cable", ADA
    )

    assert await small_shop.gate.store.read(failed) == ["a"]
    assert (await small_shop.measures())["failed"] == 1


async def test_what_a_person_untied_is_not_tied_again_by_the_gate(small_shop: Shop) -> None:
    change = await small_shop.deploy("a", None)
    incident = await report(small_shop, id="INC-1")
    await ties.unlink(
        small_shop.gate, incident["id"], incident["links"][0]["id"], "It was the cable", ADA
    )

    again = await report(small_shop, id="INC-1", severity="high")
    await small_shop.close(change, BACK)

    assert again["links"] == []
    assert (await open_incidents(small_shop))[0]["links"] == []


async def test_a_person_ties_and_confirms(shop: Shop) -> None:
    first = await shop.deploy("a")
    second = await shop.deploy("b", base=commit_of("a"))
    incident = await report(shop)

    tied = await ties.link(shop.gate, incident["id"], first["id"], "The query is of this one", ADA)
    confirmed = await ties.link(
        shop.gate, incident["id"], second["id"], "And this made it worse", BEN
    )

    assert (tied.is_new, confirmed.is_new) == (True, False)
    assert methods(as_json(confirmed.answer)) == [(second["id"], "window"), (first["id"], "manual")]
    assert as_json(confirmed.answer)["links"][0]["confirmed"]["by"] == BEN.caller
    assert as_json(confirmed.answer)["links"][1]["reason"] == "The query is of this one"
    assert [entry.fields["action"] for entry in await shop.entries("link")] == [
        "linked",
        "linked",
        "confirmed",
    ]
    assert await shop.gate.store.read(failed) == ["a", "b"]


async def test_a_link_is_made_and_removed_once(small_shop: Shop) -> None:
    change = await small_shop.deploy("a")
    incident = await report(small_shop, changes=(change["id"],))
    link = incident["links"][0]["id"]

    again = await ties.link(small_shop.gate, incident["id"], change["id"], "Yes", ADA)
    await ties.unlink(small_shop.gate, incident["id"], link, "No", ADA)

    assert (again.is_new, len(as_json(again.answer)["links"])) == (False, 1)
    with pytest.raises(Conflict, match="removed before"):
        await ties.unlink(small_shop.gate, incident["id"], link, "No", ADA)
    with pytest.raises(NotFound, match="has no link"):
        await ties.unlink(small_shop.gate, incident["id"], "lnk_other", "No", ADA)
    with pytest.raises(NotFound, match="there is no change"):
        await ties.link(small_shop.gate, incident["id"], "chg_other", "Yes", ADA)
    with pytest.raises(NotFound, match="there is no incident"):
        await ties.link(small_shop.gate, "inc_other", change["id"], "Yes", ADA)


# Standard changes


async def outcome_of(shop: Shop, letter: str) -> str:
    """What the next small change is told."""
    return str((await shop.submit(make_change(letter, base=commit_of("a"))))["state"])


async def test_a_link_by_the_window_suspends_only_after_a_day(shop: Shop) -> None:
    await shop.adopt(standard_changes=SUSPENDED)
    await shop.deploy("a")
    await report(shop)
    at_once = await outcome_of(shop, "b")

    await shop.let_pass_hours(23.9)
    await ties.judge_due(shop.gate)
    nearly = await outcome_of(shop, "c")
    await shop.let_pass_hours(0.2)
    judged = [await ties.judge_due(shop.gate) for _ in range(2)]

    assert (at_once, nearly, await outcome_of(shop, "d")) == ("approved", "approved", "pending")
    assert judged == [1, 0]
    assert [entry.fields["action"] for entry in await shop.entries("standard_change")] == [
        "suspended"
    ]


async def test_a_link_by_the_window_suspends_when_a_person_confirms_it(shop: Shop) -> None:
    await shop.adopt(standard_changes=SUSPENDED)
    change = await shop.deploy("a")
    incident = await report(shop)

    await ties.link(shop.gate, incident["id"], change["id"], "It was this", ADA)

    assert await outcome_of(shop, "b") == "pending"


async def test_a_link_that_was_corrected_in_time_never_suspends(small_shop: Shop) -> None:
    await small_shop.adopt(standard_changes=SUSPENDED)
    await small_shop.deploy("a")
    incident = await report(small_shop)

    await ties.unlink(
        small_shop.gate, incident["id"], incident["links"][0]["id"], "It was the cable", ADA
    )
    await small_shop.let_pass_hours(25)

    assert await ties.judge_due(small_shop.gate) == 0
    assert await outcome_of(small_shop, "b") == "approved"


@pytest.mark.parametrize("how", ["explicit", "rollback", "manual"])
async def test_every_other_link_suspends_at_once(small_shop: Shop, how: str) -> None:
    await small_shop.adopt(standard_changes=SUSPENDED)
    change = await small_shop.deploy("a", None if how == "rollback" else Result.SUCCESSFUL)
    if how == "explicit":
        await report(small_shop, changes=(change["id"],))
    elif how == "rollback":
        await report(small_shop)
        await small_shop.close(change, BACK)
    else:
        incident = await report(small_shop, began_at=datetime.now(UTC) - HOUR)
        await ties.link(small_shop.gate, incident["id"], change["id"], "It was this", ADA)

    assert await outcome_of(small_shop, "b") == "pending"


# Remedies


async def test_a_change_that_is_repaired_by_another_one_failed(shop: Shop) -> None:
    broken = await shop.deploy("a")

    remedy = await shop.deploy("b", None, base=commit_of("a"), remediates=broken["id"])
    (going_on,) = await open_incidents(shop)
    await shop.close(remedy)

    (over,) = await open_incidents(shop)
    assert methods(going_on) == [(broken["id"], "remediates")]
    assert (going_on["source"], going_on["resolved_at"]) == ("gate", None)
    assert over["resolved_at"] is not None
    assert await shop.gate.store.read(failed) == ["a"]


async def test_a_remedy_that_was_only_asked_for_says_nothing(small_shop: Shop) -> None:
    broken = await small_shop.deploy("a")

    await small_shop.submit("b", base=commit_of("a"), remediates=broken["id"])

    assert await small_shop.gate.store.read(failed) == []


async def test_a_remedy_on_its_way_through_another_environment_says_nothing_there(
    small_shop: Shop,
) -> None:
    broken = await small_shop.deploy("a")

    await small_shop.deploy("b", environment="staging", remediates=broken["id"])

    assert await small_shop.gate.store.read(failed) == []


async def test_a_remedy_is_better_evidence_than_the_time_and_takes_what_goes_on(shop: Shop) -> None:
    broken = await shop.deploy("a")
    incident = await report(shop)

    await shop.deploy("b", base=commit_of("a"), remediates=broken["id"])

    found = await open_incidents(shop)
    assert [one["id"] for one in found] == [incident["id"]]
    assert methods(found[0]) == [(broken["id"], "remediates")]


async def test_what_a_person_untied_is_not_tied_again_by_another_remedy(small_shop: Shop) -> None:
    broken = await small_shop.deploy("a")
    await small_shop.deploy("b", base=commit_of("a"), remediates=broken["id"])
    (incident,) = await open_incidents(small_shop)
    await ties.unlink(
        small_shop.gate, incident["id"], incident["links"][0]["id"], "It never broke", ADA
    )

    await small_shop.deploy("c", base=commit_of("b"), remediates=broken["id"])

    assert await small_shop.gate.store.read(failed) == []


@pytest.mark.parametrize("named", ["chg_" + "0" * 26, "itself"])
async def test_a_remedy_of_nothing_says_nothing(small_shop: Shop, named: str) -> None:
    await small_shop.deploy("a", remediates=named)

    assert await open_incidents(small_shop) == []
