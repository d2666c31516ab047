"""The triage list, the pack of a week and an incident as pages: every number leads somewhere, and an
incident is tied where it is found.
"""

from datetime import UTC, datetime

import pytest

from gate.core.learning.weeks import week_of
from tests.api.served import Served
from tests.web.browsing import browser, deployed, send, unlinked, waiting

pytestmark = pytest.mark.anyio


async def test_a_triage_list_without_anything_says_so(service: Served) -> None:
    page = (await (await browser(service)).get("/triage")).text

    assert "Nothing is left to mend" in page


async def test_an_incident_is_tied_on_its_page_and_leaves_the_list(service: Served) -> None:
    incident = await unlinked(service, "Carts are <empty>")
    change = await deployed(service, "1", "successful")
    http, other = await browser(service), await browser(service, "kofi")
    address = f"/incidents/{incident}"
    fields = {"change": change["id"], "reason": "the basket was changed"}

    triage = (await http.get("/triage")).text
    page = (await http.get(address)).text
    forbidden = await send(other, f"{address}/links", **fields)
    without = await send(http, f"{address}/links", **{**fields, "reason": ""})
    unknown = await send(http, f"{address}/links", **{**fields, "change": "chg_" + "0" * 26})
    tied = await send(http, f"{address}/links", **fields)
    after = (await http.get(address)).text

    assert f'href="{address}"' in triage
    assert "Carts are &lt;empty&gt;" in triage
    assert f'value="{change["id"]}"' in page
    assert f'action="{address}/links"' not in (await other.get(address)).text
    assert (forbidden.status_code, without.status_code, unknown.status_code) == (403, 422, 422)
    assert tied.status_code == 303
    assert "The incident is tied to the change" in after
    assert (
        f'<a href="/changes/{change["id"]}"><bdi>Faster images</bdi></a> <span class="hint">A p'
        in after
    )
    assert "the basket was changed" in after
    assert "Carts" not in (await http.get("/triage?kind=unlinked_incident")).text
    assert (await http.get("/incidents/inc_unknown")).status_code == 404


async def test_a_failure_leads_from_the_list_to_where_its_review_is_held(service: Served) -> None:
    change = await deployed(service, "1", "unsuccessful")
    http = await browser(service)

    page = (await http.get("/triage")).text
    twin = (await http.get("/triage.json")).json()
    answer = (await http.get("/v1/triage?kind=failed_without_review")).json()

    (one,) = answer["concerns"]
    assert f'href="/changes/{change["id"]}#happened"' in page
    assert 'action="/changes/' in (await http.get(one["items"][0]["page"])).text
    assert [found["n"] for found in twin["concerns"]] == [0, 1, 0, 0, 0]
    assert one["items"][0]["title"] == "Faster images"


async def test_the_pack_of_a_week_says_what_failed_with_links_as_page_and_markdown(
    service: Served,
) -> None:
    change = await deployed(service, "1", "unsuccessful")
    http = await browser(service)
    week = week_of(datetime.now(UTC), service.gate.rulebooks.latest.calendar.zone)

    page = (await http.get("/weekly")).text
    answer = (await http.get(f"/v1/weekly?week={week.name}")).json()
    text = await http.get(f"/v1/weekly?week={week.name}&format=markdown")
    ahead = await http.get(f"/v1/weekly?week={week.after.name}")

    assert f"Week {week.name}" in page
    assert f'href="/changes/{change["id"]}"' in page
    assert "no &lt;b&gt;index&lt;/b&gt;" in page
    assert (answer["week"], answer["failed"]["n"]) == (week.name, 1)
    assert answer["failed"]["items"][0]["notes"] == "no <b>index</b>"
    assert text.headers["content-type"] == "text/markdown; charset=utf-8"
    assert text.text.startswith(f"# [Week {week.name}](https://gate.example.com/weekly?week=")
    assert f"([open](https://gate.example.com/changes/{change['id']}))" in text.text
    assert "no \\<b\\>index" in text.text
    assert ahead.status_code == 422
    assert "has not begun" in ahead.json()["detail"]


async def test_what_waited_leads_to_its_changes(service: Served) -> None:
    change = await waiting(service)
    http = await browser(service)
    said = {"subject_digest": change["subject_digest"], "comment": "fine"}
    for person in ("ada", "chloe"):
        given = await (await service.signed_in(person)).post(
            f"/v1/changes/{change['id']}/approvals", json=said
        )
        assert given.status_code == 200, given.text

    page = (await http.get("/weekly")).text
    waited = (await http.get("/weekly.json")).json()["waited"]
    behind = [(await http.get(one["page"])).text for one in waited["groups"] + waited["places"]]

    assert waited["changes"] == 1
    assert page.count('<table class="places">') == 2
    assert {one["group"] for one in waited["groups"]} >= {"release-managers"}
    assert all(one["page"].replace("&", "&amp;") in page for one in waited["groups"])
    assert len(behind) > 1
    assert all(f'href="/changes/{change["id"]}"' in one for one in behind)
