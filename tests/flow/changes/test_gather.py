"""What a decision is made from: claims within their trust, the gate's own history, the catalogue,
the calendar.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.core.change import Result, Run
from gate.core.facts import Value
from gate.flow.changes.evaluate import evaluate_change
from gate.flow.queries import look
from tests.builders import SMALL, commit_of, make_change
from tests.flow.reviewers import approve, large
from tests.flow.shop import (
    EVERYDAY,
    PIPELINE,
    Shop,
    as_json,
    make_files,
    open_shop,
    policy_text,
    reason,
    with_runbook,
)

pytestmark = pytest.mark.anyio

PATHS: Mapping[str, Value] = {**SMALL, "diff.files": ("src/pay/card.py", "README.md")}


async def facts_of(shop: Shop, letter: str = "a", **different: Any) -> dict[str, Any]:
    """The values of all facts that a change would be decided by."""
    view = as_json(await evaluate_change(shop.gate, make_change(letter, **different), PIPELINE))
    return {name: fact["value"] for name, fact in view["facts"].items()}


# Claims


@pytest.mark.parametrize(
    ("base", "words"),
    [
        pytest.param(commit_of("9"), "was measured from 999999999999", id="another base"),
        pytest.param(None, "names no base", id="no base"),
    ],
)
async def test_a_diff_from_another_base_than_what_runs_counts_as_unknown(
    small_shop: Shop, base: str | None, words: str
) -> None:
    await small_shop.deploy("a")

    change = await small_shop.submit("b", base=base)

    assert change["state"] == "pending"
    assert words in reason(change, "base-differs")["because"]
    assert (
        reason(change, "size")["because"]
        == "unknown: lines added; counted as the worst case, 30 points"
    )
    assert "diff.files" not in await facts_of(small_shop, "b", base=base)


async def test_a_diff_from_what_runs_counts(small_shop: Shop) -> None:
    await small_shop.deploy("a")

    change = await small_shop.submit("b", base=commit_of("a"))

    assert change["state"] == "approved"
    assert "base-differs" not in {one["rule"] for one in change["reasons"]}


async def test_a_base_is_free_as_long_as_nothing_was_successful_here(small_shop: Shop) -> None:
    await small_shop.deploy("a", Result.UNSUCCESSFUL)

    assert (await small_shop.submit("b", base=commit_of("9")))["state"] == "approved"


async def test_whoever_claims_no_diff_is_not_told_about_its_base(small_shop: Shop) -> None:
    await small_shop.deploy("a")

    assert "base-differs" not in {
        one["rule"] for one in (await small_shop.submit("b", claims={}))["reasons"]
    }


async def test_a15_a_claim_outside_the_trust_is_shown_and_unknown(
    sqlite_url: str, tmp_path: Path
) -> None:
    files = make_files(
        requirements="[{id: seen, title: Seen, require: [reviews.approvals >= 1], otherwise: "
        "review}]"
    )
    async with open_shop(sqlite_url, tmp_path, files) as shop:
        change = await shop.submit("a", claims={**SMALL, "reviews.approvals": 2})

        assert change["state"] == "pending"
        assert reason(change, "seen")["because"] == (
            "claimed, not counted: approving reviews (2); production trusts author, change, "
            "checks, diff; required: any approving reviews"
        )
        assert reason(change, "seen")["facts"] == {
            "reviews.approvals": {"value": 2, "origin": "claimed"}
        }


@pytest.mark.parametrize(
    ("different", "fact", "value"),
    [
        pytest.param(
            {"rollback_plan": "Turn it off"}, "change.has_rollback_plan", True, id="a plan is there"
        ),
        pytest.param({}, "change.has_rollback_plan", False, id="no plan is there"),
        pytest.param(
            {"claims": {"change.has_test_plan": True}},
            "change.has_test_plan",
            True,
            id="a plan elsewhere",
        ),
        pytest.param(
            {"remediates": "chg_" + "0" * 26},
            "change.remediates",
            True,
            id="it repairs another one",
        ),
        pytest.param({"artifacts": ()}, "artifact.count", 0, id="no artifact"),
        pytest.param({}, "artifact.has_digest", True, id="an artifact with its digest"),
        pytest.param({}, "service.tier", 1, id="catalogue"),
        pytest.param({"environment": "live"}, "environment.name", "production", id="a second name"),
        pytest.param(
            {"service": "unheard-of"},
            "service.known",
            False,
            id="a service that the catalogue lacks",
        ),
        pytest.param({}, "calendar.frozen", False, id="calendar"),
        pytest.param({}, "change.first_deployment", True, id="nothing was ever here"),
    ],
)
async def test_what_the_request_and_the_catalogue_say(
    small_shop: Shop, different: dict[str, Any], fact: str, value: Value
) -> None:
    assert (await facts_of(small_shop, **different))[fact] == value


# Where it goes


async def directions(shop: Shop, *letters: str) -> list[tuple[str, int]]:
    """What each of these would be now, and how long ago it ran here."""
    found = [await facts_of(shop, letter) for letter in letters]
    return [(facts["change.direction"], facts["change.ran_here_days_ago"]) for facts in found]


async def test_directions_follow_what_was_admitted_and_what_succeeded(shop: Shop) -> None:
    assert await directions(shop, "a") == [("forward", 3650)]

    await shop.deploy("a")
    assert await directions(shop, "a", "b") == [("redeploy", 3650), ("forward", 3650)]

    await shop.let_pass_hours(49)
    await shop.deploy("b", base=commit_of("a"), result=Result.UNSUCCESSFUL)
    await shop.let_pass_hours(73)

    assert await directions(shop, "a", "b", "c") == [
        ("rollback", 3),
        ("redeploy", 3650),
        ("forward", 3650),
    ]


async def test_what_failed_here_is_never_rolled_back_to(shop: Shop) -> None:
    await shop.deploy("a", Result.ROLLED_BACK)
    await shop.deploy("b", Result.SUCCESSFUL_ISSUES)
    await shop.deploy("c", base=commit_of("b"))

    assert [direction for direction, _ in await directions(shop, "a", "b", "c")] == [
        "forward",
        "rollback",
        "redeploy",
    ]


async def test_a_rebuilt_artifact_of_the_last_commit_is_no_redeployment(small_shop: Shop) -> None:
    await small_shop.deploy("a")

    assert (await facts_of(small_shop, "a", artifacts=()))["change.direction"] == "forward"


async def test_history_is_of_one_service_in_one_environment(small_shop: Shop) -> None:
    await small_shop.deploy("a", Result.UNSUCCESSFUL)

    here = await facts_of(small_shop, "b")
    others = [
        await facts_of(small_shop, "b", service="web"),
        await facts_of(small_shop, "b", environment="staging"),
    ]

    assert (
        here["history.changes"],
        here["history.failures"],
        here["history.days_since_failure"],
    ) == (1, 1, 0)
    assert [
        (facts["history.changes"], facts["history.failures"], facts["history.days_since_failure"])
        for facts in others
    ] == [(0, 0, 3650)] * 2


# Sums and paths


async def test_failures_are_counted_for_every_path(shop: Shop) -> None:
    await shop.deploy("a", Result.UNSUCCESSFUL, claims=PATHS)
    await shop.deploy("b", Result.SUCCESSFUL, claims=PATHS)

    touching = await facts_of(
        shop, "c", claims={"diff.files": ("src/pay/cash.py",)}, base=commit_of("b")
    )
    same = await facts_of(shop, "c", claims={"diff.files": ("README.md",)}, base=commit_of("b"))
    unknown = await facts_of(shop, "c", claims={})

    assert (touching["history.path_failure_rate"], touching["history.path_failures"]) == (0.1428, 0)
    assert (same["history.path_failure_rate"], same["history.path_failures"]) == (0.1428, 1)
    assert not {"history.path_failure_rate", "history.path_failures"} & unknown.keys()


SIMILAR = (
    "history.similar_changes",
    "history.similar_failures",
    "history.similar_failure_rate",
    "history.days_since_similar",
    "history.last_similar_failed",
)


async def test_similar_changes_are_those_of_the_same_kinds_of_files(shop: Shop) -> None:
    await shop.deploy("a", Result.UNSUCCESSFUL, claims=PATHS)
    await shop.let_pass_hours(30)
    await shop.deploy("b", Result.SUCCESSFUL, claims=PATHS)
    await shop.let_pass_hours(50)

    same = await facts_of(
        shop, "c", claims={"diff.files": ("lib/x.py", "b.md")}, base=commit_of("b")
    )
    odd = await facts_of(
        shop, "c", claims={"diff.files": ("lib/x.py", "b.md", "odd.sql")}, base=commit_of("b")
    )
    unknown = await facts_of(shop, "c", claims={}, base=commit_of("b"))

    assert [same[name] for name in SIMILAR] == [2, 1, 0.5, 2, False]
    # One odd file makes it unlike any other, and then nothing good is known of it.
    assert {name: odd[name] for name in SIMILAR if name in odd} == {"history.similar_changes": 0}
    assert not set(SIMILAR) & unknown.keys()


async def test_sums_are_of_the_last_day_and_of_what_was_admitted(shop: Shop) -> None:
    await shop.deploy("a")
    await shop.let_pass_hours(20)
    await shop.deploy("b", base=commit_of("a"))
    await shop.submit("c", base=commit_of("b"))

    today = await facts_of(shop, "d")
    await shop.let_pass_hours(5)
    later = await facts_of(shop, "d")

    assert (today["history.changes_last_24h"], today["history.lines_last_24h"]) == (2, 14)
    assert (later["history.changes_last_24h"], later["history.lines_last_24h"]) == (1, 7)


async def test_the_sum_of_lines_is_unknown_where_one_of_them_is(small_shop: Shop) -> None:
    small = {name: value for name, value in SMALL.items() if name != "diff.lines_deleted"}
    await small_shop.deploy("a", environment="staging")
    await small_shop.deploy("b", environment="staging", base=commit_of("a"), claims=small)

    facts = await facts_of(small_shop, "c", environment="staging")

    assert facts["history.changes_last_24h"] == 2
    assert "history.lines_last_24h" not in facts


# In flight


@pytest.mark.parametrize(("parallel", "state"), [("refuse", "pending"), ("allow", "approved")])
async def test_another_change_in_flight(
    database_url: str, tmp_path: Path, parallel: str, state: str
) -> None:
    async with open_shop(database_url, tmp_path, make_files(parallel=parallel)) as shop:
        first = await approve(shop, await shop.submit(large("a")), "farida")
        beside_an_approved_one = await shop.submit("b")
        await shop.admit(first)
        beside_a_deploying_one = await shop.submit("c")

        assert (beside_an_approved_one["state"], beside_a_deploying_one["state"]) == (state, state)
        in_the_way = [
            one["reasons"][0]["because"].startswith(first["id"])
            for one in (beside_an_approved_one, beside_a_deploying_one)
        ]
        assert in_the_way == [state == "pending"] * 2


async def test_a_deployment_that_was_never_closed_is_in_flight_until_its_time_is_over(
    small_shop: Shop,
) -> None:
    await small_shop.deploy("a", None)

    in_time = await facts_of(small_shop, "b")
    await small_shop.let_pass_hours(7)
    late = await facts_of(small_shop, "b")

    assert (in_time["conflicts.in_flight"], late["conflicts.in_flight"]) == (1, 0)


async def test_a_dependency_in_flight_is_a_fact_in_its_environment(small_shop: Shop) -> None:
    other = await small_shop.submit("a", service="ledger")
    automatic = (await facts_of(small_shop, "b"))["conflicts.dependency_in_flight"]
    await small_shop.admit(other)

    assert automatic is False  # it counts from its admission
    assert (await facts_of(small_shop, "b"))["conflicts.dependency_in_flight"] is True
    assert (await facts_of(small_shop, "b", environment="staging"))[
        "conflicts.dependency_in_flight"
    ] is False
    assert (await facts_of(small_shop, "b", service="web"))[
        "conflicts.dependency_in_flight"
    ] is False


# Standard changes


EARNED = (
    "[{id: earned, title: Earned, owner: platform, authorised_by: [release-managers], "
    "when: [diff.lines_added < 100], up_to: low,"
    " earn: {successes: 2, settle: 24h}, suspend: {failures: 2, within: 5}}]"
)


@pytest.fixture
async def earning(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """The only standard change in production has to be earned."""
    async with open_shop(database_url, tmp_path, make_files(standard_changes=EARNED)) as shop:
        yield shop


async def history(shop: Shop, *results: Result) -> None:
    """Deployments that another standard change let pass; afterwards there is only the one that has
    to be earned.
    """
    await shop.adopt(standard_changes=f"{EARNED[:-1]}, {EVERYDAY}]")
    for number, result in enumerate(results):
        await shop.deploy(
            str(number), result, base=await running(shop), run=Run(f"run {number}", 1, "deploy")
        )
    await shop.adopt(standard_changes=EARNED)


async def running(shop: Shop) -> str | None:
    """The commit that runs in production."""
    found = as_json(await look.place(shop.gate, "checkout", "production", PIPELINE))["running"]
    return found["commit"] if found else None


OK, ISSUES, BAD = Result.SUCCESSFUL, Result.SUCCESSFUL_ISSUES, Result.UNSUCCESSFUL


@pytest.mark.parametrize(
    ("results", "because"),
    [
        pytest.param(
            [],
            "Earned is not earned here yet: 0 of 2 successes in a row are settled, and no "
            "other one waits to settle",
            id="none",
        ),
        pytest.param(
            [OK],
            "Earned is not earned here yet: 1 of 2 successes in a row are settled, and no "
            "other one waits to settle",
            id="one is too few",
        ),
        pytest.param(
            [OK, OK, BAD],
            "Earned is not earned here yet: 0 of 2 successes in a row are settled, and no "
            "other one waits to settle",
            id="a failure ends the row",
        ),
        pytest.param(
            [OK, ISSUES, ISSUES],
            "Earned is not earned here yet: 1 of 2 successes in a row are settled, and no "
            "other one waits to settle",
            id="with issues counts neither way",
        ),
        pytest.param(
            [OK, BAD, BAD, OK, OK],
            "Earned is suspended here: 2 of the last 3 failed, the limit is 2",
            id="suspended",
        ),
    ],
)
async def test_a_standard_change_that_is_not_earned_waits_for_people(
    earning: Shop, results: list[Result], because: str
) -> None:
    await history(earning, *results)
    earning.hands.ahead = timedelta(hours=25)

    change = await earning.submit("f", base=await running(earning))

    assert (change["state"], change["reasons"][0]["because"]) == ("pending", because)


@pytest.mark.parametrize(
    "results",
    [
        pytest.param([OK, OK], id="enough"),
        pytest.param([BAD, OK, ISSUES, OK], id="after a failure"),
    ],
)
async def test_a_standard_change_is_earned_by_successes_that_have_settled(
    earning: Shop, results: list[Result]
) -> None:
    await history(earning, *results)
    base = await running(earning)

    too_soon = await earning.submit("e", base=base)
    earning.hands.ahead = timedelta(hours=25)
    settled = await earning.submit("f", base=base)

    assert (too_soon["state"], settled["state"], settled["standard_change"]) == (
        "pending",
        "approved",
        "earned",
    )


async def test_the_same_commit_again_earns_nothing(earning: Shop) -> None:
    await earning.adopt(standard_changes=f"{EARNED[:-1]}, {EVERYDAY}]")
    for number in range(3):
        await earning.deploy("a", base=await running(earning), run=Run(str(number), 1, ""))
    await earning.adopt(standard_changes=EARNED)
    earning.hands.ahead = timedelta(hours=25)

    change = await earning.submit("f", base=commit_of("a"))

    assert (
        change["reasons"][0]["because"]
        == "Earned is not earned here yet: 1 of 2 successes in a row are settled, and no "
        "other one waits to settle"
    )


async def test_what_one_service_has_earned_is_not_anothers(earning: Shop) -> None:
    await history(earning, OK, OK)
    earning.hands.ahead = timedelta(hours=25)

    assert (await earning.submit("f", service="ledger"))["state"] == "pending"


async def test_a_suspension_stands_in_the_ledger_once(earning: Shop) -> None:
    await history(earning, BAD, BAD, BAD)

    (entry,) = await earning.entries("standard_change")

    assert dict(entry.fields) == {
        "standard_change": "earned",
        "action": "suspended",
        "service": "checkout",
        "environment": "production",
        "because": "2 of the last 2 failed, the limit is 2",
    }


async def test_a_shadow_policy_suspends_nothing(sqlite_url: str, tmp_path: Path) -> None:
    mild = EARNED.replace("earn: {successes: 2, settle: 24h}", "earn: none")
    shadow = policy_text(
        "zz-candidate", mode="evaluate", standard_changes=mild.replace("failures: 2", "failures: 1")
    )
    async with open_shop(
        sqlite_url, tmp_path, make_files(standard_changes=mild) | {"shadow.yaml": shadow}
    ) as shop:
        await shop.deploy("a", Result.UNSUCCESSFUL)

        assert (await shop.submit("b"))["state"] == "approved"
        assert await shop.entries("standard_change") == []


# Links


RUNBOOK = "[{id: runbook, title: There is a runbook, require: [service.has_runbook]}]"


async def test_a_link_that_a_policy_requires_holds_a_change_up_until_it_is_added(
    small_shop: Shop,
) -> None:
    files = make_files(requirements=RUNBOOK)
    await small_shop.adopt(files)

    waits = await small_shop.submit("a")
    await small_shop.adopt(files | {"catalog.yaml": with_runbook("https://wiki.example.com/it")})
    passes = await small_shop.submit("b")

    assert (waits["state"], passes["state"]) == ("pending", "approved")
    assert reason(waits, "runbook")["because"] == (
        "the service has no runbook; required: the service has a runbook; "
        "add links.runbook to the service in catalog.yaml"
    )


async def test_of_a_service_that_the_catalogue_lacks_a_required_link_is_not_there(
    small_shop: Shop,
) -> None:
    await small_shop.adopt(make_files(requirements=RUNBOOK))

    change = await small_shop.submit("a", service="chekout")

    assert (change["state"], reason(change, "runbook")["holds"]) == ("pending", None)
