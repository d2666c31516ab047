"""What a window is said to hold is what it holds as soon as it is declared."""

from datetime import UTC, datetime, timedelta

import pytest

from gate.flow.commands import FreezeCommand
from gate.flow.policies import freezes
from gate.flow.queries import look
from gate.flow.queries.effect import effect
from gate.storage.changes.change_list import ChangeFilters
from tests.flow.shop import ADA, ADMIN, Shop

pytestmark = pytest.mark.anyio

LARGE = {"diff.lines_added": 220, "diff.files": ("a.py",), "diff.files_changed": 1}
ENDS = datetime.now(UTC) + timedelta(hours=2)
WINDOWS = {
    "everything": FreezeCommand("x", ends=ENDS),
    "one service": FreezeCommand("x", ends=ENDS, services=("web",)),
    "one environment": FreezeCommand("x", ends=ENDS, environments=("production",)),
    "another name of it": FreezeCommand("x", ends=ENDS, environments=("prod",)),
    "the whole line": FreezeCommand("x", stop=True),
    "the line of one service": FreezeCommand("x", stop=True, services=("checkout",)),
}


async def held(shop: Shop) -> set[str]:
    """The changes that say that something holds them."""
    await shop.round()
    page = await look.changes(shop.gate, ChangeFilters(), ADMIN)
    return {one.id for one in page.items if one.hold is not None}


@pytest.mark.parametrize("name", WINDOWS)
async def test_as_many_are_held_as_was_said(shop: Shop, name: str) -> None:
    await shop.submit("a", claims=LARGE)
    await shop.submit("b", claims=LARGE, service="web")
    await shop.submit("c", service="web", environment="staging")
    running = await shop.submit("d")
    await shop.admit(running)
    await freezes.add(shop.gate, FreezeCommand("first", ends=ENDS, services=("ledger",)), ADA)
    await shop.submit("e", claims=LARGE, service="ledger")
    before = await held(shop)

    said = await effect(shop.gate, WINDOWS[name])
    assert await held(shop) == before, "asking declares nothing"
    await freezes.add(shop.gate, WINDOWS[name], ADA)

    assert (len(await held(shop) - before), len(before)) == (said.holds, 1)
    assert said.holds > 0 or name == "the line of one service"
