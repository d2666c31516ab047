"""Measures that other systems send: they are kept, corrected and shown, and they decide nothing."""

import ast
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.errors import Conflict, Invalid, NotAllowed
from gate.flow.caller import HookKind, Machine, Role
from gate.flow.changes.evaluate import evaluate_change
from gate.flow.learning.measures import MeasureCommand, keep
from gate.storage.figures.measures import NAMES_MAX
from tests.builders import make_change
from tests.flow.learning.test_scorecard import card
from tests.flow.shop import ADA, PIPELINE, Shop, as_json
from tests.mirror import ROOT

pytestmark = pytest.mark.anyio


def measure(name: str = "satisfaction", value: float = 4.5, **different: Any) -> MeasureCommand:
    """A measure of now; `value` is what a caller would send."""
    known: dict[str, Any] = {
        "service": "checkout",
        "environment": None,
        "name": name,
        "unit": "of 5",
        "value": round(value * 10_000),
        "at": datetime.now(UTC),
    }
    return MeasureCommand(**known | different)


def test_nothing_that_decides_reads_measures() -> None:
    readers = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "gate").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and (
            node.module == "gate.storage.figures.measures"
            or (
                node.module in {"gate.storage.figures", "gate.storage.tables.schema_learning"}
                and "measures" in {alias.name for alias in node.names}
            )
        )
    }

    assert readers == {
        "gate/flow/learning/measures.py",
        "gate/flow/learning/scorecard.py",
        "gate/storage/figures/measures.py",
        "gate/storage/privacy/prune.py",
    }


async def test_a_measure_changes_no_fact_and_no_decision(small_shop: Shop) -> None:
    change = make_change("a")
    before = as_json(await evaluate_change(small_shop.gate, change, PIPELINE))

    for name in ("satisfaction", "diff.lines_added", "history.failures", "risk"):
        await keep(small_shop.gate, measure(name, 0), ADA)
        await keep(small_shop.gate, measure(name, 9_999, environment="production"), ADA)

    after = as_json(await evaluate_change(small_shop.gate, change, PIPELINE))
    assert (after["facts"].keys(), after["risk"], after["reasons"]) == (
        before["facts"].keys(),
        before["risk"],
        before["reasons"],
    )


async def test_a_token_sends_measures_of_its_services_only(small_shop: Shop) -> None:
    hook = Machine("h", Role.HOOK, frozenset({"web"}), hook=HookKind.INCIDENTS)

    with pytest.raises(NotAllowed, match="this token is for web, not for checkout"):
        await keep(small_shop.gate, measure(), hook)


@pytest.mark.parametrize(
    ("different", "words"),
    [
        ({"service": "chekout"}, "did you mean checkout"),
        ({"environment": "prodution"}, "did you mean production"),
        ({"at": datetime.now(UTC) + timedelta(days=2)}, "in the future"),
    ],
)
async def test_a_measure_that_cannot_be_right_is_refused(
    small_shop: Shop, different: dict[str, Any], words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        await keep(small_shop.gate, measure(**different), ADA)


async def test_a_service_has_few_measures_and_each_may_be_corrected(small_shop: Shop) -> None:
    at = datetime.now(UTC) - timedelta(minutes=1)
    for number in range(NAMES_MAX):
        await keep(small_shop.gate, measure(f"m{number:02}", 1, at=at), ADA)

    with pytest.raises(Conflict, match=f"allowed are {NAMES_MAX}"):
        await keep(small_shop.gate, measure("one-more", 1, at=at), ADA)
    await keep(small_shop.gate, measure("m00", 2, at=at), ADA)

    customer = (await card(small_shop))["customer"]
    assert (len(customer), customer[0]["name"], customer[0]["value"]) == (NAMES_MAX, "m00", 2)


async def test_measures_stand_beside_the_value_before_and_availability_with_what_broke(
    small_shop: Shop,
) -> None:
    at, earlier = (datetime.now(UTC) - timedelta(days=days) for days in (1, 45))
    await keep(small_shop.gate, measure(value=3.25, at=earlier), ADA)
    await keep(small_shop.gate, measure(value=4.5, at=at), ADA)
    await keep(small_shop.gate, measure("availability", 0.9995, unit="", at=at), ADA)
    await keep(small_shop.gate, measure("cost", -12, environment="staging", at=at), ADA)

    found = await card(small_shop)

    (satisfaction,) = found["customer"]
    assert (satisfaction["name"], satisfaction["value"], satisfaction["before"]) == (
        "satisfaction",
        4.5,
        3.25,
    )
    assert found["stability"]["availability"]["value"] == 0.9995
