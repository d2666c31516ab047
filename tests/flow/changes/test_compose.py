"""What is stored of a change says what its decision says: of a new one, and of one decided again."""

from datetime import UTC, datetime, timedelta

import pytest

from gate.core.change import Planned, Run, State
from gate.flow.changes.known import Known, know
from gate.flow.commands import FreezeCommand
from gate.flow.policies import freezes
from tests.flow.shop import ADA, Shop

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


async def known(shop: Shop, change: str) -> Known:
    """The change as it is stored, and its decision in force."""
    found = await shop.gate.store.read(know, shop.gate.rulebooks, change)
    assert found is not None
    return found


def assert_agrees(found: Known) -> None:
    """Every column that follows from the decision in force is as that decision has it."""
    stored, record = found.stored, found.record
    decision, asked = record.decision, record.asked

    assert (stored.decision, stored.decided_at) == (record.number, record.at)
    assert (stored.type, stored.route, stored.outcome) == (
        *(decision.type, decision.route, decision.outcome),
    )
    assert (stored.band, stored.score, stored.policy) == (
        *(decision.band, decision.score, decision.policy),
    )
    assert (stored.standard_change, stored.matched) == (
        *(decision.standard_change, decision.matched_standard_changes),
    )
    assert (stored.hold, stored.excused, stored.would) == (decision.hold, decision.excused, None)
    assert (stored.parallel, stored.close_within_seconds) == (
        *(decision.terms.parallel, decision.terms.close_within_seconds),
    )
    assert stored.subject_digest == record.subject_digest
    assert stored.direction == record.case.facts["change.direction"].value
    assert Planned(stored.planned_start, stored.planned_end) == asked.planned
    assert stored.asked == asked


async def test_a_change_is_stored_as_it_was_decided_and_decided_again(shop: Shop) -> None:
    now = datetime.now(UTC)
    window = await freezes.add(shop.gate, FreezeCommand("Stocktaking", ends=now + 2 * HOUR), ADA)
    change = await shop.submit(
        "a",
        run=Run("7", 2, "deploy"),
        planned=Planned(now - HOUR, now + 3 * HOUR),
        claims={"diff.lines_added": 10, "diff.lines_deleted": 3},
    )

    first = await known(shop, change["id"])
    assert_agrees(first)
    stored, terms = first.stored, first.record.decision.terms
    assert (stored.state, stored.lines, stored.failed) == (State.PENDING, 13, False)
    assert (stored.run_id, stored.run_attempt, stored.run_step) == ("7", 2, "deploy")
    assert stored.time_left == timedelta(seconds=terms.expires_after_seconds)
    assert (stored.settled_at, stored.expires_at, stored.admitted_at) == (None, None, None)

    await freezes.lift(shop.gate, window.id, ADA)
    await shop.round()

    again = await known(shop, change["id"])
    assert_agrees(again)
    assert (again.stored.decision, again.stored.state) == (2, State.APPROVED)
    assert (again.stored.hold, again.stored.time_left, again.stored.expires_at) == (None,) * 3
    assert again.stored.settled_at is not None
    assert again.stored.valid_until is not None
