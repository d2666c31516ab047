"""Going back is to what ran here: the very commit and the very artifacts.

Anything else that looks like it is a new change.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from gate.core.change import Artifact, Emergency, Result, Run
from gate.errors import Conflict
from gate.flow.commands import FreezeCommand
from gate.flow.policies import freezes
from tests.builders import Wire, commit_of, image_of
from tests.flow.reviewers import TOMORROW
from tests.flow.shop import ADA, Shop

pytestmark = pytest.mark.anyio

EVIL = Artifact("image", "sha256:" + "e" * 64)
DISGUISES: Mapping[str, tuple[Artifact, ...]] = {
    "another digest": (EVIL,),
    "one more": (image_of("a"), EVIL),
    "none named": (),
    "under another name the same digest, and one more": (
        Artifact("copy", image_of("a").digest),
        EVIL,
    ),
}


async def back(shop: Shop, letter: str = "a", **different: Any) -> Wire:
    """Somebody asks to put that commit back."""
    return await shop.submit(
        letter, **{"run": Run("back", 1, ""), "base": commit_of("b"), "claims": {}, **different}
    )


async def directions(shop: Shop, change: Wire) -> list[object]:
    """Where each decision of the change said that it goes."""
    return [record.case.facts["change.direction"].value for record in await shop.records(change)]


@pytest.mark.parametrize("disguise", DISGUISES)
async def test_b7_other_artifacts_on_an_old_commit_are_a_new_change(
    shop: Shop, disguise: str
) -> None:
    await shop.deploy("a")
    await shop.deploy("b", base=commit_of("a"))

    change = await back(shop, artifacts=DISGUISES[disguise])

    assert (change["state"], change["standard_change"], await directions(shop, change)) == (
        "pending",
        None,
        ["forward"],
    )


@pytest.mark.parametrize("disguise", DISGUISES)
async def test_b7_nothing_rides_on_an_old_commit_into_a_freeze(
    small_shop: Shop, disguise: str
) -> None:
    await small_shop.deploy("a")
    await small_shop.deploy("b", base=commit_of("a"))
    made = await freezes.add(small_shop.gate, FreezeCommand("Closed", ends=TOMORROW), ADA)

    change = await back(small_shop, artifacts=DISGUISES[disguise])

    assert (change["state"], change["hold"]["window"]) == ("pending", made.id)
    with pytest.raises(Conflict, match="the change is pending"):
        await small_shop.admit(change)


@pytest.mark.parametrize("result", [Result.UNSUCCESSFUL, Result.ROLLED_BACK, None])
async def test_b7_what_never_ended_well_is_nothing_to_go_back_to(
    small_shop: Shop, result: Result | None
) -> None:
    await small_shop.deploy("a", result)
    if result is None:
        await small_shop.let_pass_hours(7)  # it was never closed
    await small_shop.deploy("b")

    assert (await back(small_shop, base=None))["state"] == "pending"


async def test_b7_a_success_that_is_taken_back_leaves_nothing_to_go_back_to(shop: Shop) -> None:
    first = await shop.deploy("a")
    await shop.deploy("b", base=commit_of("a"))
    change = await back(shop)
    assert change["standard_change"] == "rollback"

    await shop.close(first, Result.UNSUCCESSFUL)
    with pytest.raises(Conflict, match="decided as a rollback, and is forward by now") as refused:
        await shop.admit(change)

    now = await shop.read(change)
    assert refused.value.problem == "stale_decision"
    assert (now["state"], now["standard_change"], await directions(shop, change)) == (
        "pending",
        None,
        ["rollback", "forward"],
    )


async def test_b7_what_ran_here_goes_back_by_itself_also_inside_a_freeze(shop: Shop) -> None:
    await shop.deploy("a", Result.SUCCESSFUL_ISSUES)
    await shop.deploy("b", Result.UNSUCCESSFUL, base=commit_of("a"))
    await freezes.add(shop.gate, FreezeCommand("Closed", ends=TOMORROW), ADA)

    change = await back(
        shop, artifacts=(Artifact("under another name", image_of("a").digest),), base=commit_of("a")
    )

    assert (change["state"], change["standard_change"], change["hold"]) == (
        "approved",
        "rollback",
        None,
    )
    assert (await shop.admit(change))["payload"]


async def test_b7_an_emergency_with_other_artifacts_is_no_rollback_either(small_shop: Shop) -> None:
    await small_shop.deploy("a")
    deploying = await small_shop.deploy("b", None, base=commit_of("a"))

    change = await back(
        small_shop, base=commit_of("a"), artifacts=(EVIL,), emergency=Emergency("fire", "INC-1")
    )

    assert (change["state"], await directions(small_shop, change)) == ("pending", ["forward"])
    assert (await small_shop.read(deploying))["state"] == "deploying"
