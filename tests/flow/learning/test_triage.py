"""What nobody has mended yet stands on one list, and leaves it when it is mended."""

from datetime import UTC, datetime, timedelta

import pytest

from gate.core.change import Result
from gate.core.learning.concerns import LOOKED_BACK, TRIAGE, Concern
from gate.core.messages.reports import IncidentReport
from gate.flow.changes import post_review
from gate.flow.commands import PostReviewCommand
from gate.flow.incidents import incidents, ties
from gate.flow.learning import concerns
from gate.flow.learning.triage import triage
from tests.builders import Wire, commit_of
from tests.flow.reviewers import approve, emergency, large, person
from tests.flow.shop import ADA, Shop, as_json

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


async def found(shop: Shop, kind: Concern) -> list[Wire]:
    """The things of one kind."""
    (one,) = as_json(await triage(shop.gate, kind))["concerns"]
    assert (one["kind"], one["n"], one["more"]) == (kind.value, len(one["items"]), 0)
    items: list[Wire] = one["items"]
    return items


async def breaks(shop: Shop, title: str, *changes: str, hours_ago: float = 0) -> str:
    """An incident of ledger, where nothing was deployed that it could be tied to."""
    at = datetime.now(UTC) - HOUR * hours_ago
    service = "checkout" if changes else "ledger"
    report = IncidentReport(title, service, "high", at, "production", changes=changes)
    return (await incidents.report(shop.gate, report, ADA)).answer.id


async def reviewed(shop: Shop, change: str, by: str) -> None:
    command = PostReviewCommand("The index was missing", "Indexes first", ("Add it",))
    await post_review.hold_review(shop.gate, change, command, person(by))


async def test_a_list_without_anything_says_so_of_every_kind(small_shop: Shop) -> None:
    answer = await triage(small_shop.gate)

    assert (answer.n, tuple(one.kind for one in answer.concerns)) == (0, TRIAGE)
    assert not any(one.items for one in answer.concerns)


async def test_an_incident_stands_there_until_it_is_tied(shop: Shop) -> None:
    change = await shop.deploy("a")
    at = datetime.now(UTC)
    incident = await breaks(shop, "Ledgers are late")
    await breaks(shop, "Carts are empty", change["id"])

    (one,) = await found(shop, Concern.UNLINKED_INCIDENT)

    assert (one["title"], one["service"], one["owners"]) == (
        *("Ledgers are late", "ledger"),
        ["team-payments"],
    )
    assert one["page"] == f"/incidents/{incident}"
    assert datetime.fromisoformat(one["since"]) >= at - HOUR
    await ties.link(shop.gate, incident, change["id"], "the basket writes to it", ADA)
    assert await found(shop, Concern.UNLINKED_INCIDENT) == []


async def test_an_incident_of_more_than_thirty_days_ago_is_no_work_of_today(
    small_shop: Shop,
) -> None:
    await breaks(small_shop, "Ledgers are late")
    await small_shop.let_pass(LOOKED_BACK - HOUR)
    assert len(await found(small_shop, Concern.UNLINKED_INCIDENT)) == 1

    await small_shop.let_pass(2 * HOUR)

    assert await found(small_shop, Concern.UNLINKED_INCIDENT) == []


async def test_a_failure_stands_there_until_its_review_is_held(shop: Shop) -> None:
    await shop.deploy("a")
    failed = await shop.deploy("b", Result.UNSUCCESSFUL, base=commit_of("a"))

    (one,) = await found(shop, Concern.FAILED_WITHOUT_REVIEW)

    assert (one["changes"], one["owners"]) == ([failed["id"]], ["team-payments"])
    assert one["found"] == "It ended unsuccessful, and nobody has held its review"
    assert one["page"] == f"/changes/{failed['id']}#happened"
    await reviewed(shop, failed["id"], "farida")
    assert await found(shop, Concern.FAILED_WITHOUT_REVIEW) == []


async def test_a_review_is_overdue_from_its_time_on(shop: Shop) -> None:
    change = await shop.submit(emergency("e"))
    await shop.admit(await approve(shop, change, "chloe"))
    await shop.let_pass_hours(71)
    assert await found(shop, Concern.REVIEW_OVERDUE) == []

    await shop.let_pass_hours(2)

    (one,) = await found(shop, Concern.REVIEW_OVERDUE)
    assert (one["changes"], one["owners"]) == ([change["id"]], ["team-payments"])
    await reviewed(shop, change["id"], "ivan")
    assert await found(shop, Concern.REVIEW_OVERDUE) == []


async def test_a_change_ages_by_what_is_usual_in_its_place(shop: Shop) -> None:
    before = await shop.submit(large("a"))
    await shop.let_pass_hours(6)
    await approve(shop, before, "ben")
    waiting = await shop.submit(large("b"))
    await shop.let_pass_hours(5)
    assert await found(shop, Concern.AGEING) == []

    await shop.let_pass_hours(2)

    (one,) = await found(shop, Concern.AGEING)
    assert (one["changes"], one["page"]) == ([waiting["id"]], f"/changes/{waiting['id']}")
    assert one["found"] == "It has waited 7 hours; nine of ten before it waited at most 6 h"
    await approve(shop, waiting, "ben")
    assert await found(shop, Concern.AGEING) == []


async def test_where_nobody_decided_before_half_a_day_is_too_long(small_shop: Shop) -> None:
    await small_shop.submit(large("a"))
    await small_shop.let_pass_hours(3.9)
    assert await found(small_shop, Concern.AGEING) == []

    await small_shop.let_pass_hours(0.2)

    assert len(await found(small_shop, Concern.AGEING)) == 1


async def test_the_third_failure_of_a_service_and_of_a_path_recurs(small_shop: Shop) -> None:
    for letter in "ab":
        await small_shop.deploy(letter, Result.UNSUCCESSFUL)
    assert await found(small_shop, Concern.RECURRING) == []

    await small_shop.deploy("c", Result.UNSUCCESSFUL)

    service, path = await found(small_shop, Concern.RECURRING)
    assert service["page"] == (
        "/improvements?proposal=recurring_failures%3Acheckout%3Aproduction#item"
    )
    assert "src/cart.py was changed by 3" in path["found"]


async def test_a_day_of_review_in_the_past_is_overdue(small_shop: Shop) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    rule = "{id: size, title: Size, review_by: %s, points_by: diff.lines_added, steps: {200: 30}}"
    assert await found(small_shop, Concern.RULE_OVERDUE) == []

    await small_shop.adopt(rules=f"[{rule % yesterday}]")

    (one,) = await found(small_shop, Concern.RULE_OVERDUE)
    assert (one["title"], one["service"], one["page"]) == (
        *("Size", None),
        "/policies/rules/production/size",
    )
    assert f"Rule production/size was to be reviewed by {yesterday}" in one["found"]


async def test_a_long_list_is_cut_and_says_how_many_are_left_out(
    small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concerns, "SHOWN_MAX", 1)
    for title in ("first", "second", "third"):
        await breaks(small_shop, title)

    (cut, *_) = (await triage(small_shop.gate)).concerns

    assert ([one.title for one in cut.items], cut.more) == (["first"], 2)
    assert cut.page == "/triage?kind=unlinked_incident"
    assert len(await found(small_shop, Concern.UNLINKED_INCIDENT)) == 3
