"""One service: whose it is, what runs where, what waits, what failed, what is owed."""

from datetime import UTC, datetime, timedelta

import pytest

from gate.core.change import Emergency, Result, Run
from gate.flow.answers.insights.service import ServiceAnswer
from gate.flow.changes import review
from gate.flow.commands import FreezeCommand, ReviewCommand
from gate.flow.policies import freezes
from gate.flow.queries.insights.service import FAILURES_SHOWN, WAITING_SHOWN, service
from gate.flow.queries.waiting_list import WaitingList
from tests.builders import commit_of, make_person
from tests.flow.breaking import report
from tests.flow.queries.test_queue import LARGE
from tests.flow.shop import ADA, CATALOGUE, Shop, make_files, with_runbook

pytestmark = pytest.mark.anyio

CHLOE = make_person("chloe", "on-call")


async def looked_at(shop: Shop, name: str = "checkout") -> ServiceAnswer:
    """The service as it is now."""
    return await service(shop.gate, WaitingList(shop.gate), name, ADA)


async def test_a_service_that_is_not_there_says_so(shop: Shop) -> None:
    found = await looked_at(shop, "chekout")

    assert found.unknown == ["the catalogue has no service chekout; did you mean checkout?"]
    assert (list(found.owners), found.tier, found.waiting, found.failures) == ([], None, (), ())


async def test_nothing_of_another_service_stands_there(shop: Shop) -> None:
    await shop.submit("a", service="web", title="Of web", claims=LARGE)
    await shop.deploy("b", Result.UNSUCCESSFUL, service="web")
    await report(shop, service="web", changes=())

    found = await looked_at(shop)

    assert (found.waiting, found.failures, found.incidents, found.reviews) == ((), (), (), ())
    assert {one.figures.deployments for one in found.places} == {0}


async def test_it_says_whose_it_is_what_decides_and_what_runs_where(shop: Shop) -> None:
    await shop.deploy("a")
    await shop.deploy("b", environment="staging")
    command = FreezeCommand(
        "Inventory", ends=datetime.now(UTC) + timedelta(days=1), environments=("production",)
    )
    await freezes.add(shop.gate, command, ADA)

    found = await looked_at(shop)

    assert [(one.group, list(one.people)) for one in found.owners] == [
        ("team-payments", ["Farida Haddad", "Ivan Horvat"])
    ]
    assert (found.tier, list(found.depends_on)) == (1, ["ledger"])
    here = {one.place.environment: one for one in found.places}
    assert {name: one.policy for name, one in here.items()} == {
        "production": "production",
        "staging": "staging",
    }
    assert {name: one.place.running.commit for name, one in here.items() if one.place.running} == {
        "production": commit_of("a"),
        "staging": commit_of("b"),
    }
    assert [(name, one.place.hold.reason) for name, one in here.items() if one.place.hold] == [
        ("production", "Inventory")
    ]
    assert [one.standard_change for one in found.standard_changes] == [
        "everyday", "rollback", "everyday", "rollback",
    ]  # fmt: skip


async def test_where_no_policy_applies_it_says_so_in_words(small_shop: Shop) -> None:
    lab = CATALOGUE.replace("  staging: {", "  lab: {tier: testing}\n  staging: {")
    await small_shop.adopt(make_files() | {"catalog.yaml": lab})

    found = await looked_at(small_shop)

    said = {one.place.environment: (one.policy, one.because) for one in found.places}
    assert said == {
        "production": ("production", ""),
        "staging": ("staging", ""),
        "lab": (
            None,
            "no enforced policy applies; write one whose applies_to holds here, or none at all",
        ),
    }


async def test_it_shows_its_links_and_those_that_are_missing(shop: Shop) -> None:
    runbook = "https://wiki.example.com/checkout"
    await shop.adopt(make_files() | {"catalog.yaml": with_runbook(runbook)})

    found = await looked_at(shop)

    assert [(one.name.value, one.address) for one in found.links] == [
        ("runbook", runbook),
        ("support_note", None),
        ("known_issues", None),
    ]


async def test_what_failed_last_stands_first_and_what_went_well_is_not_there(shop: Shop) -> None:
    await shop.adopt(parallel="allow")
    await shop.deploy("a", Result.ROLLED_BACK, title="First")
    await shop.deploy("b", Result.UNSUCCESSFUL, environment="staging", title="Second")
    await shop.deploy("c", title="Went well")

    found = await looked_at(shop)

    assert [one.title for one in found.failures] == ["Second", "First"]
    assert not found.more_failures


async def test_long_lists_are_cut_and_say_so(small_shop: Shop) -> None:
    await small_shop.adopt(parallel="allow")
    for number in range(FAILURES_SHOWN + 1):
        await small_shop.deploy(f"{number:x}", Result.UNSUCCESSFUL, base=None)
    for number in range(WAITING_SHOWN + 2):
        await small_shop.submit("f", title=str(number), claims=LARGE, run=Run(str(number), 1, ""))

    found = await looked_at(small_shop)

    assert (len(found.failures), found.more_failures) == (FAILURES_SHOWN, True)
    assert (len(found.waiting), found.more_waiting) == (WAITING_SHOWN, 2)


async def test_an_open_incident_and_a_review_that_is_owed_stand_there_until_they_end(
    shop: Shop,
) -> None:
    urgent = await shop.submit("b", emergency=Emergency("It burns", "INC-1"), title="Put it out")
    await review.approve(shop.gate, urgent["id"], ReviewCommand(urgent["subject_digest"]), CHLOE)
    await shop.admit(urgent)
    await shop.close(urgent)
    now = datetime.now(UTC)
    await report(shop, id="1", began_at=now, reported_at=now)
    before = await looked_at(shop)

    await report(shop, id="1", began_at=now, resolved_at=now, reported_at=now + timedelta(hours=1))
    after = await looked_at(shop)

    assert [one.title for one in before.incidents] == ["Baskets are empty"]
    assert [one.change.title for one in before.reviews] == ["Put it out"]
    assert after.incidents == ()
    assert len(after.reviews) == 1
