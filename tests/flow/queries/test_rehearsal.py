"""Imported deployments: what the gate would have said of them, and that nothing else knows of
them.
"""

import ast
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.core.change import Result, Run
from gate.core.facts import Value
from gate.core.past import PastDeployment, PastFacts, PastIncident
from gate.flow.answers.written import named
from gate.flow.changes.evaluate import evaluate_change
from gate.flow.gate import Gate
from gate.flow.queries.delivery import DeliveryQuery, figures
from gate.flow.queries.look import place
from gate.flow.queries.observations import observations
from gate.flow.queries.rehearsal import rehearse
from gate.storage.database.tx import Tx
from gate.storage.figures import past
from tests.builders import Wire, commit_of, make_change
from tests.flow.observing import EARNED, NEVER, watching
from tests.flow.shop import ADMIN, EVERYDAY, PIPELINE, ROLLBACK, Shop, as_json, open_shop
from tests.mirror import ROOT

pytestmark = pytest.mark.anyio

SMALL: dict[str, Value] = {
    "diff.lines_added": 5,
    "diff.lines_deleted": 1,
    "diff.files": ("src/cart.py",),
}
LARGE: dict[str, Value] = {**SMALL, "diff.lines_added": 800}


def deployed(
    letter: str,
    hours_ago: float,
    result: Result = Result.SUCCESSFUL,
    facts: dict[str, Value] | None = SMALL,
    **different: Any,
) -> PastDeployment:
    """One that took six minutes."""
    began_at = datetime.now(UTC) - timedelta(hours=hours_ago)
    made = PastDeployment(
        source="csv",
        key=f"{letter} {hours_ago}",
        service="checkout",
        environment="production",
        commit=commit_of(letter),
        began_at=began_at,
        ended_at=began_at + timedelta(minutes=6),
        result=result,
        facts=None if facts is None else PastFacts(verified=facts, is_named=True),
    )
    return replace(made, **different)


def row_of(letters: str, every_hours: float = 2, **different: Any) -> list[PastDeployment]:
    """One after the other, the last one 40 hours ago."""
    ages = [40 + every_hours * n for n in range(len(letters))][::-1]
    return [deployed(one, hours, **different) for one, hours in zip(letters, ages, strict=True)]


def broke(hours_ago: float) -> PastIncident:
    """An incident of the service."""
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    return PastIncident("csv", f"i {hours_ago}", "checkout", None, at, None)


async def bring(
    gate: Gate, found: Sequence[PastDeployment], incidents: Sequence[PastIncident] = ()
) -> None:
    """As `gate import` does."""

    def keep(tx: Tx) -> None:
        past.keep_deployments(tx, found, tx.now)
        past.keep_incidents(tx, incidents, tx.now)

    await gate.store.write(keep)


async def seen(shop: Shop, **different: Any) -> Wire:
    """The whole report on checkout in production."""
    ask = DeliveryQuery(**{"service": "checkout", "environment": "production", **different})
    return as_json(named(await observations(shop.gate, ask, ADMIN)))


async def would(shop: Shop) -> Wire:
    """What the imported ones would have been."""
    found: Wire = (await seen(shop))["imported"]["would"]
    return found


# What is imported opens nothing


def questions() -> list[Any]:
    """Changes that a history could help: the commit that ran last, one that ran before it, and one
    that never ran.
    """
    return [make_change(letter, run=Run(letter)) for letter in "af9"]


async def everything_decided(shop: Shop) -> list[Wire]:
    """All that the gate says by itself of a place, beside the report on what was imported."""
    report = await seen(shop)
    del report["imported"], report["from"], report["to"]
    decided = [
        as_json(await evaluate_change(shop.gate, change, PIPELINE)) for change in questions()
    ]
    rates = as_json(named(await figures(shop.gate, DeliveryQuery("checkout", "production"))))
    del rates["from"], rates["to"]
    here = as_json(await place(shop.gate, "checkout", "production", ADMIN))
    return [report, *decided, rates, here]


def without_times(answers: list[Wire]) -> list[Wire]:
    """The facts of the clock differ from one moment to the next."""
    for one in answers:
        one.pop("at", None)
        for name in ("calendar.hour", "calendar.weekday"):
            one.get("facts", {}).pop(name, None)
    return answers


