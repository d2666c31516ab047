"""What a page says about an act is true, is said once, and is never taken from an address."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gate.flow.caller import Role
from gate.storage.database.tx import Tx
from gate.storage.tables.schema_learning import improvements
from gate.web.notices import Notice
from tests.api.served import ROOT, Served, admission, request, served
from tests.integrations.fake_jira import URL
from tests.web.browsing import ORDINARY, browser, deployed, send, unlinked, waiting
from tests.web.trackers import connected, with_issue

pytestmark = pytest.mark.anyio

Acted = tuple[httpx.AsyncClient, httpx.Response]
END = "2199-01-01T00:00"


@pytest.fixture
async def service(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """The service on a database of its own."""
    async with served(sqlite_url, tmp_path, connections=connected(with_issue("OPS-7"))) as running:
        yield running


async def _read(service: Served, change: Mapping[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = (
        await (await service.pipeline()).get(f"/v1/changes/{change['id']}")
    ).json()
    return answer


async def _decide(
    http: httpx.AsyncClient, change: Mapping[str, Any], act: str, comment: str = ""
) -> httpx.Response:
    digest = change["subject_digest"]
    page = f"/changes/{change['id']}"
    return await send(
        http,
        f"{page}/decisions",
        act=act,
        comment=comment,
        subject_digest=digest,
        back=page,
    )


async def _freeze(http: httpx.AsyncClient, **fields: str) -> str:
    await send(http, "/calendar/windows", reason="Closing", **fields)
    declared = (await http.get("/calendar.json")).json()["declared"]
    return str(declared[0]["id"])


async def _counted(service: Served) -> Acted:
    http, change = await browser(service), await waiting(service)
    response = await _decide(http, change, "approve")
    after = await _read(service, change)
    assert (after["state"], len(after["approvals"]["given"])) == ("pending", 1)
    return http, response


async def _approved(service: Served) -> Acted:
    http, change = await browser(service, "ben"), await waiting(service)
    await _decide(await browser(service), change, "approve")
    response = await _decide(http, change, "approve")
    after = await _read(service, change)
    assert (after["state"], after["hold"]) == ("approved", None)
    return http, response


async def _approved_and_held(service: Served) -> Acted:
    http = await browser(service, "ben")
    await _freeze(http, stop="yes")
    change = await waiting(service)
    await _decide(await browser(service), change, "approve")
    response = await _decide(http, change, "approve")
    after = await _read(service, change)
    assert (after["state"], after["hold"]["stop"]) == ("approved", True)
    return http, response


async def _taken_back(service: Served) -> Acted:
    http, change = await browser(service), await waiting(service)
    await _decide(http, change, "approve")
    assert "Take back your approval" in (await http.get(f"/changes/{change['id']}")).text
    response = await send(http, f"/changes/{change['id']}/approvals/end")
    after = await _read(service, change)
    assert (after["state"], after["approvals"]["given"][0]["lapsed"]) == ("pending", True)
    return http, response


async def _rejected(service: Served) -> Acted:
    http, change = await browser(service), await waiting(service)
    response = await _decide(http, change, "reject", "It locks orders")
    assert (await _read(service, change))["state"] == "rejected"
    return http, response


async def _override(service: Served, windows: int) -> Acted:
    http = await browser(service)
    ids = [await _freeze(http, ends=END) for _ in range(windows)]
    change = await waiting(service)
    held_by = (await _read(service, change))["hold"]["window"]
    assert held_by in ids
    response = await send(
        http, f"/changes/{change['id']}/overrides", window=held_by, comment="It repairs"
    )
    hold = (await _read(service, change))["hold"]
    assert (hold is not None) == (windows > 1)
    return http, response


async def _overridden(service: Served) -> Acted:
    return await _override(service, 1)


async def _overridden_and_held(service: Served) -> Acted:
    return await _override(service, 2)


async def _rejection_lifted(service: Served) -> Acted:
    http, change = await browser(service), await waiting(service)
    await _decide(http, change, "reject", "It locks orders")
    response = await send(http, f"/changes/{change['id']}/overrides", comment="It does not")
    anew = await waiting(service, run="another")
    assert (anew["state"], anew["id"] != change["id"]) == ("pending", True)
    return http, response


async def _canceled(service: Served) -> Acted:
    http, change = await browser(service), await waiting(service)
    response = await send(http, f"/changes/{change['id']}/cancellation")
    assert (await _read(service, change))["state"] == "canceled"
    return http, response


async def _reviewed(service: Served) -> Acted:
    http, pipeline = await browser(service), await service.pipeline()
    change = (await pipeline.post("/v1/changes", json=request())).json()
    await pipeline.post(f"/v1/changes/{change['id']}/admission", json=admission())
    await pipeline.post(f"/v1/changes/{change['id']}/closure", json={"result": "unsuccessful"})
    response = await send(
        http, f"/changes/{change['id']}/post-review", findings="No test", comment="Test it"
    )
    story = (await http.get(f"/changes/{change['id']}.json")).json()
    assert story["post_review"]["done_at"] is not None
    return http, response


async def _window_declared(service: Served) -> Acted:
    http = await browser(service)
    response = await send(http, "/calendar/windows", reason="Closing", ends=END)
    assert [one["stop"] for one in (await http.get("/calendar.json")).json()["declared"]] == [False]
    return http, response


async def _line_stopped(service: Served) -> Acted:
    http = await browser(service)
    response = await send(http, "/calendar/windows", reason="Fire", stop="yes")
    change = await waiting(service)
    assert change["hold"]["stop"] is True
    return http, response


async def _lifted(service: Served, **fields: str) -> Acted:
    http = await browser(service)
    window = await _freeze(http, **fields)
    response = await send(http, f"/calendar/windows/{window}/end")
    assert (await http.get("/calendar.json")).json()["declared"] == []
    assert (await waiting(service))["hold"] is None
    return http, response


async def _window_lifted(service: Served) -> Acted:
    return await _lifted(service, ends=END)


async def _stop_lifted(service: Served) -> Acted:
    return await _lifted(service, stop="yes")


async def _activate(service: Served, before: str, after: str) -> Acted:
    http = await browser(service, "ben", Role.ADMIN)
    files = {one.name: one.read_text() for one in (ROOT / "policies").glob("*.yaml")}
    files["production.yaml"] = files["production.yaml"].replace(before, after)
    made = await (await service.admin()).post("/v1/policies", json={"files": files})
    revision = made.json()["revision"]
    response = await send(http, f"/policies/{revision}/activation", comment="Longer")
    assert (await http.get("/policies.json")).json()["revision"] == revision
    return http, response


async def _activated(service: Served) -> Acted:
    return await _activate(service, "valid_for: 4h", "valid_for: 5h")


async def _notice_given(service: Served) -> Acted:
    rule = (
        "{id: any, title: Any, when: [diff.lines_added > 0], points: 0, control: [fedramp:SCN-TRF]}"
    )
    await _activate(service, "\nrules:\n", f"\nrules:\n  - {rule}\n")
    http, change = await browser(service), await waiting(service)
    page = f"/changes/{change['id']}"
    assert "SCN-TRF-NIP" in (await http.get(page)).text
    response = await send(http, f"{page}/notices", duty="final-plans", comment="By mail")
    first, second, *_ = (await http.get(f"{page}.json")).json()["notice"]["duties"]
    assert (first["status"], second["status"], second["given_by"]) == (
        "overdue",
        "late",
        "Ada Ekberg",
    )
    return http, response


async def _improvement(service: Served) -> tuple[httpx.AsyncClient, httpx.Response, Any]:
    """Begin an item of the register, and return it."""
    http = await browser(service)
    due_at = (service.gate.clock() + timedelta(days=30)).date().isoformat()
    place = {"service": "web", "environment": "staging", "figure": "incidents", "due_at": due_at}
    said = {"experiment": "Fewer at once", "owner": "release-managers", "priority": "planned"}
    response = await send(http, "/improvements", **place, **said)
    (item,) = (await http.get("/v1/improvements")).json()["items"]
    return http, response, item


async def _improvement_begun(service: Served) -> Acted:
    http, response, item = await _improvement(service)
    assert (item["before"]["value"], item["after"]) == (0, None)
    return http, response


async def _improvement_postponed(service: Served) -> Acted:
    http, _, item = await _improvement(service)
    later = (service.gate.clock() + timedelta(days=60)).date().isoformat()
    response = await send(http, f"/improvements/{item['id']}", due_at=later)
    (after,) = (await http.get("/v1/improvements")).json()["items"]
    assert after["due_at"][:10] == later
    return http, response


async def _issue_asked(service: Served) -> Acted:
    http, _, item = await _improvement(service)
    response = await send(http, f"/improvements/{item['id']}/issue", tracker="jira", link="")
    (after,) = (await http.get("/v1/improvements")).json()["items"]
    assert (after["issue"]["tracker"], after["issue"]["place"]) == ("jira", "OPS")
    return http, response


async def _issue_followed(service: Served) -> Acted:
    http, _, item = await _improvement(service)
    response = await send(http, f"/improvements/{item['id']}/issue", link=f"{URL}/browse/OPS-7")
    (after,) = (await http.get("/v1/improvements")).json()["items"]
    assert (after["issue"]["name"], after["issue"]["state"]) == ("OPS-7", "open")
    return http, response


async def _incident_tied(service: Served) -> Acted:
    http, incident = await browser(service), await unlinked(service, "Carts are empty")
    change = await deployed(service, "1", "successful")
    fields = {"change": change["id"], "reason": "the basket was changed"}
    response = await send(http, f"/incidents/{incident}/links", **fields)
    after = await _read(service, change)
    assert [one["id"] for one in after["incidents"]] == [incident]
    page = (await http.get(f"/changes/{change['id']}")).text
    assert '<span class="state failed">failed</span>' in page
    return http, response


async def _improvement_closed(service: Served) -> Acted:
    http, _, item = await _improvement(service)

    def come_due(tx: Tx) -> None:
        tx.conn.execute(improvements.update().values(due_at=tx.now))

    await service.gate.store.write(come_due)
    response = await send(http, f"/improvements/{item['id']}", finding="It helped")
    (after,) = (await http.get("/v1/improvements")).json()["items"]
    assert (after["after"]["value"], after["closed_at"] is None) == (0, False)
    return http, response


async def _person_changed(service: Served) -> Acted:
    http = await browser(service, "ben", Role.ADMIN)
    await browser(service, "lena")
    response = await send(http, "/administration/people/lena", act="shut_out")
    people = (await http.get("/administration.json")).json()["let_in"]
    assert [one["disabled"] for one in people if one["email"] == "lena@example.com"] == [True]
    return http, response


async def _revoked(service: Served) -> Acted:
    http = await browser(service)
    secret = await service.token(person="ada")
    response = await send(http, f"/administration/tokens/{secret.split('_')[1]}/end")
    assert (await service.anybody(secret).get("/v1/policies")).status_code == 401
    return http, response


CLAIMS: Mapping[Notice, Callable[[Served], Awaitable[Acted]]] = {
    Notice.APPROVED: _approved,
    Notice.APPROVED_AND_HELD: _approved_and_held,
    Notice.COUNTED: _counted,
    Notice.TAKEN_BACK: _taken_back,
    Notice.REJECTED: _rejected,
    Notice.OVERRIDDEN: _overridden,
    Notice.OVERRIDDEN_AND_HELD: _overridden_and_held,
    Notice.REJECTION_LIFTED: _rejection_lifted,
    Notice.CANCELED: _canceled,
    Notice.REVIEWED: _reviewed,
    Notice.NOTICE_GIVEN: _notice_given,
    Notice.WINDOW_DECLARED: _window_declared,
    Notice.LINE_STOPPED: _line_stopped,
    Notice.WINDOW_LIFTED: _window_lifted,
    Notice.STOP_LIFTED: _stop_lifted,
    Notice.IMPROVEMENT_BEGUN: _improvement_begun,
    Notice.IMPROVEMENT_POSTPONED: _improvement_postponed,
    Notice.ISSUE_ASKED: _issue_asked,
    Notice.ISSUE_FOLLOWED: _issue_followed,
    Notice.INCIDENT_TIED: _incident_tied,
    Notice.IMPROVEMENT_CLOSED: _improvement_closed,
    Notice.ACTIVATED: _activated,
    Notice.PERSON_CHANGED: _person_changed,
    Notice.REVOKED: _revoked,
}


@pytest.mark.parametrize("notice", Notice, ids=lambda one: one.name.lower())
async def test_every_success_message_is_followed_by_the_state_it_claims_and_is_said_once(
    service: Served, notice: Notice
) -> None:
    http, response = await CLAIMS[notice](service)

    address = response.headers["location"]
    fetched = await http.get(address, headers={"Sec-Fetch-Dest": "empty"})
    shown, again = await http.get(address), await http.get(address)

    assert [f'role="status">{notice.value}<' in one.text for one in (fetched, shown, again)] == [
        False,
        True,
        False,
    ]


async def test_no_address_makes_a_page_say_what_was_not_done(service: Served) -> None:
    http, change = await browser(service), await waiting(service)

    pages = [
        await http.get(f"{path}?done=approved")
        for path in (f"/changes/{change['id']}", "/", "/calendar", "/policies", "/administration")
    ]

    assert [one.status_code for one in pages] == [422] * 5
    assert [any(notice.value in one.text for notice in Notice) for one in pages] == [False] * 5


async def test_what_was_done_to_one_change_is_not_said_of_another(service: Served) -> None:
    http, change = await browser(service), await waiting(service)
    other = await waiting(service, run="other")
    await _decide(http, change, "reject", "It locks orders")

    shown = await http.get(f"/changes/{other['id']}")

    assert Notice.REJECTED.value not in shown.text


async def test_a_batch_says_what_became_of_each(service: Served) -> None:
    http = await browser(service)
    first, second, moved = [
        await waiting(service, title=f"Title {run}", run=run, facts=ORDINARY)
        for run in ("1", "2", "3")
    ]
    await _decide(await browser(service, "ben"), second, "approve")
    await _decide(await browser(service, "ben"), moved, "reject", "No")

    page = await _send_many(http, first, second, moved)
    all_done = await _send_many(http, first, second)

    rows = [row for row in page.text.split("<tr>") if "/changes/" in row]
    said = (Notice.COUNTED.value, Notice.APPROVED.value, "the change is rejected already")
    assert page.status_code == 409
    assert "on record for 2 of 3" in page.text
    assert [
        (one["title"] in row, words in row)
        for one, words, row in zip((first, second, moved), said, rows, strict=True)
    ] == [(True, True)] * 3
    assert (all_done.status_code, "/changes/" in all_done.text) == (409, True)


async def _send_many(http: httpx.AsyncClient, *changes: Mapping[str, Any]) -> httpx.Response:
    chosen = [f"{one['id']}:{one['subject_digest']}" for one in changes]
    return await send(http, "/queue/decisions", act="approve", change=chosen, back="/")
