"""Pages as a program sees them: addresses, their JSON, what stands in the way, and forms that
change something.
"""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from gate.core.change import Result
from gate.core.messages.reports import DeploymentReport
from gate.flow.caller import Role
from gate.flow.changes.held import Holds
from gate.flow.commands import PAGE_ITEMS_DEFAULT
from gate.flow.incidents.observe import deployment_seen
from gate.web.render import linked
from tests.api.served import Served, admission, request
from tests.flow.queries.test_rehearsal import bring, deployed
from tests.web.browsing import OWN, browser, send, stranger, waiting

pytestmark = pytest.mark.anyio

PAGES = (
    "/",
    "/insights",
    "/observations",
    "/services/web",
    "/log",
    "/sightings",
    "/calendar",
    "/calendar?view=week",
    "/policies",
    "/administration",
    "/reports",
    "/reports/bypass",
    "/controls",
    "/backtests",
    "/scorecard",
    "/improvements",
    "/weekly",
    "/weekly?part=overdue",
    "/weekly/waits?week=2026-W40",
    "/triage",
    "/triage?kind=ageing",
    "/authority",
)


@pytest.mark.parametrize("address", PAGES)
async def test_who_is_not_signed_in_is_led_to_where_one_signs_in_and_back(
    service: Served, address: str
) -> None:
    response = await stranger(service).get(address)

    assert response.status_code == 303
    assert response.headers["location"].startswith("/login?next=%2F")


@pytest.mark.parametrize("address", PAGES)
async def test_every_page_has_its_json_for_the_same_people(service: Served, address: str) -> None:
    path, _, query = address.partition("?")
    twin = f"{path if path != '/' else '/queue'}.json?{query}".rstrip("?")

    assert (await stranger(service).get(twin)).status_code == 401
    page, data = [await (await browser(service)).get(one) for one in (address, twin)]
    token = httpx.AsyncClient(
        transport=httpx.ASGITransport(service.app),
        base_url="https://gate.example.com",
        headers={"Authorization": f"Bearer {await service.token(person='ada')}"},
    )
    assert (page.headers["content-type"], data.headers["content-type"]) == (
        "text/html; charset=utf-8",
        "application/json",
    )
    assert isinstance((await token.get(twin)).json(), dict)


async def test_the_json_of_a_change_is_its_whole_story(service: Served) -> None:
    change = await waiting(service)

    lines = (await (await browser(service)).get(f"/changes/{change['id']}.json")).json()

    assert lines["change"]["id"] == change["id"]
    assert {"against", "people", "timeline", "previous", "standard", "decisions"} <= lines.keys()


async def test_c18_what_went_past_the_gate_is_shown_as_text(service: Served) -> None:
    seen = DeploymentReport(
        *(
            "<b>web</b>",
            "production",
            "ab" * 20,
            Result.SUCCESSFUL,
            datetime(2026, 3, 2, tzinfo=UTC),
            "github",
        ),
        url="https://github.com/acme/x/1",
    )
    await deployment_seen(service.gate, seen)
    http = await browser(service)

    shown, narrowed = (
        await http.get("/sightings"),
        await http.get("/sightings?missing=repository&service="),
    )

    assert "&lt;b&gt;web&lt;/b&gt;" in shown.text
    assert "unknown service" in shown.text
    assert 'href="https://github.com/acme/x/1"' in shown.text
    assert "No deployment fits" in narrowed.text


@pytest.mark.parametrize(
    "page",
    [
        "calendar?environment=production&service=",
        "insights?environment=production&service=",
        "observations?environment=production&service=",
        "services/",
    ],
)
async def test_e26_pages_of_a_place_that_is_not_there_say_so(service: Served, page: str) -> None:
    http = await browser(service)

    misspelt, known = [await http.get(f"/{page}{name}") for name in ("chekout", "checkout")]

    assert "the catalogue has no service chekout; did you mean checkout?" in misspelt.text
    assert "the catalogue has no" not in known.text


async def test_h5_what_was_imported_is_shown_apart_and_as_never_admitted(service: Served) -> None:
    await bring(service.gate, [deployed("a", 9), deployed("b", 5)])
    http = await browser(service)
    address = "/observations?service=checkout&environment=production"

    page = (await http.get(address)).text
    twin = (await http.get(address.replace("?", ".json?"))).json()

    assert "None of them was admitted" in page
    assert "2 deployments from" in page
    assert (twin["changes"], twin["imported"]["deployments"]) == (0, 2)