@pytest.mark.parametrize("mode", ["observe", "enforce"])
async def test_h5_what_is_imported_was_never_admitted_and_changes_no_decision(
    database_url: str, tmp_path: Path, mode: str
) -> None:
    standards = EARNED.replace("[", f"[{EVERYDAY.replace('low', 'moderate')}, {ROLLBACK}, ", 1)
    files = watching(mode, standard_changes=standards)
    async with open_shop(database_url, tmp_path, files) as shop:
        before = without_times(await everything_decided(shop))
        await bring(shop.gate, row_of("0123456789abcdef", every_hours=30), [broke(339.9)])

        after = without_times(await everything_decided(shop))

        assert (await seen(shop))["imported"]["standard_changes"][0]["earned"] > 0
        assert after == before
        change = await shop.submit("f")
        assert change["reasons"]
        assert await shop.submitted() == 1


def test_h5_nothing_that_decides_reads_what_was_imported() -> None:
    readers = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "gate").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and (
            node.module in {"gate.storage.tables.schema_past", "gate.storage.figures.past"}
            or (
                node.module in {"gate.storage.tables", "gate.storage.figures"}
                and {alias.name for alias in node.names} & {"schema_past", "past"}
            )
        )
    }

    assert readers == {
        "gate/cli/past/target.py",
        "gate/flow/queries/backtest.py",
        "gate/flow/queries/observations.py",
        "gate/storage/figures/past.py",
        # These delete what is too old, and what names somebody who is erased. They decide nothing.
        "gate/storage/privacy/prune.py",
        "gate/storage/privacy/whose.py",
    }


# What would have been said


async def test_h5_without_an_import_there_is_no_such_report(observing: Shop) -> None:
    assert (await seen(observing))["imported"] is None


async def test_h5_small_ones_pass_large_ones_wait_and_a_policy_refuses(observing: Shop) -> None:
    await bring(observing.gate, [deployed("a", 9), deployed("b", 6, facts=LARGE)])

    assert await would(observing) == {"approved": 1, "pending": 1, "rejected": 0}

    await observing.adopt(watching(requirements=NEVER))
    assert await would(observing) == {"approved": 0, "pending": 0, "rejected": 2}


async def test_h5_unknown_is_the_worst_case(observing: Shop) -> None:
    await bring(observing.gate, [deployed("a", 9, facts=None), deployed("b", 6, facts={})])

    assert await would(observing) == {"approved": 0, "pending": 2, "rejected": 0}
    assert (await seen(observing))["imported"]["without_facts"] == 1


async def test_h5_nobody_who_wrote_it_is_never_automatic(observing: Shop) -> None:
    await bring(observing.gate, [replace(deployed("a", 9), facts=PastFacts(verified=SMALL))])

    assert (await would(observing))["approved"] == 0


async def test_h5_the_calendar_of_that_time_counts(observing: Shop) -> None:
    ended = datetime.now(UTC) - timedelta(hours=5)
    window = f"begins: {ended - timedelta(days=9):%Y-%m-%dT%H:%M}, ends: {ended:%Y-%m-%dT%H:%M}"
    calendar = f"time_zone: UTC\nfreezes: [{{id: closing, reason: Closing, {window}}}]\n"
    await observing.adopt({**watching(), "calendar.yaml": calendar})
    await bring(observing.gate, [deployed("a", 9), deployed("b", 3)])

    assert await would(observing) == {"approved": 1, "pending": 1, "rejected": 0}


async def test_h5_another_deployment_in_flight_would_have_held_it(observing: Shop) -> None:
    long = deployed("a", 9)
    await bring(
        observing.gate,
        [replace(long, ended_at=long.began_at + timedelta(hours=2)), deployed("b", 8)],
    )

    assert await would(observing) == {"approved": 1, "pending": 1, "rejected": 0}


