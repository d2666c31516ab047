"""The register of improvements: no item is closed without its figure before and after."""

import ast
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.core.change import Result
from gate.core.learning.improvements import Figure, Priority
from gate.errors import Conflict, Invalid, NotAllowed, NotFound
from gate.flow.learning import improvements, proposals
from gate.flow.learning.improvements import ImprovementCommand
from gate.storage.figures.improvements import OPEN_OF_ONE_MAX
from tests.builders import Wire
from tests.flow.learning.test_scorecard import move_sums
from tests.flow.reviewers import person
from tests.flow.shop import ADA, ADMIN, Shop, as_json
from tests.mirror import ROOT

pytestmark = pytest.mark.anyio

FAILED = "recurring_failures:checkout:production"


def wanted(**different: Any) -> ImprovementCommand:
    """An item about checkout in production that is due in ten days."""
    known: dict[str, Any] = {
        "proposal": None,
        "service": "checkout",
        "environment": "production",
        "experiment": "Round in one place only",
        "owner": "team-payments",
        "priority": Priority.PLANNED,
        "due_at": datetime.now(UTC) + timedelta(days=10, minutes=1),
        "figure": Figure.FAIL_RATE,
    }
    return ImprovementCommand(**known | different)


async def begin(shop: Shop, **different: Any) -> Wire:
    """Begin an item, by Farida, who answers for it."""
    return as_json(await improvements.add(shop.gate, wanted(**different), person("farida")))


async def item(shop: Shop) -> Wire:
    """The newest item."""
    found: Wire = as_json(await improvements.listing(shop.gate, ADMIN))["items"][0]
    return found


async def let_days_pass(shop: Shop, days: int) -> None:
    """So many days later, when the worker has made its round."""
    await shop.let_pass(timedelta(days=days))
    await shop.gate.store.write(move_sums, days)
    await shop.round()


async def close(shop: Shop, begun: Wire, by: str = "farida") -> Wire:
    """Close it."""
    answer = await improvements.close(shop.gate, begun["id"], "Half as many", person(by))
    return as_json(answer)


async def test_an_item_is_closed_with_its_figure_before_and_after_and_never_without(
    shop: Shop,
) -> None:
    await shop.deploy("a", Result.UNSUCCESSFUL)
    begun = await begin(shop)
    assert (begun["before"]["value"], begun["before"]["n"], begun["days"]) == (1, 1, 10)
    assert (begun["after"], begun["movement"]) == (None, None)
    with pytest.raises(Conflict, match="is read again on"):
        await close(shop, begun)

    # Nothing is deployed until it is due: there is no figure, so there is no end either.
    await let_days_pass(shop, 21)
    assert (await item(shop))["after"]["value"] is None
    with pytest.raises(Conflict, match="nothing was counted"):
        await close(shop, begun)

    later = datetime.now(UTC) + timedelta(days=5)
    await improvements.postpone(shop.gate, begun["id"], later, person("farida"))
    assert (await item(shop))["after"] is None
    await shop.deploy("b", Result.SUCCESSFUL)
    await let_days_pass(shop, 6)
    closed = await close(shop, begun)

    assert (closed["before"]["value"], closed["after"]["value"]) == (1, 0)
    assert (closed["movement"], closed["after"]["n"]) == ("better", 1)
    assert (closed["finding"], closed["closed_by"]) == ("Half as many", person("farida").caller)
    entries = await shop.entries("improvement")
    assert [one.fields["action"] for one in entries] == [
        *("begun", "measured", "postponed", "measured", "closed")
    ]
    assert [one.fields.get("by") for one in entries if one.fields["action"] != "measured"] == [
        person("farida").caller
    ] * 3
    assert not any("Round in one" in str(one.fields) for one in entries)


async def test_a61_nobody_fills_the_register_alone(shop: Shop) -> None:
    await shop.deploy("a", Result.UNSUCCESSFUL)
    for _ in range(OPEN_OF_ONE_MAX):
        await begin(shop)

    with pytest.raises(Conflict, match="items that you began are open"):
        await begin(shop)

    assert as_json(await improvements.add(shop.gate, wanted(), ADA))["created_by"] == ADA.caller


async def test_whoever_closes_after_the_due_date_does_not_wait_for_the_round(
    small_shop: Shop,
) -> None:
    await small_shop.deploy("a", Result.UNSUCCESSFUL)
    begun = await begin(small_shop)
    await small_shop.let_pass(timedelta(days=11))
    await small_shop.gate.store.write(move_sums, 2)

    closed = await close(small_shop, begun)

    assert (closed["after"]["value"], closed["movement"]) == (1, "unchanged")
    with pytest.raises(Conflict, match="closed already"):
        await close(small_shop, begun)


