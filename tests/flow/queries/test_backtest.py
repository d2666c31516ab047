"""Other policies tried on what was imported: a history that the gate never decided."""

from datetime import UTC, datetime, timedelta

import pytest

from gate.flow.answers.backtest import OutcomeCount, TriedOn
from gate.flow.queries.backtest import BacktestCommand, backtest
from tests.flow.observing import watching
from tests.flow.queries.test_rehearsal import (
    LARGE,
    SMALL,
    bring,
    broke,
    deployed,
    row_of,
)
from tests.flow.shop import ADMIN, EVERYDAY, Shop, make_files

pytestmark = pytest.mark.anyio

STRICTER = make_files(
    bands="{moderate: 5, high: 60, critical: 90}", standard_changes=f"[{EVERYDAY}]"
)

TWELVE = {**SMALL, "diff.lines_added": 12}


async def test_an_imported_history_is_tried_apart_from_the_log(observing: Shop) -> None:
    await observing.adopt(watching(standard_changes=f"[{EVERYDAY}]"))
    await bring(
        observing.gate,
        [*row_of("0123", facts=TWELVE), deployed("4", 30, facts=LARGE)],
        [broke(39.95)],
    )

    log, imported = [
        await backtest(observing.gate, BacktestCommand(STRICTER, history=one), ADMIN)
        for one in (TriedOn.LOG, TriedOn.IMPORTED)
    ]

    assert (log.history, log.changes) == (TriedOn.LOG, 0)
    assert (imported.history, imported.changes, imported.failed) == (TriedOn.IMPORTED, 5, 1)
    # The large one waited before, too; of the small ones each waits now, and one of them failed.
    assert imported.newly_escalated == OutcomeCount(4, 1)
    assert imported.newly_approved == OutcomeCount(0, 0)
    assert await observing.submitted() == 0


async def test_only_imported_deployments_of_the_time_are_tried(observing: Shop) -> None:
    await bring(observing.gate, row_of("0123"))
    begins = datetime.now(UTC) - timedelta(hours=43)
    command = BacktestCommand(STRICTER, begins, history=TriedOn.IMPORTED)

    found = await backtest(observing.gate, command, ADMIN)

    # The earlier ones are still the history that these meet.
    assert (found.changes, found.from_) == (2, begins)
