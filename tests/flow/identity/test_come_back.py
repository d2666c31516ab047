"""Somebody leaves the catalogue and comes back under another random id: they get nothing of what
they had, and two people they are not (A1, A13).
"""

from pathlib import Path
from typing import Any

import pytest

from gate.core.change import Result
from gate.errors import Conflict, NotAllowed
from gate.flow.changes import post_review, review
from gate.flow.commands import FreezeCommand, OverrideCommand, PostReviewCommand, ReviewCommand
from gate.flow.identity import erasure
from gate.flow.policies import freezes, policies
from gate.flow.rulebooks import current_rulebook
from gate.storage.database.tx import Tx
from tests.builders import Wire, make_person
from tests.flow.shop import ADA, CATALOGUE, Shop, as_json, make_files, open_shop

pytestmark = pytest.mark.anyio

LARGE = {"diff.lines_added": 500, "diff.lines_deleted": 2, "diff.files_changed": 1}
BEN_SAYS = "  ben: {name: Ben Okafor, emails: [ben@example.com]}\n"
WITHOUT_BEN = CATALOGUE.replace("[ada, ben]", "[ada]").replace(BEN_SAYS, "")
BEN = make_person("ben", "release-managers")
BEN_AGAIN = make_person("ben_2", "release-managers")
STOP = FreezeCommand("Checkout is on fire", stop=True)
FINDINGS = PostReviewCommand("a typo", "read it twice")

WAYS_BACK = [
    pytest.param(CATALOGUE, id="as they were"),
    pytest.param(
        CATALOGUE.replace("[ben@example.com]", "[Ben+work@Example.com, b@example.com]"),
        id="with another spelling and another address",
    ),
    pytest.param(
        CATALOGUE.replace("  ben: {", "  benjamin: {").replace("[ada, ben]", "[ada, benjamin]"),
        id="under another key",
    ),
]


def files(catalogue: str) -> dict[str, str]:
    return make_files() | {"catalog.yaml": catalogue}


async def come_back(shop: Shop, catalogue: str = CATALOGUE) -> Any:
    """Ben leaves, and is there again; the answer is who he is now."""
    await shop.adopt(files(WITHOUT_BEN))
    await shop.adopt(files(catalogue))
    key = "ben_2" if "  ben: {" in catalogue else "benjamin"
    return make_person(key, "release-managers")


async def approved_by_ben(shop: Shop, letter: str = "a") -> Wire:
    change = await shop.submit(letter, claims=LARGE)
    shown = ReviewCommand(change["subject_digest"], "looks right")
    await review.approve(shop.gate, change["id"], shown, BEN)
    return await shop.read(change)


@pytest.mark.parametrize("catalogue", WAYS_BACK)
async def test_a1_whoever_approved_it_does_not_look_back_on_it_under_another_id(
    shop: Shop, catalogue: str
) -> None:
    change = await approved_by_ben(shop)
    await shop.admit(change)
    await shop.close(change, Result.UNSUCCESSFUL)

    again = await come_back(shop, catalogue)

    with pytest.raises(NotAllowed, match="you approved this change"):
        await post_review.hold_review(shop.gate, change["id"], FINDINGS, again)
    await post_review.hold_review(shop.gate, change["id"], FINDINGS, ADA)


@pytest.mark.parametrize("catalogue", WAYS_BACK)
async def test_a13_what_somebody_registered_they_do_not_activate_under_another_id(
    shop: Shop, catalogue: str
) -> None:
    registered = as_json(await policies.register(shop.gate, make_files(close_within="5h"), BEN))

    again = await come_back(shop, catalogue)

    with pytest.raises(NotAllowed, match="ask another admin"):
        await policies.activate(shop.gate, registered["revision"], "Mine", again)
    await policies.activate(shop.gate, registered["revision"], "Not mine", ADA)


