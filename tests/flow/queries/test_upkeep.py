"""How the gate itself is, what the log is made of, what is planned, and how well it goes: in
figures.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from gate.core.calendar import freeze
from gate.core.change import Planned, Result
from gate.core.decision.values import Band
from gate.errors import NotFound
from gate.flow.answers import in_words
from gate.flow.answers.delivery import CountAnswer
from gate.flow.changes import review
from gate.flow.commands import FreezeCommand, ReviewCommand
from gate.flow.policies import freezes
from gate.flow.queries import calendar, facets
from gate.flow.queries.delivery import DeliveryQuery
from gate.flow.queries.insights.insights import busiest_place, insights, rule_places
from gate.flow.queries.upkeep import measure, upkeep
from gate.flow.queries.waiting_list import WaitingList
from gate.storage.changes import planned
from gate.storage.changes.log import LogFilters
from tests.builders import commit_of, make_change, person_id
from tests.flow.shop import ADA, Shop, as_json

pytestmark = pytest.mark.anyio

LARGE = {
    "diff.lines_added": 220,
    "diff.lines_deleted": 1,
    "diff.files": ("a.py",),
    "diff.files_changed": 1,
}


def counted(found: Mapping[str, Sequence[CountAnswer]], name: str) -> dict[str | None, int]:
    """One facet."""
    return {one.value: one.count for one in found[name]}


async def test_facets_count_decisions_of_each_kind(shop: Shop) -> None:
    await shop.submit("a")
    await shop.submit("b", claims=LARGE)
    await shop.submit("c", service="web", environment="staging")

    found = await facets.of_log(shop.gate, LogFilters())

    assert counted(found, "outcome") == {"approved": 2, "pending": 1}
    assert counted(found, "service") == {"checkout": 2, "web": 1}
    assert counted(found, "band") == {"low": 2, "moderate": 1}


async def test_a_facet_is_narrowed_by_every_filter_but_its_own(shop: Shop) -> None:
    await shop.submit("a", service="web")
    await shop.submit("b", claims=LARGE)

    found = await facets.of_log(shop.gate, LogFilters(service="web", band=Band.LOW))

    assert counted(found, "service") == {"web": 1}
    assert counted(found, "band") == {"low": 1}
    assert counted(found, "environment") == {"production": 1}


async def test_what_was_decided_long_ago_is_counted_no_more(shop: Shop) -> None:
    await shop.submit("a")
    shop.hands.ahead = timedelta(days=facets.FACET_DAYS + 1)

    assert counted(await facets.of_log(shop.gate, LogFilters()), "outcome") == {}


async def test_a_planned_change_stands_in_the_schedule_with_what_is_in_its_way(shop: Shop) -> None:
    now = shop.gate.clock()
    begins, ends = now + timedelta(hours=2), now + timedelta(hours=4)
    first = await shop.submit(make_change("a", planned=Planned(begins, ends), claims=LARGE))
    second = await shop.submit(
        make_change("b", planned=Planned(begins + timedelta(hours=1), None), claims=LARGE)
    )
    await shop.submit(make_change("c", service="web", planned=Planned(begins, ends)))
    window = as_json(
        await freezes.add(
            shop.gate, FreezeCommand("Closing", begins=begins, ends=ends, services=("web",)), ADA
        )
    )

    found = as_json(await calendar.planner(shop.gate, now, now + timedelta(days=1), None, None))

    shown_counts = {
        one["change"]: (one["frozen_by"], one["in_the_way"])
        for one in found["planned"]
        if one["service"] == "checkout"
    }
    assert shown_counts == {first["id"]: ([], [second["id"]]), second["id"]: ([], [first["id"]])}
    assert [one["frozen_by"] for one in found["planned"] if one["service"] == "web"] == [
        [window["id"]]
    ]
    later = as_json(
        await calendar.planner(
            shop.gate,
            ends + timedelta(hours=1),
            ends + timedelta(days=1),
            "checkout",
            "production",
        )
    )
    assert later["planned"] == []


async def test_the_schedule_says_what_is_open_now_and_whom_it_reaches(shop: Shop) -> None:
    now = shop.gate.clock()
    await freezes.add(
        shop.gate, FreezeCommand("Now", ends=now + timedelta(hours=1), services=("web",)), ADA
    )
    await freezes.add(
        shop.gate,
        FreezeCommand("Later", begins=now + timedelta(hours=2), ends=now + timedelta(hours=3)),
        ADA,
    )

    found = as_json(
        await calendar.planner(
            shop.gate, now - timedelta(days=1), now + timedelta(days=1), None, None
        )
    )

    assert [one["reason"] for one in found["items"]] == ["Now", "Later"]
    assert [(one["reason"], one["reach"]) for one in found["open"]] == [
        ("Now", {"services": ["web"]})
    ]


async def test_e26_a_schedule_that_is_cut_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = shop.gate.clock()
    begins, ends = now + timedelta(hours=2), now + timedelta(hours=4)
    for letter in "ab":
        await shop.submit(make_change(letter, planned=Planned(begins, ends), claims=LARGE))
        await freezes.add(shop.gate, FreezeCommand("Closing", begins=begins, ends=ends), ADA)

    async def shown(most: int) -> tuple[bool, bool, int, int]:
        monkeypatch.setattr(freeze, "OCCURRENCES_MAX", most)
        monkeypatch.setattr(calendar, "OCCURRENCES_MAX", most)
        monkeypatch.setattr(planned, "PLANNED_MAX", most)
        found = as_json(await calendar.planner(shop.gate, now, ends, "checkout", "live"))
        more = found["more"], found["more_planned"]
        return *more, len(found["items"]), len(found["planned"])

    assert await shown(3) == (False, False, 2, 2)
    assert await shown(2) == (True, False, 2, 2)
    assert await shown(1) == (True, True, 1, 1)


async def test_e26_the_schedule_of_a_place_that_is_not_there_says_so(shop: Shop) -> None:
    misspelt = as_json(await calendar.schedule(shop.gate, None, None, "chekout", None))
    known = as_json(await calendar.schedule(shop.gate, None, None, "checkout", "live"))

    assert misspelt["unknown"] == ["the catalogue has no service chekout; did you mean checkout?"]
    assert known["unknown"] == []


async def test_insights_of_a_place_say_how_much_passes_and_how_long_people_take(shop: Shop) -> None:
    waiting_list = WaitingList(shop.gate)
    await shop.deploy("a")
    await shop.deploy("b", Result.UNSUCCESSFUL, base=commit_of("a"))
    reviewed = await shop.submit("c", claims=LARGE)
    await shop.let_pass(timedelta(minutes=10))
    await review.approve(
        shop.gate, reviewed["id"], ReviewCommand(reviewed["subject_digest"], ""), ADA
    )
    await shop.submit("d", claims={**LARGE, "diff.lines_added": 900})
    await shop.submit("e", service="web", claims=LARGE)

    found = as_json(
        await insights(shop.gate, waiting_list, DeliveryQuery("checkout", "production"))
    )

    assert (
        found["delivery"]["change_fail_rate"]["failed"],
        found["delivery"]["change_fail_rate"]["deployments"],
    ) == (1, 2)
    assert (found["automatic_share"], found["decisions"]) == (0.5, 4)
    assert (found["seconds_to_decision"]["n"], found["seconds_to_decision"]["p50"] // 60) == (1, 10)
    assert found["queue_age_seconds"]["n"] == 1


async def test_insights_of_a_place_where_nothing_happened_have_no_figures(shop: Shop) -> None:
    found = as_json(
        await insights(shop.gate, WaitingList(shop.gate), DeliveryQuery("web", "staging"))
    )

    assert (found["automatic_share"], found["seconds_to_decision"]) == (
        None,
        {"p50": None, "p90": None, "n": 0},
    )


async def test_who_asks_for_no_place_is_shown_where_most_was_deployed(shop: Shop) -> None:
    assert await busiest_place(shop.gate, 30) is None

    await shop.deploy("a")
    await shop.deploy("b", service="web", environment="staging")
    await shop.deploy("c", service="web", environment="staging", base=commit_of("b"))

    assert await busiest_place(shop.gate, 30) == ("web", "staging")


async def test_a_rule_is_told_by_the_deployments_it_gave_points_to(shop: Shop) -> None:
    steps = {
        "diff.lines_added": 12,
        "diff.lines_deleted": 1,
        "diff.files": ("a.py",),
        "diff.files_changed": 1,
    }
    await shop.deploy("a", claims=steps)
    await shop.deploy("b", Result.ROLLED_BACK, claims=steps, base=commit_of("a"))

    (place,) = await rule_places(shop.gate, "production", "size")

    assert (
        place.service,
        place.environment,
        place.deployments,
        place.failed,
        place.rate,
    ) == (
        "checkout",
        "production",
        2,
        1,
        0.5,
    )
    assert await rule_places(shop.gate, "production", "nothing") == ()


async def test_upkeep_says_that_all_is_well_and_who_is_in_which_group(shop: Shop) -> None:
    found = as_json(await upkeep(shop.gate))

    assert (found["unready"], found["signing_key"]) == ([], True)
    (managers,) = [one for one in found["groups"] if one["name"] == "release-managers"]
    assert managers["people"] == [
        {"id": person_id("ada"), "name": "Ada Ekberg"},
        {"id": person_id("ben"), "name": "Ben Okafor"},
    ]


async def test_policies_in_words_say_every_rule_and_every_term(shop: Shop) -> None:
    found = as_json(await in_words.in_force(shop.gate))

    (production,) = [one for one in found["items"] if one["name"] == "production"]
    assert production["applies_to"] == "Where the environment tier is production."
    assert (
        production["rules"][0]["text"]
        == "By lines added: 10 to 199 adds 8 points; 200 or more adds 30 points."
    )
    assert production["standard_changes"][0]["text"] == (
        "When fewer than 100 lines added, up to low risk; pre-authorised from the start; owned by "
        "platform, authorised by release-managers."
    )
    assert production["standard_changes"][0]["conditions"] == "diff.lines_added < 100"
    assert "A change that waits expires after 1 day." in production["terms"]
    assert (
        "An emergency needs 1 approval by on-call, is good for 1 hour, and is looked back on within 3 days."
        in production["terms"]
    )


async def test_a_rule_that_nobody_wrote_is_not_found(shop: Shop) -> None:
    assert as_json(await in_words.rule(shop.gate, "production", "size"))["kind"] == "rule"
    for policy, rule in (("production", "nothing"), ("nothing", "size")):
        with pytest.raises(NotFound):
            await in_words.rule(shop.gate, policy, rule)


async def test_changes_that_wait_are_counted_with_the_age_of_the_oldest(shop: Shop) -> None:
    await measure(shop.gate)
    none_yet = waiting_shown(shop)
    await shop.submit("a")  # passes by itself, so it waits for nobody
    await shop.submit("b", claims=LARGE)
    shop.hands.ahead = timedelta(minutes=10)
    await shop.submit("c", claims=LARGE)
    ends = shop.gate.clock() + timedelta(hours=1)
    await freezes.add(shop.gate, FreezeCommand("Now", ends=ends, services=("web",)), ADA)
    await shop.submit("d", service="web", environment="production")

    await measure(shop.gate)

    shown = waiting_shown(shop)
    assert set(none_yet.values()) == {0.0}
    assert (shown["waiting pending"], shown["waiting held"]) == (2, 1)
    assert 600 <= shown["oldest pending"] < 660 > shown["oldest held"]


def waiting_shown(shop: Shop) -> dict[str, float]:
    """The figures of changes that wait, as an operator reads them."""
    lines = shop.gate.metrics.exposition().decode()
    return {
        f"{name} {state}": float(value)
        for name, state, value in re.findall(
            r'^gate_changes_(waiting|oldest)\w*{state="(\w+)"} (\S+)$', lines, re.MULTILINE
        )
    }
