"""A form that is refused loses nothing, and gives nothing back to another site."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import Connection, select

from gate.flow.caller import Role
from gate.storage.tables.schema import ledger_entries
from tests.api.served import ROOT, Served, admission, request
from tests.web.browsing import OWN, browser, send, stranger, waiting

pytestmark = pytest.mark.anyio

WRITTEN = "The migration <locks> orders."


async def sent(http: httpx.AsyncClient, page: str, **headers: str) -> httpx.Response:
    """The form of a change, as a browser sends it without being signed in."""
    fields = {"act": "reject", "comment": WRITTEN, "subject_digest": "0" * 64}
    return await http.post(f"{page}/decisions", data=fields, headers={**OWN, **headers})


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "https://evil.example.com"}, id="another origin"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another site"),
    ],
)
async def test_what_another_site_sends_is_never_shown(
    service: Served, headers: dict[str, str]
) -> None:
    change = await waiting(service)

    answers = [
        await sent(http, f"/changes/{change['id']}", **headers)
        for http in (stranger(service), await browser(service))
    ]

    assert [one.is_error and "locks" not in one.text for one in answers] == [True, True]


async def test_no_secret_is_ever_given_back(service: Served) -> None:
    fields = {"email": "ada@example.com", "password": "hunter2 hunter2", "again": "hunter3 hunter3"}

    answer = await stranger(service).post("/invitations/none", data=fields, headers=OWN)

    assert (answer.is_error, "hunter" in answer.text) == (True, False)


async def test_who_is_signed_out_while_writing_gets_the_text_back_and_the_way_in(
    service: Served,
) -> None:
    change = await waiting(service)
    page = f"/changes/{change['id']}"

    answer = await sent(stranger(service), page, Referer=f"https://gate.example.com{page}")

    assert answer.status_code == 401
    assert "The migration &lt;locks&gt; orders.</textarea>" in answer.text
    assert f'href="/login?next={page}"' in answer.text


async def test_a_rejection_without_a_comment_is_told_at_the_field(service: Served) -> None:
    http, change = await browser(service), await waiting(service)

    answer = await send(
        http,
        f"/changes/{change['id']}/decisions",
        act="reject",
        comment="",
        subject_digest=change["subject_digest"],
    )

    assert answer.status_code == 422
    assert 'aria-invalid="true" aria-describedby="error-comment"' in answer.text
    assert 'id="error-comment">A rejection needs a comment' in answer.text
    state = (await http.get(f"/changes/{change['id']}.json")).json()["change"]["state"]
    assert state == "pending"


LONG = "It locks orders. " * 300


@pytest.mark.parametrize(
    ("address", "form", "field"),
    [
        pytest.param("overrides", {"stop": "yes", "comment": LONG}, "comment", id="override"),
        pytest.param("cancellation", {"comment": LONG}, "comment", id="withdraw"),
    ],
)
async def test_a_refused_form_of_a_change_keeps_its_text_with_the_error_at_the_field(
    service: Served, address: str, form: dict[str, str], field: str
) -> None:
    http = await browser(service)
    await send(http, "/calendar/windows", reason="Fire", stop="yes")
    change = await waiting(service)

    answer = await send(http, f"/changes/{change['id']}/{address}", **form)

    assert answer.status_code == 422
    assert f"{LONG.strip()}</textarea>" in answer.text
    assert f'id="error-{field}"' in answer.text
    assert "<details open>" in answer.text
    after = (await http.get(f"/changes/{change['id']}.json")).json()["change"]
    assert (after["state"], after["hold"]["stop"]) == ("pending", True)


async def test_the_review_that_was_refused_keeps_all_three_fields(service: Served) -> None:
    http, pipeline = await browser(service), await service.pipeline()
    change = (await pipeline.post("/v1/changes", json=request())).json()
    await pipeline.post(f"/v1/changes/{change['id']}/admission", json=admission())
    await pipeline.post(f"/v1/changes/{change['id']}/closure", json={"result": "unsuccessful"})

    answer = await send(
        http,
        f"/changes/{change['id']}/post-review",
        findings="No test",
        actions="Write one\nRun it",
        comment="",
    )

    assert answer.status_code == 422
    assert "No test</textarea>" in answer.text
    assert "Write one\nRun it</textarea>" in answer.text
    assert 'id="error-comment"' in answer.text


async def test_whoever_approves_is_offered_to_take_it_back_at_once(service: Served) -> None:
    http, change = await browser(service), await waiting(service)
    page = f"/changes/{change['id']}"
    said = {"subject_digest": change["subject_digest"], "back": "/"}
    await send(http, f"{page}/decisions", act="approve", **said)

    shown = (await http.get("/")).text
    offered = shown.partition('class="notice"')[2].partition("</div>")[0]
    again = (await http.get("/")).text

    assert f'action="{page}/approvals/end"' in offered
    assert f"{page}/approvals/end" not in again.partition("<main")[2]
    assert (await send(http, f"{page}/approvals/end", back="/")).headers["location"] == "/"
    given = (await http.get(f"{page}.json")).json()["change"]["approvals"]["given"]
    assert [one["lapsed"] for one in given] == [True]


@pytest.mark.parametrize("kept", ["chg_1", "../../login", "chg_" + "x" * 27, "javascript:x"])
async def test_no_cookie_makes_the_page_offer_to_undo_anything_but_a_change(
    service: Served, kept: str
) -> None:
    http = await browser(service)
    http.cookies.set("__Host-notice", f"APPROVED:/:{kept}", domain="gate.example.com")

    shown = (await http.get("/")).text

    assert ("Approved." in shown, "/approvals/end" in shown) == (True, False)


async def test_a_first_empty_start_shows_the_three_steps(service: Served) -> None:
    http = await browser(service)

    first = (await http.get("/")).text
    await waiting(service)
    later = (await http.get("/")).text

    assert first.count("<li>", first.index('class="steps"'), first.index("</ol>")) == 3
    assert 'class="steps"' not in later


async def test_a_refused_activation_keeps_what_was_written_and_says_why(service: Served) -> None:
    http = await browser(service, "ada", Role.ADMIN)
    files = {one.name: one.read_text() for one in (ROOT / "policies").glob("*.yaml")}
    files["production.yaml"] = files["production.yaml"].replace("valid_for: 4h", "valid_for: 5h")
    made = (await http.post("/v1/policies", json={"files": files})).json()

    answer = await send(http, f"/policies/{made['revision']}/activation", comment=WRITTEN)

    assert answer.status_code == 403
    assert "Nothing was done." in answer.text
    assert f'value="{WRITTEN.replace("<", "&lt;").replace(">", "&gt;")}"' in answer.text


async def test_what_cannot_be_lifted_is_said_above_the_calendar(service: Served) -> None:
    http = await browser(service)

    answer = await send(http, "/calendar/windows/frz_none/end")

    assert answer.status_code == 404
    assert "Nothing was done. There is no window frz_none" in answer.text
    assert 'id="declared"' in answer.text


async def test_who_may_not_lift_is_told_on_the_page_and_the_refusal_is_in_the_log(
    service: Served,
) -> None:
    ends = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    manager, other = await browser(service), await browser(service, "hana")
    window = await manager.post("/v1/freezes", json={"reason": "Inventory", "ends": ends})

    answer = await send(other, f"/calendar/windows/{window.json()['id']}/end")

    assert answer.status_code == 403
    assert "Nothing was done." in answer.text
    kept = [json.loads(body) for body in await service.gate.store.read(_bodies)]
    refused = [one for one in kept if one["kind"] == "refusal"]
    assert [one["operation"] for one in refused] == ["POST /calendar/windows/{window}/end"]


async def test_an_admin_who_may_not_set_a_role_keeps_the_page(service: Served) -> None:
    http = await browser(service, "ada", Role.ADMIN)

    answer = await send(http, "/administration/people/per_none", act="role", role="auditor")

    assert answer.status_code == 404
    assert "Nothing was done. There is no person per_none." in answer.text
    assert 'id="people"' in answer.text


def _bodies(conn: Connection) -> list[bytes]:
    """The entries of the ledger, oldest first."""
    return [
        bytes(body)
        for body in conn.scalars(select(ledger_entries.c.body).order_by(ledger_entries.c.id))
    ]