async def test_a1_an_exclusion_whose_reason_the_catalogue_forgot_outlasts_a_new_id(
    shop: Shop,
) -> None:
    both = CATALOGUE.replace("[ben@example.com]", "[ben@example.com, ben@home.example]")
    await shop.adopt(files(both))
    change = await shop.submit("a", claims=LARGE, authors=("ben@home.example",))
    assert change["approvals"]["excluded"] == ["per_ben"]

    again = await come_back(shop)

    shown = ReviewCommand(change["subject_digest"], "looks right")
    with pytest.raises(NotAllowed, match="you wrote or requested this change"):
        await review.approve(shop.gate, change["id"], shown, again)


async def test_a1_an_approval_from_before_counts_neither_alone_nor_beside_a_new_one(
    database_url: str, tmp_path: Path
) -> None:
    two = "[{from_band: low, approvals: 2, by: [release-managers, owners]}]"
    async with open_shop(database_url, tmp_path, make_files(review=two)) as shop:
        change = await approved_by_ben(shop)
        again = await come_back_with(shop, two)

        shown = ReviewCommand(change["subject_digest"], "once more")
        await review.approve(shop.gate, change["id"], shown, again)

        with pytest.raises(Conflict) as refused:
            await shop.admit(await shop.read(change))
        assert refused.value.problem == "not_approved"


async def test_a1_an_override_from_before_lifts_nothing_of_a_change_that_names_them_now(
    shop: Shop,
) -> None:
    """Ben wrote it under an address of which the catalogue did not know that it is his."""
    await freezes.add(shop.gate, STOP, ADA)
    change = await shop.submit("a", claims=LARGE, authors=("b@example.com",))
    await review.override(shop.gate, change["id"], OverrideCommand("go", stop=True), BEN)
    assert (await shop.read(change))["hold"] is None

    await come_back(
        shop, CATALOGUE.replace("[ben@example.com]", "[ben@example.com, b@example.com]")
    )
    shown = ReviewCommand((await shop.read(change))["subject_digest"], "looks right")
    await review.approve(shop.gate, change["id"], shown, ADA)

    with pytest.raises(Conflict) as refused:
        await shop.admit(await shop.read(change))
    assert refused.value.problem == "frozen"


async def come_back_with(shop: Shop, review_by: str) -> Any:
    for catalogue in (WITHOUT_BEN, CATALOGUE):
        await shop.adopt(make_files(review=review_by) | {"catalog.yaml": catalogue})
    return BEN_AGAIN


async def test_who_comes_back_and_leaves_again_is_erased_under_both_ids(shop: Shop) -> None:
    change = await approved_by_ben(shop)
    await shop.admit(change)
    await shop.close(change)
    await come_back(shop)
    await shop.adopt(files(WITHOUT_BEN))

    planned = await shop.gate.store.write(_plan, "ben@example.com")

    assert set(planned.subject.persons) == {"per_ben", "per_ben_2"}


def _plan(tx: Tx, who: str) -> erasure.Erasure:
    return erasure.plan(tx.conn, current_rulebook(tx.conn), who)


async def test_somebody_else_under_a_key_that_comes_back_is_nobody_from_before(shop: Shop) -> None:
    change = await approved_by_ben(shop)
    await shop.admit(change)
    await shop.close(change, Result.UNSUCCESSFUL)
    another = CATALOGUE.replace("ben@example.com", "benedikt@example.com")

    other = await come_back(shop, another)

    await post_review.hold_review(shop.gate, change["id"], FINDINGS, other)


async def test_the_ledger_says_that_two_ids_are_one_person(shop: Shop) -> None:
    again = await come_back(shop)

    merged = [one for one in await shop.entries("role") if one.fields["action"] == "merged"]
    assert [(one.fields["person"], one.fields["into"]) for one in merged] == [("per_ben", again.id)]


async def test_coming_back_twice_is_still_one_person(shop: Shop) -> None:
    change = await approved_by_ben(shop)
    await shop.admit(change)
    await shop.close(change, Result.UNSUCCESSFUL)
    await come_back(shop)
    await come_back(shop)

    third = make_person("ben_3", "release-managers")
    with pytest.raises(NotAllowed, match="you approved this change"):
        await post_review.hold_review(shop.gate, change["id"], FINDINGS, third)
