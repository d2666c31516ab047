"""What happens by itself goes on for every change but the one that fails."""

import pytest
from sqlalchemy import literal_column, update
from structlog.testing import capture_logs

from gate.flow.changes import expire
from gate.flow.pauses import PAUSE_SECONDS
from gate.storage.database.tx import Tx
from gate.storage.tables.schema import changes
from tests.builders import Wire
from tests.flow.shop import Shop, forget_pauses

pytestmark = pytest.mark.anyio

AT_ONCE = 3
"""How many changes a round takes in these tests."""


@pytest.fixture(autouse=True)
def small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round that is full of what fails is a few changes."""
    monkeypatch.setattr(expire, "BATCH", AT_ONCE)


def break_(tx: Tx, change: str) -> None:
    """Nobody can read this change any more."""
    tx.conn.execute(update(changes).where(changes.c.id == change).values(band=literal_column("99")))


async def broken(shop: Shop, letters: str) -> None:
    """Changes that wait for people, and that nobody can read."""
    for letter in letters:
        change = await shop.submit(letter, claims={}, service="web")
        await shop.gate.store.write(break_, change["id"])


async def test_d20_changes_that_cannot_be_decided_again_never_stop_the_others(shop: Shop) -> None:
    await shop.adopt(standard_changes="[]")
    await broken(shop, "abcd")
    waiting = await shop.submit("e")
    await shop.adopt()

    rounds = [await after_a_round(shop, waiting) for _ in range(3)]

    assert rounds == [
        "pending",
        "approved",
        "approved",
    ]  # of four that fail, three are tried in the first round
    assert set_back(shop) == 4


async def test_d20_changes_that_cannot_expire_never_stop_the_others(shop: Shop) -> None:
    await broken(shop, "abcd")
    late = await shop.submit("e", claims={})
    await shop.let_pass_hours(25)

    rounds = [await after_a_round(shop, late) for _ in range(2)]

    assert rounds == ["pending", "expired"]


async def test_what_failed_is_tried_again_after_a_pause(small_shop: Shop) -> None:
    await broken(small_shop, "a")
    await small_shop.let_pass_hours(25)
    await one_round(small_shop)
    await one_round(small_shop)
    before = set_back(small_shop)

    forget_pauses(small_shop.gate.setbacks)  # as if PAUSE_SECONDS had gone by
    await one_round(small_shop)

    assert (before, set_back(small_shop), PAUSE_SECONDS <= 10) == (1, 2, True)


async def after_a_round(shop: Shop, change: Wire) -> str:
    """What is written in its row after the next round."""
    await one_round(shop)
    row = await shop.gate.store.read(
        lambda conn: conn.execute(changes.select().where(changes.c.id == change["id"])).one()
    )
    return str(row.state)


async def one_round(shop: Shop) -> None:
    """One round of the worker, after whose failures nothing is forgotten."""
    forget_pauses(shop.gate.pauses)
    with capture_logs():  # to print many tracebacks takes longer than a round
        await expire.expire_due(shop.gate)
        await expire.decide_due(shop.gate)


def set_back(shop: Shop) -> int:
    """How often the worker failed, as an operator reads it."""
    lines = shop.gate.metrics.exposition().decode().splitlines()
    return int(
        float(
            next(line for line in lines if line.startswith("gate_change_setbacks_total ")).split()[
                1
            ]
        )
    )