async def test_e26_lists_on_pages_go_on(service: Served) -> None:
    for _ in range(PAGE_ITEMS_DEFAULT):
        await service.token(Role.AUDITOR)
    last = (await service.token(Role.AUDITOR)).split("_")[1]
    http = await browser(service, role=Role.ADMIN)

    first = (await http.get("/administration")).text
    (address,) = set(re.findall(r'href="(/administration\?tokens=[^"]+)"', first))
    second = (await http.get(address)).text

    assert last in first
    assert last not in second
    assert second.count("/end") == 1


async def test_a_machine_sees_no_page(service: Served) -> None:
    http = await service.pipeline()
    http.event_hooks = {"response": []}

    assert [(await http.get(address)).status_code for address in PAGES] == [403] * len(PAGES)


async def test_an_address_without_a_page_says_so_to_people_and_to_machines(service: Served) -> None:
    http = await browser(service)

    page, machine = await http.get("/nothing/here"), await http.get("/v1/nothing")

    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here" in page.text
    assert (machine.status_code, machine.headers["content-type"]) == (
        404,
        "application/problem+json",
    )


async def test_the_log_finds_by_day_word_and_facet_and_its_export_has_the_same_filters(
    service: Served,
) -> None:
    change = await waiting(service, title="Month end closing")
    http = await browser(service, role=Role.AUDITOR)
    day = change["submitted_at"][:10]

    found = await http.get(f"/log?q=closing&outcome=pending&service=&from={day}&to={day}")
    missed = await http.get("/log?q=closing&outcome=approved")

    assert change["id"] in found.text
    assert "Nothing fits" in missed.text
    export = found.text.partition('href="/v1/log?')[2].partition('"')[0].replace("&amp;", "&")
    rows = (await http.get(f"/v1/log?{export}")).text
    assert change["id"] in rows
    assert rows.count("\n") == 2
    facets = (await http.get("/log.json")).json()["facets"]
    assert facets["outcome"] == [{"value": "pending", "count": 1}]
    assert facets["band"] == [{"value": "high", "count": 1}]


async def test_every_decision_has_a_page_with_all_its_facts(service: Served) -> None:
    change = await waiting(service)
    http = await browser(service)

    page = await http.get(f"/changes/{change['id']}/decisions/1")

    assert change["subject_digest"] in page.text
    assert "environment.tier" in page.text
    assert (await http.get(f"/changes/{change['id']}/decisions/2")).status_code == 404
    assert (await http.get(f"/changes/{change['id']}/decisions/1.json")).json()["decision"] == 1


async def test_the_line_is_stopped_with_a_reason_by_whom_may_and_runs_again(
    service: Served,
) -> None:
    http, other = await browser(service), await browser(service, "lena")

    refused = await send(other, "/calendar/windows", stop="yes", reason="No")
    stopped = await send(
        http,
        "/calendar/windows",
        stop="yes",
        reason="The database is on fire",
        services="web, ledger",
    )

    assert (refused.status_code, stopped.status_code) == (403, 303)
    (window,) = (await http.get("/calendar.json")).json()["declared"]
    assert (window["reason"], window["services"]) == ("The database is on fire", ["ledger", "web"])
    assert "The line is stopped" in (await http.get(stopped.headers["location"])).text
    assert (await send(http, f"/calendar/windows/{window['id']}/end")).status_code == 303
    assert (await http.get("/calendar.json")).json()["declared"] == []


async def test_places_to_freeze_or_stop_are_picked_from_the_catalogue(service: Served) -> None:
    http = await browser(service)
    page = (await http.get("/calendar/windows?stop=yes")).text

    stopped = await send(
        http, "/calendar/windows", stop="yes", reason="x", services=["web", "ledger"]
    )

    pickers = [part.partition("</select>")[0] for part in page.split("multiple ")[1:]]
    assert ["<option>web</option>" in part for part in pickers] == [True, False]
    assert ["<option>staging</option>" in part for part in pickers] == [False, True]
    assert stopped.status_code == 303
    (window,) = (await http.get("/calendar.json")).json()["declared"]
    assert window["services"] == ["ledger", "web"]


