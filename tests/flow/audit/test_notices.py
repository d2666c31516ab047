"""A change of a notice class owes notices: listed, given by those who may, and kept in the ledger."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gate.core.change import Planned
from gate.errors import Conflict, Invalid, NotAllowed, NotFound
from gate.flow.audit import notices, reports
from gate.flow.audit.scope import ReportQuestion
from gate.flow.caller import Role
from gate.flow.commands import NoticeCommand
from gate.flow.queries.story import story
from tests.builders import Wire, make_person
from tests.flow.ledger.exported import faults_of, settle
from tests.flow.shop import ADA, AUDITOR, Shop, as_json, open_usual_shop

pytestmark = pytest.mark.anyio

NETWORK = (
    "[{id: network, title: Changes the network, when: [diff.lines_added > 3], points: 0,"
    " control: [fedramp:SCN-TRF]}]"
)
KOFI = make_person("kofi", "team-web")


@pytest.fixture
async def shop(shop_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_usual_shop(shop_url, tmp_path) as opened:
        await opened.adopt(rules=NETWORK)
        yield opened


async def owed(shop: Shop, **asked: object) -> dict[str, tuple[str, str | None]]:
    ask = ReportQuestion(**asked)  # type: ignore[arg-type]  # by name, as the address gives them
    rows = as_json(await reports.report(shop.gate, "notices", ask))["rows"]
    return {row["requirement"]: (row["status"], row["given_by"]) for row in rows}


async def network(shop: Shop) -> Wire:
    return await shop.submit("a", title="New load balancer")


async def test_only_owners_and_release_managers_give_a_notice(shop: Shop) -> None:
    change = await network(shop)
    given = NoticeCommand("initial-plans")

    for person in (KOFI, make_person("ada", "release-managers", role=Role.AUDITOR)):
        with pytest.raises(NotAllowed):
            await notices.give(shop.gate, change["id"], given, person)
    assert await shop.entries("notice") == []


async def test_a_duty_that_the_change_does_not_have_is_refused(shop: Shop) -> None:
    change = await network(shop)
    other = await shop.submit("b", environment="staging")

    with pytest.raises(Invalid, match="allowed for this change: initial-plans, final-plans"):
        await notices.give(shop.gate, change["id"], NoticeCommand("initial"), ADA)
    with pytest.raises(Invalid, match="none, because it is of no notice class"):
        await notices.give(shop.gate, other["id"], NoticeCommand("initial-plans"), ADA)
    with pytest.raises(NotFound, match="owes no notice"):
        await notices.notice(shop.gate, other["id"], AUDITOR)


async def test_a_notice_is_given_once_and_stands_in_the_ledger(shop: Shop) -> None:
    change = await network(shop)
    given = NoticeCommand("initial-plans", "by mail to all of them")

    answer = as_json(await notices.give(shop.gate, change["id"], given, ADA))

    with pytest.raises(Conflict, match="was given before"):
        await notices.give(shop.gate, change["id"], given, ADA)
    first = answer["duties"][0]
    assert (first["given_by"], first["comment"]) == ("Ada Ekberg", "by mail to all of them")
    (entry,) = await shop.entries("notice")
    assert (entry.change, entry.fields["by"], entry.fields["duty"]) == (
        change["id"],
        "per_ada",
        "initial-plans",
    )
    assert "by mail" not in str(entry.fields)
    await settle(shop)
    assert await faults_of(shop) == []


async def test_the_notice_says_what_the_change_says_of_itself(shop: Shop) -> None:
    change = await network(shop)

    found = as_json(await notices.notice(shop.gate, change["id"], AUDITOR))

    assert (found["type"], found["description"]) == ("transformative", "New load balancer")
    assert found["categorization"] == [
        {"rule": "network", "title": "Changes the network", "holds": True}
    ]
    assert found["to_be_added"][0] == "FedRAMP id of the service offering"
    shown = as_json(await story(shop.gate, change["id"], ADA))["notice"]
    assert (shown["duties"], shown["may_give"], found["may_give"]) == (found["duties"], True, False)


async def test_the_report_lists_what_is_owed_and_what_is_overdue(shop: Shop) -> None:
    await shop.deploy("b", environment="staging")
    change = await network(shop)
    await notices.give(shop.gate, change["id"], NoticeCommand("final-plans"), ADA)

    before = await owed(shop)
    await shop.admit(change)
    await shop.close(change)
    later = shop.gate.clock() + timedelta(days=10)
    after = await owed(shop, at=later)

    assert before == {
        "SCN-TRF-NIP": ("overdue", None),
        "SCN-TRF-NFP": ("late", "per_ada"),
        "SCN-TRF-NAF": ("open", None),
        "SCN-TRF-NAV": ("open", None),
        "SCN-TRF-UPD": ("open", None),
    }
    assert (after["SCN-TRF-NAF"], after["SCN-TRF-UPD"]) == (("overdue", None), ("due", None))


async def test_the_policy_that_decided_counts_and_not_the_one_in_force(shop: Shop) -> None:
    await network(shop)
    await shop.adopt()

    assert (await owed(shop))["SCN-TRF-NIP"][0] == "overdue"


async def test_planned_in_time_it_is_due(shop: Shop) -> None:
    start = shop.gate.clock() + timedelta(days=90)
    await shop.submit("a", planned=Planned(start, start + timedelta(hours=1)))

    assert (await owed(shop))["SCN-TRF-NIP"] == ("due", None)
