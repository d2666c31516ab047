"""Any decision is made again from its record alone: the same, or every difference; and whoever
changed the record or the policies afterwards is found out.
"""

from collections.abc import Iterable

import pytest
from sqlalchemy import select, update

from gate.cli.ledger.replays import replay_lines
from gate.errors import NotFound
from gate.flow.audit.replay import replayed
from gate.flow.caller import Machine, Role
from gate.flow.changes import review
from gate.flow.commands import ReviewCommand
from gate.ledger.export import Faults
from gate.storage.database.tx import Tx
from gate.storage.tables.schema import decisions
from gate.storage.tables.schema_policies import policy_sets
from tests.builders import Wire
from tests.flow.ledger.exported import exported, found_in, settle
from tests.flow.ledger.test_export import LARGE, live_through_all
from tests.flow.shop import ADA, AUDITOR, Shop, as_json, make_files

pytestmark = pytest.mark.anyio


async def again(shop: Shop, change: Wire, number: int | None = None) -> Wire:
    """Its decision, made again."""
    return as_json(await replayed(shop.gate, change["id"], number, AUDITOR))


def differences_in(lines: Iterable[bytes]) -> list[str]:
    faults = Faults()
    replay_lines(lines, faults)
    return [what for _, what in faults]


async def test_a_decision_is_the_same_again_whatever_is_in_force_now(shop: Shop) -> None:
    passed = await shop.submit("a")
    waits = await shop.submit("b", claims=LARGE, service="web")
    await shop.adopt(rules="[{id: any, title: Any, points_by: diff.lines_added, steps: {1: 90}}]")

    for change in (passed, waits):
        found = await again(shop, change, 1)
        assert (found["same"], found["differences"]) == (True, [])
        assert found["recorded"] == found["recomputed"]
        assert found["recorded"]["reasons"] == change["reasons"]
        assert found["recorded"]["outcome"] == change["outcome"]


async def test_every_decision_of_a_change_is_replayed_by_its_number(shop: Shop) -> None:
    change = await shop.submit("b", claims=LARGE)
    await shop.adopt(rules="[{id: any, title: Any, points_by: diff.lines_added, steps: {1: 50}}]")
    await shop.submit("b", claims=LARGE)

    assert [(await again(shop, change, number))["same"] for number in (1, 2)] == [True, True]
    assert (await again(shop, change))["decision"] == 2
    with pytest.raises(NotFound, match="has no decision 3"):
        await again(shop, change, 3)


async def test_a_pipeline_of_another_service_replays_nothing(shop: Shop) -> None:
    change = await shop.submit("a")
    stranger = Machine("stranger", Role.PIPELINE, frozenset({"web"}))

    with pytest.raises(NotFound, match="there is no change"):
        await replayed(shop.gate, change["id"], None, stranger)


async def test_a64_a_record_that_was_changed_is_not_the_same_again(shop: Shop) -> None:
    change = await shop.submit("a")
    before = await again(shop, change)
    await shop.gate.store.write(tamper, b'"in_flight":[0', b'"in_flight":[3')

    found = await again(shop, change)

    assert before["same"]
    assert not found["same"]
    assert found["differences"][0].startswith("the ledger has the digest")
    assert "outcome was recorded as approved" in " ".join(found["differences"])
    assert found["recomputed"]["outcome"] == "pending"


async def test_policies_that_were_changed_in_the_database_decide_nothing(shop: Shop) -> None:
    change = await shop.submit("a")
    await settle(shop)
    key = (await shop.gate.signing.own()).verifier
    files = make_files(
        rules="[{id: size, title: Size, points_by: diff.lines_added, steps: {1: 1}}]"
    )
    await shop.gate.store.write(replace_policies, files)

    found = await again(shop, change)

    assert not found["same"]
    assert found["recomputed"] is None
    assert "have the revision" in found["differences"][0]
    said = " ".join(what for _, what in found_in(await exported(shop), key))
    assert "not those that were registered here" in said


async def test_a_whole_export_is_decided_again(shop: Shop) -> None:
    await live_through_all(shop)
    faults = Faults()

    said = replay_lines(await exported(shop), faults)

    assert (list(faults), said) == (
        [],
        "decided again: 6 decisions, each the same as recorded",
    )


async def test_a_record_in_an_export_that_its_policies_do_not_give_is_found(shop: Shop) -> None:
    change = await shop.submit("b", claims=LARGE)
    await review.approve(
        shop.gate, change["id"], ReviewCommand(change["subject_digest"], "ok"), ADA
    )
    await settle(shop)
    lines = await exported(shop)
    forged = [line.replace(b'"score":30', b'"score":3') for line in lines]
    without = [line for line in lines if not line.startswith(b'{"policies"')]

    assert differences_in(lines) == []
    assert "score was recorded as 3, recomputed it is 30" in differences_in(forged)[0]
    assert "are not here" in differences_in(without)[0]


def tamper(tx: Tx, before: bytes, now: bytes) -> None:
    """Change the records themselves, with the trigger off that forbids it."""
    tx.execute("DROP TRIGGER decisions_no_update" + (" ON decisions" if tx.is_postgres else ""))
    for change, record in tx.conn.execute(select(decisions.c.change_id, decisions.c.record)).all():
        assert before in bytes(record)
        changed = bytes(record).replace(before, now)
        tx.conn.execute(
            update(decisions).where(decisions.c.change_id == change).values(record=changed)
        )


def replace_policies(tx: Tx, files: dict[str, str]) -> None:
    for identity, kept in tx.conn.execute(select(policy_sets.c.id, policy_sets.c.files)).all():
        tx.conn.execute(
            update(policy_sets)
            .where(policy_sets.c.id == identity)
            .values(files={**kept, "production.yaml": files["production.yaml"]})
        )