async def test_b12_what_is_approved_and_held_is_shown_and_passes_by_an_override_on_its_page(
    service: Served,
) -> None:
    http, other = await browser(service), await browser(service, "kofi")
    pipeline = await service.pipeline()
    change = (await pipeline.post("/v1/changes", json=request("held"))).json()
    await send(
        http,
        "/calendar/windows",
        reason="The disks are moved",
        begins="2026-01-01T00:00",
        ends="2199-01-01T00:00",
    )
    await Holds(service.gate).turn()
    page = f"/changes/{change['id']}"

    shown = (await http.get(page)).text
    window = (await http.get(f"{page}.json")).json()["change"]["hold"]["window"]
    refused = await send(other, f"{page}/overrides", window=window, comment="I want to")
    passed = await send(http, f"{page}/overrides", window=window, comment="It repairs the disks")

    assert "The disks are moved" in shown
    assert "the time it is good for stands still" in shown
    assert "Override for this change" in shown
    assert "Override for this change" not in (await other.get(page)).text
    assert (refused.status_code, passed.status_code) == (403, 303)
    assert (
        "The hold no longer stops this change." in (await http.get(passed.headers["location"])).text
    )
    assert (await pipeline.post(f"/v1{page}/admission", json=admission("held"))).status_code == 200


async def test_whoever_took_part_is_offered_to_reject_and_not_to_approve(service: Served) -> None:
    change = await waiting(service, authors=["ada@example.com"])
    page = f"/changes/{change['id']}"

    own, other = [(await (await browser(service, who)).get(page)).text for who in ("ada", "ben")]

    assert ("You took part in this change" in own, "You took part" in other) == (True, False)
    assert ['value="approve"' in text for text in (own, other)] == [False, True]
    assert ['value="reject"' in text for text in (own, other)] == [True, True]


async def test_e24_whoever_may_clears_the_way_and_the_reason_leads_to_what_stands_in_it(
    service: Served,
) -> None:
    http, other = await browser(service), await browser(service, "kofi")
    change = (
        await (await service.pipeline()).post("/v1/changes", json=request("in the way"))
    ).json()
    page = f"/changes/{change['id']}"

    offered = ["Cancel this change" in (await one.get(page)).text for one in (http, other)]
    refused = await send(await browser(service, "farida"), f"{page}/cancellation")
    canceled = await send(http, f"{page}/cancellation", comment="Nobody deploys it")

    assert (change["state"], offered) == (
        "approved",
        [True, True],
    )  # a release manager, and an owner
    assert (refused.status_code, canceled.status_code) == (403, 303)
    assert (
        linked(f"{change['id']} is <deploying> here")
        == f'<a href="{page}">{change["id"]}</a> is &lt;deploying&gt; here'
    )
    incident = f"inc_{'0' * 26}"
    assert linked(f"Incident {incident}") == (
        f'Incident <a href="/incidents/{incident}">{incident}</a>'
    )
    item = f"imp_{'0' * 26}"
    assert linked(item) == f'<a href="/improvements#{item}">{item}</a>'


async def test_a_window_is_declared_for_a_time(service: Served) -> None:
    http = await browser(service)

    wrong = await send(
        http, "/calendar/windows", reason="Closing", begins="tomorrow", ends="2199-01-01T00:00"
    )
    made = await send(
        http,
        "/calendar/windows",
        reason="Closing",
        begins="2150-01-01T00:00",
        ends="2150-01-02T12:00",
        environments="production",
    )

    assert (wrong.status_code, made.status_code) == (422, 303)
    month = (await http.get("/calendar.json?at=2150-01-01")).json()
    assert [
        (one["reason"], one["begins"], one["reach"])
        for one in month["items"]
        if one["id"].startswith("frz_")
    ] == [("Closing", "2150-01-01T00:00:00Z", {"environments": ["production"]})]


async def test_a_change_is_tried_and_nothing_is_recorded(service: Served) -> None:
    http = await browser(service)
    fields = {
        "service": "checkout",
        "environment": "staging",
        "diff.lines_added": "12",
        "diff.files": "a.py\nb.py",
    }

    tried = await send(http, "/policies/tries", **fields)
    wrong = await send(http, "/policies/tries", **{**fields, "checks.failed": "some"})

    assert "Approved" in tried.text
    assert (wrong.status_code, "checks" in wrong.text) == (422, True)
    assert (await http.get("/v1/log")).json()["items"] == []


