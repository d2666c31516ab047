"""Refusals in the ledger: of whom, how often, and never in the way of anybody."""

from typing import Any

import pytest

from gate.errors import Unavailable
from gate.flow import refusals
from gate.flow.refusals import PAUSE_SECONDS, Refusals, Refused
from gate.flow.refuse import record_refusal
from tests.flow.shop import Shop

pytestmark = pytest.mark.anyio

ADA = Refused("person:ada", "approval", "not_allowed")


class Hand:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.at


@pytest.fixture
def hand() -> Hand:
    """At zero."""
    return Hand()


def test_the_same_is_told_once_within_the_pause_and_counted_meanwhile(hand: Hand) -> None:
    memory = Refusals(hand)

    first = [memory.due(ADA) for _ in range(1_000)]
    hand.at = PAUSE_SECONDS - 0.01
    late = memory.due(ADA)
    hand.at = PAUSE_SECONDS
    second = [memory.due(ADA) for _ in range(2)]

    assert first == [0] + [None] * 999
    assert (late, second) == (None, [1_000, None])


@pytest.mark.parametrize(
    "other",
    [
        Refused("person:ben", "approval", "not_allowed"),
        Refused("person:ada", "x", "not_allowed"),
        Refused("person:ada", "approval", "x"),
    ],
)
def test_another_caller_operation_or_problem_is_told_for_itself(hand: Hand, other: Refused) -> None:
    memory = Refusals(hand)

    assert (memory.due(ADA), memory.due(other)) == (0, 0)


def test_another_change_is_the_same(hand: Hand) -> None:
    memory = Refusals(hand)
    memory.due(Refused("person:ada", "approval", "not_allowed", change="chg_1"))

    assert memory.due(Refused("person:ada", "approval", "not_allowed", change="chg_2")) is None


def test_only_so_many_are_remembered_and_told(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "KEPT_MAX", 3)
    memory = Refusals(hand)

    def recorded() -> int:
        return sum(
            memory.due(Refused(f"token:{k}", "approval", "not_allowed")) is not None
            for k in range(10)
        )

    assert (recorded(), recorded()) == (3, 0)
    hand.at = PAUSE_SECONDS
    assert recorded() == 3


async def test_a_refusal_names_a_change_only_where_there_is_one(shop: Shop) -> None:
    change = await shop.submit("a")

    await record_refusal(
        shop.gate, Refused("token:x", "admission", "not_allowed", change=change["id"])
    )
    await record_refusal(
        shop.gate, Refused("token:y", "admission", "not_allowed", change="chg_" + "0" * 26)
    )

    assert [(entry.change, dict(entry.fields)) for entry in await shop.entries("refusal")] == [
        (change["id"], {"problem": "not_allowed", "operation": "admission", "by": "token:x"}),
        (None, {"problem": "not_allowed", "operation": "admission", "by": "token:y"}),
    ]


async def test_the_next_entry_says_how_many_were_not_told(small_shop: Shop) -> None:
    hand = Hand()
    small_shop.gate.refusals.monotonic = hand

    for _ in range(5):
        await record_refusal(small_shop.gate, ADA)
    hand.at = PAUSE_SECONDS
    await record_refusal(small_shop.gate, ADA)

    assert [entry.fields.get("untold") for entry in await small_shop.entries("refusal")] == [
        None,
        4,
    ]


async def test_a_refusal_stays_a_refusal_when_nothing_can_be_written(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise Unavailable("the storage is full", problem="storage_full")

    with monkeypatch.context() as patched:
        patched.setattr(type(small_shop.gate.store), "write", full)
        await record_refusal(small_shop.gate, ADA)

    assert await small_shop.entries("refusal") == []
