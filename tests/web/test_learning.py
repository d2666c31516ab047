"""What is learned from how changes ended, on pages."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from gate.core.change import Result
from gate.flow.caller import HookKind, Role
from tests.api.served import Served, admission, request, served
from tests.flow.queries.test_rehearsal import bring, deployed
from tests.integrations.fake_jira import URL
from tests.web.browsing import browser, send
from tests.web.trackers import connected, with_issue

pytestmark = pytest.mark.anyio

ODD = {"diff": {"lines_added": 5, "lines_deleted": 2, "files": ["db/0.sql"], "files_changed": 1}}


async def test_the_page_says_how_often_the_like_was_done_here(service: Served) -> None:
    pipeline, http = await service.pipeline(), await browser(service)
    first = (await pipeline.post("/v1/changes", json=request("1"))).json()
    admitted = await pipeline.post(f"/v1/changes/{first['id']}/admission", json=admission("1"))
    second = (await pipeline.post("/v1/changes", json=request("2"))).json()
    unlike = (await pipeline.post("/v1/changes", json=request("3", facts=ODD))).json()
    unknown = (await pipeline.post("/v1/changes", json=request("4", facts={}))).json()

    shown = [
        (await http.get(f"/changes/{one['id']}")).text.partition('id="repeatability"')[2]
        for one in (second, unlike, unknown)
    ]

    assert admitted.status_code == 200
    assert "1 earlier change here touched the same kinds of files (source); none failed" in shown[0]
    assert (
        f'<a href="/changes/{first["id"]}">The last one</a> was less than a day before' in shown[0]
    )
    assert "In the 24 hours before it 1 change was deployed here" in shown[0]
    assert "no earlier change touched just these kinds of files (migrations)" in shown[1]
    assert "Unknown: no list of files counts here" in shown[2]


async def test_a_registered_set_is_tried_on_a_page_with_a_curve(service: Served) -> None:
    http = await browser(service)
    await bring(service.gate, [deployed("a", 9), deployed("b", 5, result=Result.UNSUCCESSFUL)])
    (in_force,) = (await http.get("/policies.json")).json()["revisions"]
    address = f"/backtests?candidate={in_force['revision']}&history=imported"

    asked = (await http.get("/backtests")).text
    log = (await http.get(address.replace("imported", "log"))).text
    page = (await http.get(address)).text
    twin = (await http.get(address.replace("?", ".json?"))).json()
    unknown = await http.get("/backtests?candidate=nothing")

    assert "Pick a registered set of policies" in asked
    assert "No deployment that has ended in these days" in log
    assert page.count("<polyline") == 2
    assert "Caught by the candidate" in page
    silent = sum(not one["fired"] for one in twin["rules"])
    assert 0 < silent < len(twin["rules"])
    assert page.count('data-is="Gave points"') == len(twin["rules"]) - silent
    assert f"<summary>{silent} rules never gave points</summary>" in page
    assert (twin["history"], twin["changes"], twin["failed"]) == ("imported", 2, 1)
    assert unknown.status_code == 404


async def test_the_scorecard_shows_every_number_beside_the_one_before_with_its_changes(
    service: Served,
) -> None:
    pipeline, http = await service.pipeline(), await browser(service)
    change = (
        await pipeline.post("/v1/changes", json=request("1", title="Round half to even"))
    ).json()
    await pipeline.post(f"/v1/changes/{change['id']}/admission", json=admission("1"))
    await pipeline.post(
        f"/v1/changes/{change['id']}/closure", json={"result": "unsuccessful", "run": {"id": "1"}}
    )
    hook = service.anybody(await service.token(Role.HOOK, "web", hook=HookKind.INCIDENTS))
    measure = {
        "service": "web",
        "name": "satisfaction",
        "unit": "of 5",
        "at": change["submitted_at"],
    }
    sent = [await hook.post("/v1/measures", json=measure | {"value": one}) for one in (4, 4.25)]
    wrong = await hook.post("/v1/measures", json=measure | {"value": 4.00001})

    page = (await http.get("/scorecard?environment=staging&days=7")).text
    twin = (await http.get("/v1/scorecard?service=web&environment=staging")).json()

    (card,) = twin["cards"]
    assert [one.status_code for one in (*sent, wrong)] == [201, 201, 422]
    assert card["quality"]["change_fail_rate"]["changes"] == [change["id"]]
    assert (card["customer"][0]["value"], card["customer"][0]["before"]) == (4.25, None)
    assert f'<a href="/changes/{change["id"]}"><bdi>Round half to even</bdi></a>' in page
    assert "too few to compare" in page
    assert "100 % of 1 failed" in page
    assert ">4.25 <" in page
    assert 'data-is="Now">0.12</td>' in page  # 1 deployment on 8 days


async def test_a_proposal_is_taken_on_its_page_and_stands_there_with_its_figure(
    service: Served,
) -> None:
    pipeline, http = await service.pipeline(), await browser(service)
    for number in "123":
        change = (await pipeline.post("/v1/changes", json=request(number))).json()
        await pipeline.post(f"/v1/changes/{change['id']}/admission", json=admission(number))
        await pipeline.post(
            f"/v1/changes/{change['id']}/closure",
            json={"result": "unsuccessful", "run": {"id": number}},
        )
    proposal = "recurring_failures:web:staging"
    due = (service.gate.clock() + timedelta(days=30)).date().isoformat()
    fields = {
        "proposal": proposal,
        "service": "web",
        "environment": "staging",
        "experiment": "Try it on <one> server first",
        "owner": "release-managers",
        "priority": "urgent",
        "figure": "change_fail_rate",
        "due_at": due,
    }

    asked = (await http.get(f"/improvements?proposal={proposal}")).text
    refused = await send(http, "/improvements", **{**fields, "due_at": "2020-01-01"})
    begun = await send(http, "/improvements", **fields)
    page = " ".join((await http.get("/improvements")).text.split())
    (item,) = (await http.get("/v1/improvements")).json()["items"]
    left = (await http.get("/v1/improvements/proposals")).json()["proposals"]
    early = await send(http, f"/improvements/{item['id']}", finding="It helped")
    log = (await http.get("/log?kind=improvement")).text

    assert "3 deployments failed in the last 30 days" in asked
    assert f'value="{proposal}"' in asked
    assert refused.status_code == 422
    assert "allowed is a due date from 1 to 366 days ahead" in refused.text
    assert "Try it on &lt;one&gt; server first" in refused.text
    assert begun.status_code == 303
    assert "Change fail rate over 30 days: before 100 % (of 3), after -" in page
    assert (item["proposal"], item["before"]["value"]) == (proposal, 1)
    assert proposal not in {one["id"] for one in left}
    assert early.status_code == 409
    link = f'<a href="/improvements#{item["id"]}">{item["id"]}</a>'
    assert f"Improvement {link} begun" in log


@pytest.mark.parametrize(
    ("category", "words"),
    [("new", "open there"), ("done", "closed there, figure not yet read")],
)
async def test_an_item_shows_its_issue_and_what_a_closed_one_means(
    sqlite_url: str, tmp_path: Path, category: str, words: str
) -> None:
    joined = connected(with_issue("OPS-1", category))
    async with served(sqlite_url, tmp_path, connections=joined) as service:
        http = await browser(service)
        before = (await begin_item(service, http)).text
        (item,) = (await http.get("/v1/improvements")).json()["items"]
        link = f"{URL}/browse/OPS-1"
        await send(http, f"/improvements/{item['id']}/issue", link=link)
        page = " ".join((await http.get("/improvements")).text.split())

    assert "Open an issue at acme.atlassian.net" in before
    assert f'<a href="{link}" rel="noreferrer">' in page
    assert words in page
    assert "Open an issue at" not in page


async def test_without_a_tracker_the_page_says_what_to_set_and_offers_nothing(
    service: Served,
) -> None:
    page = (await begin_item(service, await browser(service))).text

    assert "GATE_ISSUES" in page
    assert "/issue" not in page


async def begin_item(service: Served, http: httpx.AsyncClient) -> httpx.Response:
    """Begin an item, and return the page with it."""
    due = (service.gate.clock() + timedelta(days=30)).date().isoformat()
    place = {"service": "web", "environment": "staging", "figure": "incidents", "due_at": due}
    said = {"experiment": "Fewer at once", "owner": "release-managers", "priority": "planned"}
    assert (await send(http, "/improvements", **place, **said)).status_code == 303
    return await http.get("/improvements")