async def test_what_is_typed_into_a_try_counts_whatever_the_policy_trusts(
    service: Served,
) -> None:
    http = await browser(service)
    fields = {
        "service": "checkout",
        "environment": "production",
        "diff.lines_added": "1,200",
        "diff.files": "src/a.py",
        "checks.passed": "9",
        "checks.failed": "0",
        "checks.pending": "0",
        "reviews.approvals": "1",
        "reviews.approved_head": "yes",
        "change.ref_protected": "yes",
    }

    tried = (await send(http, "/policies/tries", **fields)).text
    failing = (await send(http, "/policies/tries", **{**fields, "checks.failed": "2"})).text

    assert ("not counted" in tried, "1200 lines added" in tried) == (False, True)
    assert ("2 checks failed" in tried, "2 checks failed" in failing) == (False, True)
    assert "unknown; required" not in tried
    assert "<option selected>yes</option>" in tried


async def test_a_rule_and_a_revision_have_pages_of_their_own(service: Served) -> None:
    http = await browser(service)
    revision = (await http.get("/policies.json")).json()["revision"]

    assert (
        "Larger changes fail more often" in (await http.get("/policies/rules/production/size")).text
    )
    assert (await http.get("/policies/rules/production/nothing")).status_code == 404
    page = (await http.get(f"/policies/{revision}.json")).json()
    assert (page["revision"], page["against"]) == (revision, None)
    assert {one["file"] for one in page["difference"]} >= {"production.yaml", "default.yaml"}


async def test_a_catalogue_says_whom_it_puts_where_and_only_to_admins_under_which_addresses(
    service: Served,
) -> None:
    person, admin = await browser(service), await browser(service, "ben", Role.ADMIN)
    revision = (await person.get("/policies.json")).json()["revision"]

    shown = (await person.get(f"/policies/{revision}.json")).json()["files"]["catalog.yaml"]
    whole = (await admin.get(f"/policies/{revision}.json")).json()["files"]["catalog.yaml"]

    assert '"ada"' in shown
    assert "ada@example.com" not in shown
    assert '"ada@example.com"' in whole


async def test_a_token_is_shown_once_and_revoked(service: Served) -> None:
    http = await browser(service)

    made = await send(http, "/administration/tokens", name="my laptop", role="person")

    secret = "gate_" + made.text.partition("<code>gate_")[2].partition("</code>")[0]
    assert (await service.anybody(secret).get("/v1/policies")).status_code == 200
    assert secret not in (await http.get("/administration")).text
    token = secret.split("_")[1]
    assert (await send(http, f"/administration/tokens/{token}/end")).status_code == 303
    assert (await service.anybody(secret).get("/v1/policies")).status_code == 401


async def test_a_token_of_the_form_ends_when_its_maker_said_and_the_page_says_so(
    service: Served,
) -> None:
    http = await browser(service)

    await send(
        http, "/administration/tokens", name="my laptop", role="person", expires="in 30 days"
    )
    await send(http, "/administration/tokens", name="my laptop", role="person", expires="never")

    listed = (await http.get("/administration.json")).json()
    ends = [one["expires_at"] for one in listed["tokens"]]
    assert ends[0] is None
    left = datetime.fromisoformat(ends[1]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)
    page = (await http.get("/administration")).text
    assert f'<time datetime="{ends[1].replace("Z", "+00:00")}">' in page


