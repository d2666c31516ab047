"""How a deployment ended: who may say so, what a later word changes, and what is learned from
it.
"""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, select

from gate.core.change import Result, Run
from gate.errors import Conflict, NotAllowed, NotFound
from gate.flow.caller import ChangeHolder, Machine, Role
from gate.flow.queries import look
from gate.storage.tables import schema
from tests.builders import SMALL, commit_of
from tests.flow.shop import ADA, ADMIN, AUDITOR, OTHER_PIPELINE, PIPELINE, Shop, as_json

pytestmark = pytest.mark.anyio

OK, ISSUES, BAD, BACK = (
    Result.SUCCESSFUL,
    Result.SUCCESSFUL_ISSUES,
    Result.UNSUCCESSFUL,
    Result.ROLLED_BACK,
)


def texts(conn: Connection) -> list[str]:
    """Everything that people wrote."""
    return list(
        conn.execute(select(schema.texts.c.text).where(schema.texts.c.name.is_(None))).scalars()
    )


async def test_whoever_cannot_see_the_change_finds_nothing(small_shop: Shop) -> None:
    change = await small_shop.deploy("a", None)

    for by in (
        Machine("b", Role.PIPELINE, frozenset({"web"})),
        ChangeHolder("chg_" + "0" * 26, PIPELINE.caller),
        Machine("h", Role.HOOK),
    ):
        with pytest.raises(NotFound):
            await small_shop.close(change, OK, by)


@pytest.mark.parametrize("by", [ADA, ADMIN, AUDITOR])
async def test_only_a_pipeline_reports(small_shop: Shop, by: Any) -> None:
    change = await small_shop.deploy("a", None)

    with pytest.raises(NotAllowed, match="may close this change"):
        await small_shop.close(change, OK, by)


@pytest.mark.parametrize(
    "run", [Run("a", 2, "deploy"), Run("a", 1, "other step"), Run("b", 1, "deploy")]
)
async def test_another_run_does_not_close_it(small_shop: Shop, run: Run) -> None:
    change = await small_shop.deploy("a", None)

    with pytest.raises(Conflict, match="close the change of your own run"):
        await small_shop.close(change, BAD, run=run)

    assert (await small_shop.read(change))["state"] == "deploying"


async def test_a_report_closes_the_change_and_stands_in_the_ledger_without_its_words(
    shop: Shop,
) -> None:
    change = await shop.deploy("a", None)

    closed = await shop.close(change, ISSUES, notes="The cache was cold", run=Run("a", 1, "deploy"))

    (entry,) = await shop.entries("closure")
    assert (closed["state"], closed["closed"]["result"], closed["closed"]["notes"]) == (
        "closed",
        "successful_issues",
        "The cache was cold",
    )
    assert closed == await shop.read(change)
    assert (entry.change, dict(entry.fields)) == (
        change["id"],
        {"by": "token:pipeline", "result": "successful_issues", "matched": True},
    )
    assert "cache" not in str(entry)


ORDER = [OK, ISSUES, BAD, BACK]


@pytest.mark.parametrize("first", ORDER)
@pytest.mark.parametrize("then", ORDER)
async def test_a_later_word_only_makes_it_worse(
    small_shop: Shop, first: Result, then: Result
) -> None:
    change = await small_shop.deploy("a", first)
    before = await small_shop.entries(), await small_shop.gate.store.read(texts)

    closed = await small_shop.close(change, then, notes="Another word", by=OTHER_PIPELINE)

    worse = ORDER.index(then) > ORDER.index(first)
    measures = await small_shop.measures()
    assert closed["closed"]["result"] == (then if worse else first)
    assert measures.get("failed", 0) == (
        1 if {first, then} & {BAD, BACK} and (worse or first in {BAD, BACK}) else 0
    )
    assert measures.get(f"worsened_{then}", 0) == worse
    assert measures[f"closed_{first}"] == 1
    if worse:
        assert [entry.fields["result"] for entry in await small_shop.entries("closure")] == [
            first,
            then,
        ]
    else:
        assert (await small_shop.entries(), await small_shop.gate.store.read(texts)) == before


async def test_a_failure_that_is_reported_later_counts_for_its_paths_and_what_runs(
    shop: Shop,
) -> None:
    await shop.deploy("a")
    change = await shop.deploy("b", base=commit_of("a"))
    assert as_json(await look.place(shop.gate, "checkout", "production", PIPELINE))["running"][
        "commit"
    ] == commit_of("b")

    await shop.close(change, BAD)

    place = as_json(await look.place(shop.gate, "checkout", "production", PIPELINE))
    assert (place["running"]["commit"], place["in_flight"]) == (commit_of("a"), [])
    facts = (
        (
            await look.decisions(
                shop.gate, (await shop.submit("c", base=commit_of("a")))["id"], ADMIN
            )
        )
        .items[0]
        .facts
    )
    assert (facts["history.failures"].value, facts["history.path_failures"].value) == (1, 1)


@pytest.mark.parametrize("state", ["pending", "approved"])
async def test_what_was_never_admitted_is_a_finding_and_changes_nothing(
    shop: Shop, state: str
) -> None:
    change = await shop.submit("a", claims={} if state == "pending" else SMALL)
    before = await shop.read(change)

    answer = await shop.close(change, OK, notes="By hand")

    (entry,) = await shop.entries("closure")
    assert answer["reasons"][0]["rule"] == "unmatched_deployment"
    assert {**answer, "reasons": answer["reasons"][1:]} == before == await shop.read(change)
    assert dict(entry.fields) == {"by": "token:pipeline", "result": "successful", "matched": False}
    assert not {name for name in await shop.measures() if name.startswith("closed")}


async def test_reports_that_meet_are_each_kept_once(shop: Shop) -> None:
    change = await shop.deploy("a", None)

    answers = await asyncio.gather(
        *(shop.close(change, result) for result in (OK, BAD, OK, BAD, BACK) * 2)
    )

    entries = [entry.fields["result"] for entry in await shop.entries("closure")]
    assert (await shop.read(change))["closed"]["result"] == "rolled_back"
    assert entries == sorted(set(entries), key=[one.value for one in ORDER].index)
    assert (await shop.measures())["failed"] == 1
    assert {answer["state"] for answer in answers} == {"closed"}


async def test_an_admission_that_comes_between_makes_no_report_unmatched(small_shop: Shop) -> None:
    change = await small_shop.submit("a")

    admitted, closed = await asyncio.gather(
        small_shop.admit(change), small_shop.close(change), return_exceptions=True
    )

    assert isinstance(admitted, dict)
    assert isinstance(closed, dict)
    matched = [entry.fields["matched"] for entry in await small_shop.entries("closure")]
    assert matched == [closed["state"] == "closed"]
