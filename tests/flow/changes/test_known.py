"""A change as it is known: with the incidents that it is tied to."""

import pytest

from gate.core.change import Result
from gate.flow.incidents import ties
from gate.flow.queries import look
from gate.storage.changes.change_list import ChangeFilters
from gate.storage.incidents.links import SHOWN_MAX
from tests.flow.breaking import BEN, report
from tests.flow.shop import ADA, Shop, as_json

pytestmark = pytest.mark.anyio


async def test_section_8_a_change_names_its_incidents_with_title_and_method(shop: Shop) -> None:
    change = await shop.deploy("a", Result.UNSUCCESSFUL)
    other = await shop.deploy("b", service="ledger")
    opened = await report(shop, id="named", changes=(change["id"],))
    later = await report(shop, id="later", service="ledger")

    read = as_json(await look.change(shop.gate, change["id"], ADA, 0))
    listed = as_json(await look.changes(shop.gate, ChangeFilters(), ADA))["items"]

    shown = {"id": opened["id"], "title": "Baskets are empty", "method": "explicit"}
    assert (change["incidents"], read["incidents"]) == ([], [shown])
    assert {one["id"]: one["incidents"] for one in listed} == {
        change["id"]: [shown],
        other["id"]: [{"id": later["id"], "title": "Baskets are empty", "method": "window"}],
    }


async def test_a_link_that_a_person_removed_is_no_incident_of_the_change(shop: Shop) -> None:
    change = await shop.deploy("a")
    opened = await report(shop)

    link = opened["links"][0]["id"]
    await ties.unlink(shop.gate, opened["id"], link, "the network was down", BEN)

    read = as_json(await look.change(shop.gate, change["id"], ADA, 0))
    assert read["incidents"] == []


async def test_of_many_incidents_the_last_are_shown_and_where_all_are_listed(shop: Shop) -> None:
    change = await shop.deploy("a", Result.UNSUCCESSFUL)
    other = await shop.deploy("b", service="ledger")
    ids = [
        (await report(shop, id=f"i{number}", changes=(change["id"],)))["id"]
        for number in range(SHOWN_MAX)
    ]
    full = as_json(await look.change(shop.gate, change["id"], ADA, 0))
    ids.append((await report(shop, id="one more", changes=(change["id"],)))["id"])

    read = as_json(await look.change(shop.gate, change["id"], ADA, 0))
    listed = as_json(await look.changes(shop.gate, ChangeFilters(), ADA))["items"]

    newest = ids[:0:-1]
    assert (len(full["incidents"]), "incidents" in full["links"]) == (SHOWN_MAX, False)
    assert [one["id"] for one in read["incidents"]] == newest
    assert read["links"]["incidents"].endswith(f"/v1/incidents?change={change['id']}")
    assert {one["id"]: len(one["incidents"]) for one in listed} == {
        change["id"]: SHOWN_MAX,
        other["id"]: 0,
    }