async def test_a_token_is_revoked_by_the_second_click_alone(service: Served) -> None:
    http = await browser(service)
    await send(http, "/administration/tokens", name="my laptop", role="person")

    page = (await http.get("/administration")).text

    (revoking,) = re.findall(r"<details><summary>Revoke.*?</details>", page, re.DOTALL)
    assert "/end" in revoking
    assert page.count("/end") == revoking.count("/end")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        pytest.param({"name": ""}, "name", id="without a name"),
        pytest.param({"role": "hook", "hook": "", "services": "web, ledger"}, "role", id="no hook"),
        pytest.param({"services": "w" * 300}, "services", id="a service too long"),
    ],
)
async def test_a_refused_token_keeps_what_was_typed_and_says_at_the_field_why(
    service: Served, wrong: dict[str, str], field: str
) -> None:
    http = await browser(service, "ben", Role.ADMIN)
    typed = {"name": "checkout deploys", "role": "pipeline", "services": "web", **wrong}

    answer = await send(http, "/administration/tokens", expires="in a year", **typed)

    assert answer.status_code == 422
    assert f'name="{field}"' in answer.text
    assert re.search(rf'name="{field}"[^>]*aria-describedby="error-{field}"', answer.text)
    assert f'id="error-{field}"' in answer.text
    assert f'name="services" value="{typed["services"]}"' in answer.text
    assert f'<option value="{typed["role"]}" selected>' in answer.text
    assert "<option selected>in a year</option>" in answer.text
    assert (await http.get("/administration.json")).json()["tokens"] == []


async def test_only_an_admin_invites_and_sets_roles(service: Served) -> None:
    person, admin = await browser(service), await browser(service, "ben", Role.ADMIN)

    assert (
        await send(person, "/administration/people", email="lena@example.com")
    ).status_code == 403
    invited = await send(admin, "/administration/people", email="lena@example.com", role="auditor")
    changed = await send(admin, "/administration/people/lena", act="shut_out")

    assert "https://gate.example.com/invitations/" in invited.text
    assert changed.status_code == 303
    (lena,) = [
        one
        for one in (await admin.get("/administration.json")).json()["let_in"]
        if one["email"] == "lena@example.com"
    ]
    assert (lena["role"], lena["disabled"]) == ("auditor", True)
    assert (await person.get("/administration.json")).json()["let_in"] == []


async def test_somebody_is_shut_out_by_the_second_click_alone(service: Served) -> None:
    admin = await browser(service, "ben", Role.ADMIN)
    await send(admin, "/administration/people", email="lena@example.com")

    page = (await admin.get("/administration")).text
    (asking,) = re.findall(r"<details><summary>Shut out.*?</details>", page, re.DOTALL)
    await send(admin, "/administration/people/lena", act="shut_out")
    after = (await admin.get("/administration")).text

    assert page.count('value="shut_out"') == asking.count('value="shut_out"') == 1
    assert 'value="shut_out"' not in after
    assert 'value="let_in"' in after


async def test_an_auditor_changes_nothing_by_any_form(service: Served) -> None:
    change = await waiting(service)
    http = await browser(service, role=Role.AUDITOR)
    forms = (
        f"/changes/{change['id']}/decisions",
        "/queue/decisions",
        "/calendar/windows",
        "/policies/tries",
        "/administration/tokens",
    )

    assert [
        (await send(http, address, act="approve", reason="x", stop="yes")).status_code
        for address in forms
    ] == [403] * len(forms)


async def test_what_is_no_form_is_refused(service: Served) -> None:
    http = await browser(service)

    assert (
        await http.post(
            "/calendar/windows",
            content=b"reason=\xff",
            headers={**OWN, "Content-Type": "text/plain"},
        )
    ).status_code == 400
    assert (
        await http.post(
            "/calendar/windows",
            content=b"reason=%ff",
            headers={**OWN, "Content-Type": "application/x-www-form-urlencoded"},
        )
    ).status_code == 422


async def test_policies_are_said_as_sentences_with_points_and_why_and_their_file_behind(
    service: Served,
) -> None:
    page = (await (await browser(service)).get("/policies")).text

    assert "When any checks failed: adds 20 points." in page
    assert "What failed its checks here will fail them again." in page
    assert "Where the environment tier is production." in page
    shown, _, files = page.partition("<summary>The file</summary>")
    assert "checks.failed &gt; 0" not in shown
    assert "checks.failed &gt; 0" in files


async def test_an_auditor_sees_no_form_to_try_a_change(service: Served) -> None:
    page = (await (await browser(service, role=Role.AUDITOR)).get("/policies")).text

    assert "/policies/tries" not in page


async def test_the_figures_of_a_service_begin_with_production(service: Served) -> None:
    page = (await (await browser(service)).get("/insights?service=web")).text

    assert "<option selected>production</option>" in page