async def test_h5_going_back_is_a_rollback_only_where_it_ran_well_before(observing: Shop) -> None:
    await observing.adopt(watching(standard_changes=f"[{ROLLBACK}]"))
    await bring(
        observing.gate,
        [
            deployed("a", 20, facts=LARGE),
            deployed("b", 18, Result.ROLLED_BACK, facts=LARGE),
            deployed("a", 17, facts=LARGE),
            deployed("b", 16, facts=LARGE),
        ],
    )

    assert await would(observing) == {"approved": 1, "pending": 3, "rejected": 0}


async def test_h5_a_standard_change_is_earned_by_what_had_settled_by_then(observing: Shop) -> None:
    await observing.adopt(watching(standard_changes=EARNED))
    await bring(observing.gate, row_of("01234567", every_hours=10))

    # five have settled for a day before the eighth begins
    assert await would(observing) == {"approved": 1, "pending": 7, "rejected": 0}
    assert (await seen(observing))["imported"]["standard_changes"] == [
        {"id": "earned", "title": "Earned", "earned": 8, "of": 5}
    ]


async def test_h5_similar_deployments_are_counted_as_far_as_was_known(observing: Shop) -> None:
    files = {**SMALL, "diff.files": ("db/0.sql",)}
    played = [*row_of("0123"), deployed("4", 30, facts=files), deployed("5", 29)]
    book = await observing.gate.rulebooks.current()

    facts = [one.facts for one in rehearse(book, played, [broke(39.95), broke(29.5)]).done[-2:]]

    named = [
        {
            name.removeprefix("history."): fact.value
            for name, fact in one.items()
            if "similar" in name
        }
        for one in facts
    ]
    assert named == [
        {"similar_changes": 0},
        {
            "similar_changes": 4,
            "similar_failures": 1,
            "similar_failure_rate": 2500,
            "days_since_similar": 0,
            "last_similar_failed": True,
        },
    ]


async def test_h5_a_failure_ends_the_row_from_when_it_was_known(observing: Shop) -> None:
    await observing.adopt(watching(standard_changes=EARNED))
    await bring(observing.gate, row_of("01234567", every_hours=10), [broke(49.95)])

    report = (await seen(observing))["imported"]

    assert report["would"]["approved"] == 0
    assert (report["failed"], report["failed_stopped"]) == (1, 1)
    assert report["standard_changes"] == [{"id": "earned", "title": "Earned", "earned": 1, "of": 5}]


async def test_h5_only_the_time_that_was_asked_for_is_counted(observing: Shop) -> None:
    await bring(observing.gate, [deployed("a", 24 * 60), deployed("b", 24)])
    now = observing.gate.clock()

    recent = (await seen(observing))["imported"]
    all_of_it = (await seen(observing, begins=now - timedelta(days=90), ends=now))["imported"]

    assert (recent["deployments"], all_of_it["deployments"]) == (1, 2)


async def test_h5_another_place_is_another_report(observing: Shop) -> None:
    await bring(observing.gate, [deployed("a", 9, environment="staging")])

    assert (await seen(observing))["imported"] is None


async def test_h5_imported_twice_it_is_there_once_and_what_is_known_stays(observing: Shop) -> None:
    await bring(observing.gate, [deployed("a", 9), deployed("b", 5)])
    await bring(observing.gate, [deployed("a", 9, facts=None), deployed("b", 5, facts=None)])

    report = (await seen(observing))["imported"]

    assert (report["deployments"], report["without_facts"]) == (2, 0)


async def test_h5_the_rules_that_made_the_risk_are_said(observing: Shop) -> None:
    await bring(observing.gate, [deployed("a", 9, facts=LARGE), deployed("b", 6, facts=LARGE)])

    said = (await seen(observing))["imported"]["suggestions"]

    assert "risk in 2 of them, 30 points on average: Larger changes fail more often" in said


async def test_h5_what_stood_in_the_way_is_said(observing: Shop) -> None:
    await observing.adopt(watching(requirements=NEVER.replace("reject", "review")))
    await bring(observing.gate, [deployed("a", 9), deployed("b", 6)])

    said = (await seen(observing))["imported"]["suggestions"]

    assert said[0].startswith("2 of the last 2 that would not have passed: not proved: Never")
    assert said[1].startswith("would have waited for release-managers or ")