async def test_the_figure_is_of_the_due_date_however_late_it_is_read(small_shop: Shop) -> None:
    await small_shop.deploy("a", Result.UNSUCCESSFUL)
    begun = await begin(small_shop)
    await small_shop.let_pass(timedelta(days=30))
    await small_shop.gate.store.write(move_sums, 30)
    await small_shop.deploy("b", Result.SUCCESSFUL)

    await small_shop.round()

    with pytest.raises(Conflict, match="nothing was counted"):
        await close(small_shop, begun)


async def test_a_due_date_is_only_ever_moved_away_and_a_figure_stays(small_shop: Shop) -> None:
    await small_shop.deploy("a", Result.UNSUCCESSFUL)
    begun = await begin(small_shop)
    farida, soon = person("farida"), datetime.now(UTC) + timedelta(days=3)
    with pytest.raises(Invalid, match="never measured sooner"):
        await improvements.postpone(small_shop.gate, begun["id"], soon, farida)

    await let_days_pass(small_shop, 0)
    await small_shop.let_pass(timedelta(days=11))
    await small_shop.gate.store.write(move_sums, 2)
    await small_shop.round()

    with pytest.raises(Conflict, match="has its figure"):
        await improvements.postpone(small_shop.gate, begun["id"], soon + timedelta(days=30), farida)


async def test_only_who_answers_for_an_item_postpones_and_closes_it(small_shop: Shop) -> None:
    await small_shop.deploy("a", Result.UNSUCCESSFUL)
    begun = await begin(small_shop)
    later = datetime.now(UTC) + timedelta(days=40)

    for act in (
        improvements.postpone(small_shop.gate, begun["id"], later, person("kofi")),
        improvements.close(small_shop.gate, begun["id"], "Done", person("kofi")),
    ):
        with pytest.raises(NotAllowed, match="team-payments and release-managers"):
            await act
    with pytest.raises(NotFound):
        await improvements.close(small_shop.gate, "imp_nothing", "Done", ADA)
    await improvements.postpone(small_shop.gate, begun["id"], later, ADA)


@pytest.mark.parametrize(
    ("different", "words"),
    [
        ({"service": "chekout"}, "did you mean checkout"),
        ({"owner": "team-payment"}, "did you mean team-payments"),
        ({"due_at": datetime.now(UTC) + timedelta(hours=23)}, "from 1 to 366 days ahead"),
        ({"due_at": datetime.now(UTC) + timedelta(days=400)}, "from 1 to 366 days ahead"),
        ({"figure": Figure.RECOVERY_TIME}, "nothing was counted"),
    ],
)
async def test_an_item_that_could_not_be_measured_is_not_begun(
    small_shop: Shop, different: dict[str, Any], words: str
) -> None:
    await small_shop.deploy("a", Result.UNSUCCESSFUL)

    with pytest.raises(Invalid, match=words):
        await begin(small_shop, **different)

    assert await small_shop.entries("improvement") == []


async def test_a_proposal_is_taken_once_and_is_proposed_again_when_its_item_is_closed(
    small_shop: Shop,
) -> None:
    for letter in "abc":
        await small_shop.deploy(letter, Result.UNSUCCESSFUL)
    begun = await begin(small_shop, proposal=FAILED)

    assert FAILED not in {one.id for one in (await proposals.listing(small_shop.gate)).proposals}
    for proposal in (FAILED, "recurring_failures:web:production"):
        with pytest.raises(Conflict, match="is not proposed now"):
            await begin(small_shop, proposal=proposal)

    await small_shop.let_pass(timedelta(days=11))
    await small_shop.gate.store.write(move_sums, 2)
    await close(small_shop, begun)
    assert FAILED in {one.id for one in (await proposals.listing(small_shop.gate)).proposals}


async def test_a_proposal_is_taken_for_its_own_place(small_shop: Shop) -> None:
    for letter in "abc":
        await small_shop.deploy(letter, Result.UNSUCCESSFUL)

    with pytest.raises(Invalid, match="is about checkout in production"):
        await begin(small_shop, proposal=FAILED, environment="staging")


def test_nothing_that_decides_reads_the_register() -> None:
    read = {"improvements", "issues", "proposals"}
    readers = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "gate").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module is not None
        and node.module.startswith(("gate.storage.figures", "gate.storage.tables.schema_learning"))
        and read & {*node.module.split("."), *(alias.name for alias in node.names)}
    }

    assert readers == {
        "gate/flow/answers/insights/improvement.py",
        "gate/flow/learning/improvements.py",
        "gate/flow/learning/issues.py",
        "gate/flow/learning/proposals.py",
        "gate/storage/figures/concerns.py",
        "gate/storage/figures/improvements.py",
    }
