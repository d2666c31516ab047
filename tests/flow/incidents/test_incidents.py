"""What broke: counted once, put down to a change, and taken back when a person says that it was
something else.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.core.change import Result, Run
from gate.core.messages.reports import IncidentReport
from gate.errors import Conflict, Invalid, NotFound
from gate.flow.caller import Machine, Role
from gate.flow.commands import Part
from gate.flow.incidents import incidents, ties
from gate.flow.queries import incidents as incident_list
from gate.flow.webhooks import bound, inbox
from gate.storage.incidents.incidents import IncidentFilters
from gate.storage.incidents.links import LINKS_MAX
from tests.builders import Wire, commit_of
from tests.flow.breaking import (
    BEN,
    HOOK,
    HOUR,
    LENA,
    ask,
    facts_of_next,
    failed,
    methods,
    open_incidents,
    report,
)
from tests.flow.shop import ADA, Shop, as_json, make_files

pytestmark = pytest.mark.anyio

BAD, BACK = Result.UNSUCCESSFUL, Result.ROLLED_BACK


# Which change


async def test_an_incident_after_a_deployment_makes_it_failed_by_the_window(shop: Shop) -> None:
    change = await shop.deploy("a")

    view = await report(shop)

    (opened,), (linked,) = await shop.entries("incident"), await shop.entries("link")
    assert methods(view) == [(change["id"], "window")]
    assert await shop.gate.store.read(failed) == ["a"]
    assert (await shop.measures())["failed"] == 1
    assert (opened.fields["action"], opened.fields["environment"], opened.fields["by"]) == (
        "opened",
        "production",
        "token:hook",
    )
    assert (linked.change, linked.fields["method"], linked.fields["action"]) == (
        change["id"],
        "window",
        "linked",
    )
    assert "Baskets" not in f"{opened}{linked}"


async def test_what_was_never_deployed_is_put_down_to_nothing(shop: Shop) -> None:
    await shop.submit("a")

    view = await report(shop)

    assert (view["links"], await shop.gate.store.read(failed)) == ([], [])


async def test_e26_an_incident_of_a_service_that_is_not_there_says_so_and_is_kept(
    shop: Shop,
) -> None:
    alert_of_pagerduty = await report(
        shop, service="chekout", source="alertmanager", id="of-baskets"
    )

    (kept,) = await open_incidents(shop)
    known = await report(shop)
    assert (
        kept["unknown"]
        == alert_of_pagerduty["unknown"]
        == ["the catalogue has no service chekout; did you mean checkout?"]
    )
    assert (kept["links"], known["unknown"]) == ([], [])


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"service": "web"}, id="another service"),
        pytest.param({"environment": "staging"}, id="another environment"),
        pytest.param({"began_at": datetime.now(UTC) - HOUR}, id="it began before the deployment"),
        pytest.param({"began_at": datetime.now(UTC) + 5 * HOUR}, id="it began long after it"),
    ],
)
async def test_what_happened_elsewhere_or_at_another_time_is_put_down_to_nothing(
    small_shop: Shop, different: Wire
) -> None:
    await small_shop.deploy("a")

    assert (await report(small_shop, **different))["links"] == []


async def test_an_incident_without_an_environment_is_one_of_production(small_shop: Shop) -> None:
    change = await small_shop.deploy("a")
    await small_shop.deploy("b", environment="staging")

    assert methods(await report(small_shop, environment=None)) == [(change["id"], "window")]


async def test_whoever_names_the_change_is_believed(shop: Shop) -> None:
    first = await shop.deploy("a")
    await shop.deploy("b", base=commit_of("a"))

    assert methods(await report(shop, changes=(first["id"],))) == [(first["id"], "explicit")]


async def test_a_change_that_is_not_there_or_was_never_deployed_is_refused(
    small_shop: Shop,
) -> None:
    change = await small_shop.submit("a")

    with pytest.raises(Invalid, match="there is no change"):
        await report(small_shop, changes=("chg_" + "0" * 26,))
    with pytest.raises(Conflict, match="never admitted"):
        await report(small_shop, changes=(change["id"],))
    assert await open_incidents(small_shop) == []


async def test_what_was_rolled_back_is_suspected_first(small_shop: Shop) -> None:
    first = await small_shop.deploy("a", BACK)
    await small_shop.deploy("b")

    assert methods(await report(small_shop)) == [(first["id"], "rollback")]


async def test_a_rollback_while_it_goes_on_is_better_evidence_than_the_time(shop: Shop) -> None:
    change = await shop.deploy("a", None)
    await report(shop)

    await shop.close(change, BACK)

    (incident,) = await open_incidents(shop)
    assert methods(incident) == [(change["id"], "rollback")]
    assert [entry.fields["action"] for entry in await shop.entries("link")] == [
        "linked",
        "found_better",
    ]


async def test_a_change_that_is_rolled_back_takes_the_incidents_that_nobody_had_a_reason_for(
    small_shop: Shop,
) -> None:
    change = await small_shop.deploy("a", None)
    await report(small_shop, began_at=datetime.now(UTC) + 5 * HOUR)

    await small_shop.close(change, BACK)

    (incident,) = await open_incidents(small_shop)
    assert methods(incident) == [(change["id"], "rollback")]


async def test_below_the_severity_of_its_service_an_alert_is_put_down_to_nothing_and_above_it_is(
    small_shop: Shop,
) -> None:
    catalogue = (await small_shop.gate.rulebooks.current()).catalogue
    files = small_shop_files(alerts="critical")
    await small_shop.adopt(files)
    change = await small_shop.deploy("a")
    assert catalogue.services["checkout"].alerts_count_from is None

    quiet = await report(small_shop, id="1", severity="warning", is_alert=True)
    louder = await report(small_shop, id="1", severity="critical", is_alert=True)
    alert_of_pagerduty = await report(small_shop, id="2", severity="warning")

    assert [methods(one) for one in (quiet, louder, alert_of_pagerduty)] == [
        [],
        [(change["id"], "window")],
        [(change["id"], "window")],
    ]


async def test_c17_an_alert_that_does_not_count_is_tied_to_nothing_even_if_it_names_a_change(
    small_shop: Shop,
) -> None:
    await small_shop.adopt(small_shop_files(alerts="critical"))
    change = await small_shop.deploy("a")
    news: dict[str, Any] = {"id": "1", "changes": (change["id"],), "is_alert": True}

    quiet = await report(small_shop, **news, severity="info")
    louder = await report(small_shop, **news, severity="critical")

    assert [methods(one) for one in (quiet, louder)] == [[], [(change["id"], "explicit")]]


def small_shop_files(alerts: str) -> dict[str, str]:
    """The usual files; alerts of checkout count from this severity."""
    files = make_files()
    return files | {
        "catalog.yaml": files["catalog.yaml"].replace(
            "tier: 1, depends_on", f"tier: 1, alerts_count_from: {alerts}, depends_on"
        )
    }


# Told again


async def test_an_alert_that_is_sent_again_is_no_new_incident(shop: Shop) -> None:
    await shop.deploy("a")
    began_at = datetime.now(UTC)

    answers = await asyncio.gather(
        *(incidents.report(shop.gate, ask(id="INC-1", began_at=began_at), HOOK) for _ in range(6))
    )

    assert [answer.is_new for answer in answers].count(True) == 1
    assert {as_json(answer.answer)["id"] for answer in answers} == {"INC-1"}
    assert (
        len(await open_incidents(shop))
        == len(await shop.entries("incident"))
        == len(await shop.entries("link"))
        == 1
    )
    assert (await shop.measures())["failed"] == 1


async def test_two_incidents_of_one_change_are_one_failed_change(shop: Shop) -> None:
    await shop.deploy("a")

    for name in ("INC-1", "INC-2"):
        await report(shop, id=name)

    assert (await shop.measures())["failed"] == 1
    assert (await facts_of_next(shop))["history.failures"] == 1


async def test_its_end_is_told_under_the_same_name_and_is_not_taken_back_by_an_older_word(
    shop: Shop,
) -> None:
    now = datetime.now(UTC)
    await report(shop, id="1", began_at=now, reported_at=now)

    ended = await report(shop, id="1", began_at=now, resolved_at=now + HOUR, reported_at=now + HOUR)
    late = await report(
        shop, id="1", began_at=now, reported_at=now + HOUR / 2, severity="info", reopened=True
    )
    again = await report(shop, id="1", began_at=now, reported_at=now + 2 * HOUR, reopened=True)

    assert ended["resolved_at"] is not None
    assert late == ended
    assert again["resolved_at"] is None
    assert [entry.fields["action"] for entry in await shop.entries("incident")] == [
        "opened",
        "resolved",
        "reopened",
    ]


async def test_an_alert_that_comes_back_is_another_incident_and_one_that_is_late_is_not(
    shop: Shop,
) -> None:
    now = datetime.now(UTC)
    first = await report(shop, id="group", source="alertmanager", began_at=now, comes_back=True)
    await report(
        shop,
        id="group",
        source="alertmanager",
        began_at=now,
        resolved_at=now + HOUR,
        comes_back=True,
    )

    late = await report(shop, id="group", source="alertmanager", began_at=now, comes_back=True)
    second = await report(
        shop, id="group", source="alertmanager", began_at=now + 2 * HOUR, comes_back=True
    )

    assert late["id"] == first["id"] != second["id"]
    assert late["resolved_at"] is not None


async def test_one_name_is_not_used_for_two_places(small_shop: Shop) -> None:
    await report(small_shop, id="INC-1")

    with pytest.raises(
        Conflict, match="checkout in production; report another one under another id"
    ):
        await report(small_shop, id="INC-1", service="web")


# What a hook tells (C17)


def alert_of_pagerduty(**different: Any) -> dict[str, Any]:
    """An incident that PagerDuty calls Q1."""
    return {"id": "Q1", "source": "pagerduty", "environment": None, "is_alert": True, **different}


async def test_c17_a_hook_that_names_the_change_ties_it_explicitly(shop: Shop) -> None:
    first = await shop.deploy("a")
    await shop.deploy("b", base=commit_of("a"))

    incident = await report(shop, **alert_of_pagerduty(changes=(first["id"],)))

    assert methods(incident) == [(first["id"], "explicit")]
    assert await shop.gate.store.read(failed) == ["a"]


async def test_c17_what_the_time_had_tied_is_tied_explicitly_once_its_source_names_it(
    shop: Shop,
) -> None:
    change = await shop.deploy("a")
    began = datetime.now(UTC)
    guessed = await report(shop, **alert_of_pagerduty(began_at=began))

    named = await report(shop, **alert_of_pagerduty(began_at=began, changes=(change["id"],)))

    assert (methods(guessed), methods(named)) == (
        [(change["id"], "window")],
        [(change["id"], "explicit")],
    )
    assert [entry.fields["action"] for entry in await shop.entries("link")] == [
        "linked",
        "found_better",
    ]


async def test_c17_a_name_that_cannot_be_the_cause_is_left_out_and_the_incident_is_kept(
    shop: Shop,
) -> None:
    before = datetime.now(UTC) - HOUR
    elsewhere = await shop.deploy("a", service="web", run=Run("w", 1, ""))
    never_deployed = await shop.submit("b", environment="staging")
    later = await shop.deploy("c")

    for number, name in enumerate(
        (elsewhere["id"], never_deployed["id"], later["id"], "chg_" + "0" * 26)
    ):
        incident = await report(
            shop, **alert_of_pagerduty(id=f"Q{number}", began_at=before, changes=(name,))
        )

        assert (incident["service"], methods(incident)) == ("checkout", [])
    assert await shop.gate.store.read(failed) == []


async def test_c17_what_a_person_untied_is_not_tied_again_by_its_source(shop: Shop) -> None:
    change = await shop.deploy("a")
    incident = await report(shop, **alert_of_pagerduty(changes=(change["id"],)))
    await ties.unlink(
        shop.gate, incident["id"], incident["links"][0]["id"], "it was the network", BEN
    )

    again = await report(shop, **alert_of_pagerduty(changes=(change["id"],)))

    assert methods(again) == []


async def test_c17_an_incident_that_moves_to_another_service_ends_at_the_old_one(
    shop: Shop,
) -> None:
    began = datetime.now(UTC)
    here = await report(shop, **alert_of_pagerduty(began_at=began, reported_at=began))

    moved = await report(
        shop, **alert_of_pagerduty(began_at=began, reported_at=began + HOUR / 60, service="web")
    )
    late = await report(shop, **alert_of_pagerduty(began_at=began, reported_at=began + HOUR / 120))
    ended = await report(
        shop,
        **alert_of_pagerduty(
            began_at=began, reported_at=began + HOUR, service="web", resolved_at=began + HOUR
        ),
    )

    items = {one["service"]: one for one in await open_incidents(shop)}
    assert items["checkout"]["id"] == here["id"] != moved["id"]
    assert datetime.fromisoformat(items["checkout"]["resolved_at"]) == began + HOUR / 60
    assert late["id"] == moved["id"]  # an older word moves nothing back
    assert moved["resolved_at"] is None
    assert (ended["id"], ended["resolved_at"] is not None) == (moved["id"], True)
    actions = [
        (entry.fields["service"], entry.fields["action"])
        for entry in await shop.entries("incident")
    ]
    assert actions == [
        ("checkout", "opened"),
        ("checkout", "moved"),
        ("web", "opened"),
        ("web", "resolved"),
    ]


async def test_c17_an_incident_that_moves_back_goes_on_where_it_was(shop: Shop) -> None:
    began = datetime.now(UTC)
    first = await report(shop, **alert_of_pagerduty(began_at=began, reported_at=began))
    await report(
        shop, **alert_of_pagerduty(began_at=began, reported_at=began + HOUR / 60, service="web")
    )

    back = await report(shop, **alert_of_pagerduty(began_at=began, reported_at=began + HOUR / 30))

    assert (back["id"], back["resolved_at"]) == (first["id"], None)
    assert [
        (one["service"], one["resolved_at"] is None)
        for one in await open_incidents(shop, open=True)
    ] == [("checkout", True)]


async def test_b11_a_hook_token_ends_no_incident_that_moved_back_to_another_service(
    shop: Shop,
) -> None:
    began = datetime.now(UTC)
    await report(shop, **alert_of_pagerduty(began_at=began, reported_at=began))
    await report(
        shop, **alert_of_pagerduty(began_at=began, reported_at=began + HOUR / 60, service="web")
    )
    await report(shop, **alert_of_pagerduty(began_at=began, reported_at=began + HOUR / 30))
    of_web = Machine("token:hook", Role.HOOK, frozenset({"web"}))
    news = alert_of_pagerduty(
        began_at=began, reported_at=began + HOUR, service="web", resolved_at=began + HOUR
    )

    ((_, heard),) = (await bound.hear(shop.gate, [("1", ask(**news))], of_web)).taken
    assert isinstance(heard, IncidentReport)
    delivery = incidents.delivery(heard, named="1", caller=of_web.caller)
    await inbox.receive(shop.gate, [delivery])
    await inbox.work(shop.gate, {incidents.KIND: incidents.work})

    assert [
        (one["service"], one["resolved_at"] is None)
        for one in await open_incidents(shop, open=True)
    ] == [("checkout", True)]


async def test_c17_the_end_of_an_incident_keeps_its_severity(shop: Shop) -> None:
    began = datetime.now(UTC)
    named: dict[str, Any] = {"id": "I1", "source": "cdevents", "began_at": began}
    await report(shop, **named, severity="low", reported_at=began)

    ended = await report(
        shop,
        **named,
        severity=None,
        reported_at=began + HOUR,
        resolved_at=began + HOUR,
        is_end=True,
    )
    unsaid = await report(shop, **(named | {"id": "I2"}), severity=None)

    assert (ended["severity"], ended["resolved_at"] is not None) == ("low", True)
    assert unsaid["severity"] == "critical"  # nobody said, so it counts as the worst


async def test_c17_an_end_finds_the_incident_wherever_it_is_by_now(shop: Shop) -> None:
    began = datetime.now(UTC)
    named: dict[str, Any] = {"id": "I1", "source": "cdevents", "began_at": began}
    first = await report(shop, **named, reported_at=began)

    ended = await report(
        shop,
        **named,
        service="web",
        reported_at=began + HOUR,
        resolved_at=began + HOUR,
        is_end=True,
    )

    assert (ended["id"], ended["service"]) == (first["id"], "checkout")
    assert ended["resolved_at"] is not None


async def test_a49_a_source_whose_clock_is_far_ahead_is_heard_again_after_a_day(shop: Shop) -> None:
    began = datetime.now(UTC)
    await report(shop, **alert_of_pagerduty(began_at=began, reported_at=began + 1_000 * HOUR))
    await shop.let_pass_hours(25)

    ended = await report(
        shop,
        **alert_of_pagerduty(
            began_at=began, reported_at=datetime.now(UTC), resolved_at=datetime.now(UTC)
        ),
    )

    assert ended["resolved_at"] is not None


async def test_an_id_of_the_gate_is_good_for_news_of_any_source_and_never_for_a_new_incident(
    small_shop: Shop,
) -> None:
    now = datetime.now(UTC)
    alert_of_pagerduty = await report(small_shop, id="P1", source="pagerduty", began_at=now)

    ended = await report(
        small_shop, ADA, id=alert_of_pagerduty["id"], began_at=now, resolved_at=now
    )

    assert (ended["id"], ended["source"]) == (alert_of_pagerduty["id"], "pagerduty")
    assert ended["resolved_at"] is not None
    with pytest.raises(NotFound, match="there is no incident"):
        await report(small_shop, id="inc_nothing")


async def test_what_ended_before_it_began_is_refused(small_shop: Shop) -> None:
    with pytest.raises(Invalid, match="resolved before it began"):
        await report(small_shop, resolved_at=datetime.now(UTC) - HOUR)


# Lists


async def test_e26_every_incident_of_a_change_is_listed_page_by_page(shop: Shop) -> None:
    change = await shop.deploy("a", Result.UNSUCCESSFUL)
    other = await shop.deploy("b", service="ledger")
    for number in range(LINKS_MAX + 1):
        await report(shop, id=f"i{number}", changes=(change["id"],))
    of_other = await report(shop, id="other", service="ledger", changes=(other["id"],))

    filters = IncidentFilters(change=change["id"])
    first = await incident_list.listing(shop.gate, filters, ADA, Part(limit=LINKS_MAX))
    after = Part(limit=LINKS_MAX, cursor=first.next)
    rest = await incident_list.listing(shop.gate, filters, ADA, after)

    assert (len(first.items), len(rest.items), rest.next) == (LINKS_MAX, 1, None)
    assert [one["id"] for one in await open_incidents(shop, change=other["id"])] == [of_other["id"]]


async def test_the_list_is_newest_first_by_service_place_and_what_goes_on(shop: Shop) -> None:
    now = datetime.now(UTC)
    cases: list[Wire] = [
        {},
        {"service": "web"},
        {"environment": "stage"},
        {"resolved_at": now + HOUR},
    ]
    for number, fields in enumerate(cases):
        await report(shop, id=str(number), began_at=now + timedelta(minutes=number), **fields)

    async def ids(**different: Any) -> list[str]:
        return [one["id"] for one in await open_incidents(shop, **different)]

    assert await ids() == ["3", "2", "1", "0"]
    assert await ids(service="checkout") == ["3", "2", "0"]
    assert await ids(environment="staging") == ["2"]
    assert await ids(open=True) == ["2", "1", "0"]
    assert await ids(open=False) == ["3"]
    assert await ids(
        part=Part(begins=now + timedelta(minutes=1), ends=now + timedelta(minutes=3))
    ) == ["2", "1"]


async def test_a_list_of_any_length_is_read_page_by_page(small_shop: Shop) -> None:
    for number in range(5):
        await report(small_shop, id=str(number))
    seen, cursor = [], None
    for _ in range(3):
        page = await incident_list.listing(
            small_shop.gate, IncidentFilters(), LENA, Part(cursor=cursor, limit=2)
        )
        seen += [one.id for one in page.items]
        cursor = page.next

    assert (seen, cursor) == (["4", "3", "2", "1", "0"], None)
