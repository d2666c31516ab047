"""The control page says what the policies in force serve, and nothing that they do not."""

from datetime import timedelta
from pathlib import Path

import pytest

import gate
from gate.core.policy.controls import FRAMEWORKS, KNOWN, entries
from gate.core.policy.set import read_policies
from gate.flow.audit.controls import controls
from gate.flow.audit.reports import REPORTS
from tests.builders import Wire
from tests.flow.shop import SIZE, Shop, as_json

pytestmark = pytest.mark.anyio
GROUNDS = "why: It failed before, control: [soc2:CC8.1, own:17], review_by: 2026-01-31"


async def shown(shop: Shop) -> dict[str, Wire]:
    found = as_json(await controls(shop.gate))
    return {one["id"]: one for one in found["controls"]}


async def test_a_rule_stands_at_each_control_that_it_names(small_shop: Shop) -> None:
    assert (await shown(small_shop))["soc2:CC8.1"]["served_by"] == []

    await small_shop.adopt(rules=f"[{SIZE[:-1]}, {GROUNDS}}}]")
    await small_shop.gate.rulebooks.refresh()
    found = await shown(small_shop)

    for name in ("soc2:CC8.1", "own:17"):
        (rule,) = found[name]["served_by"]
        assert (rule["policy"], rule["kind"], rule["id"]) == ("production", "rule", "size")
        assert (rule["why"], rule["review_by"]) == ("It failed before", "2026-01-31")
    assert (found["own:17"]["framework"], found["own:17"]["asks"]) == ("own", None)
    assert found["nist:AU-9"]["served_by"] == []


async def test_a_rule_whose_day_has_passed_is_listed(small_shop: Shop) -> None:
    await small_shop.adopt(rules=f"[{SIZE[:-1]}, {GROUNDS}}}]")
    await small_shop.gate.rulebooks.refresh()
    small_shop.hands.ahead = timedelta(days=3650)

    (overdue,) = (await controls(small_shop.gate)).overdue

    assert (overdue.id, overdue.overdue) == ("size", True)


async def test_what_only_is_evaluated_serves_no_control(small_shop: Shop) -> None:
    await small_shop.adopt(rules=f"[{SIZE[:-1]}, {GROUNDS}}}]", mode="evaluate")
    await small_shop.gate.rulebooks.refresh()

    assert "own:17" not in await shown(small_shop)


def test_every_known_control_is_of_a_known_framework_and_names_reports_there_are() -> None:
    asked = {"soc2:CC8.1", "iso27001:A.8.32", "pci:6.5.1", "nist:CM-3", "nist:AU-9", "nist:AU-10"}
    assert asked <= KNOWN.keys()
    for name, control in KNOWN.items():
        assert name.partition(":")[0] in FRAMEWORKS
        assert set(control.reports) <= set(REPORTS), name


def test_every_shipped_rule_says_why_and_for_which_control() -> None:
    folder = Path(gate.__file__).parents[1] / "policies"
    files = {path.name: path.read_text() for path in folder.glob("*.yaml")}

    for one in entries(read_policies(files).all):
        assert one.grounds.why, one.id
        assert one.grounds.control, one.id
