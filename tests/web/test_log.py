"""The log for people: one line a change, and its decisions fold out."""

import csv
import re
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from gate.flow.caller import Role
from gate.flow.queries.log import by_change
from tests.answers import log_row
from tests.api.served import Served, admission, request
from tests.web.browsing import ORDINARY, browser, send, waiting

pytestmark = pytest.mark.anyio


async def test_a_line_says_what_it_is_who_approved_it_and_what_became_of_it(
    service: Served,
) -> None:
    change = await waiting(
        service, title="Round half to even", facts=ORDINARY, requested_by="lena@example.com"
    )
    for person in ("ada", "ben"):
        await send(
            await browser(service, person),
            f"/changes/{change['id']}/decisions",
            act="approve",
            subject_digest=change["subject_digest"],
        )

    http = await browser(service)
    page = (await http.get("/log")).text
    (row,) = (await (await service.auditor()).get("/v1/log")).json()["items"]
    table = (await (await service.auditor()).get("/v1/log?format=csv")).text

    assert (row["title"], row["state"], row["outcome"]) == (
        "Round half to even",
        "approved",
        "pending",
    )
    assert (row["result"], row["approved_by"]) == (None, ["Ada Ekberg", "Ben Okafor"])
    assert "Round half to even" in page
    assert "Ada Ekberg" in page.partition("<tbody>")[2]
    assert "by <bdi>Lena Vogel</bdi>" in page
    assert "Round half to even,normal,review,pending,approved,,Ada Ekberg; Ben Okafor," in table


async def test_a_freeze_is_told_by_its_reason_and_a_clock_time_and_kept_by_its_id(
    service: Served,
) -> None:
    http = await browser(service)
    ends = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=2)
    await send(http, "/calendar/windows", reason="The index moves", ends=f"{ends:%Y-%m-%dT%H:%M}")
    change = await waiting(service, facts=ORDINARY)

    page, queue = (await http.get("/log")).text, (await http.get("/?q=is:held")).text
    of_change = (await http.get(f"/changes/{change['id']}")).text
    auditor = await service.auditor()
    (row,) = (await auditor.get("/v1/log")).json()["items"]
    export = (await auditor.get(f"/v1/changes/{change['id']}/decisions")).json()["items"][0]

    until = f"until {ends.day} {ends:%b %Y, %H:%M} UTC"
    said = f"frozen {until}: The index moves"
    assert change["reasons"][0]["because"] == said
    assert row["reasons"][0]["because"] == said
    assert export["reasons"][0]["because"] == said
    assert change["hold"]["window"].startswith("frz_")
    for shown in (page, queue, of_change):
        assert f"frozen by {change['hold']['window']}" not in shown
    assert f'until <time datetime="{ends.isoformat()}">' in page


async def test_an_approval_that_was_taken_back_approved_nothing(service: Served) -> None:
    http, change = await browser(service), await waiting(service, facts=ORDINARY)
    page = f"/changes/{change['id']}"
    await send(http, f"{page}/decisions", act="approve", subject_digest=change["subject_digest"])
    await send(http, f"{page}/approvals/end")

    (row,) = (await (await service.auditor()).get("/v1/log")).json()["items"]

    assert row["approved_by"] == []


async def test_what_was_canceled_says_by_whom_and_that_nobody_said_why(service: Served) -> None:
    change = await waiting(service, facts=ORDINARY)
    await send(await browser(service, "ben"), f"/changes/{change['id']}/cancellation")

    queue = (await (await browser(service)).get("/?q=is:decided")).text

    assert "No reason was given" in queue
    assert "<bdi>Ben Okafor</bdi>" in queue.partition('class="side age"')[2]


def test_rows_of_one_change_stand_together_where_its_newest_row_does() -> None:
    rows = [
        log_row(change=change, decision=number)
        for change, number in (("a", 2), ("b", 1), ("a", 1), ("c", 1))
    ]

    found = [(line.head, *line.rows) for line in by_change(rows)]

    assert found == [(rows[0], rows[2]), (rows[1],), (rows[3],)]


async def much_happens(service: Served) -> dict[str, str]:
    """What people do on a day; what the log says of it, by what they did."""
    ada, ben = await browser(service), await browser(service, "ben", Role.ADMIN)
    change = await waiting(service, title="Round half to even", facts=ORDINARY)
    page = f"/changes/{change['id']}"
    said = {"subject_digest": change["subject_digest"]}
    await send(ada, f"{page}/decisions", act="approve", comment="looks right", **said)
    await send(ada, f"{page}/approvals/end")
    await send(ada, f"{page}/decisions", act="reject", comment="it locks orders", **said)
    await send(ada, f"{page}/overrides", comment="the lock is gone")
    await send(ada, "/calendar/windows", reason="The index moves", stop="yes", services="web")
    (stop,) = (await ada.get("/v1/freezes")).json()["items"]
    await send(ada, f"/calendar/windows/{stop['id']}/end")
    await send(ada, "/administration/tokens", name="my laptop", role="person", expires="never")
    (token,) = (await ada.get("/administration.json")).json()["tokens"]
    await send(ada, f"/administration/tokens/{token['id']}/end")
    await send(ben, "/administration/people", email="lena@example.com", role="auditor")
    withdrawn = await waiting(service, run="2", title="Never mind")
    await send(ada, f"/changes/{withdrawn['id']}/cancellation", comment="not needed")
    return {
        "approval": "Approved",
        "lapse": "Took the approval back",
        "rejection": "Rejected",
        "override": "Lifted the rejection",
        "freeze": "Stopped the line: web",
        "token": "Revoked the token my laptop",
        "role": "Invited Lena Vogel",
        "cancellation": "Withdrew the change",
    }


async def test_issue_13_5_what_people_did_is_in_the_log_by_name_and_in_words(
    service: Served,
) -> None:
    expected = await much_happens(service)
    http = await browser(service)

    page = (await http.get("/log")).text
    rows = (await http.get("/v1/log?kind=act&limit=200")).json()["items"]

    for kind, words in expected.items():
        named = [row for row in rows if row["kind"] == kind and row["what"] == words]
        assert [row["by"] for row in named] == ["Ben Okafor" if kind == "role" else "Ada Ekberg"]
        assert f"<bdi>{words}</bdi>" in page, kind
    assert {row["title"] for row in rows if row["change"]} == {"Round half to even", "Never mind"}
    assert {row["comment"] for row in rows} >= {
        "looks right",
        "it locks orders",
        "the lock is gone",
        "The index moves",
        "not needed",
    }
    assert "per_" not in page.partition("<tbody>")[2]
    assert not re.search(r"frz_|>token [0-9a-f]{16}", page.partition("<tbody>")[2])


async def test_a_freeze_in_the_log_has_times_that_the_script_can_show(service: Served) -> None:
    http = await browser(service)
    ends = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=2)
    await send(http, "/calendar/windows", reason="The index moves", ends=f"{ends:%Y-%m-%dT%H:%M}")

    page = (await http.get("/log?kind=freeze")).text

    assert f'until <time datetime="{ends.isoformat()}">' in page


async def test_a_token_without_a_name_is_said_to_have_none(service: Served) -> None:
    pipeline, http = await service.pipeline(), await browser(service)
    change = (await pipeline.post("/v1/changes", json=request())).json()
    await pipeline.post(f"/v1/changes/{change['id']}/cancellation", json={})

    (row,) = (await http.get("/v1/log?kind=cancellation")).json()["items"]
    page = (await http.get(f"/changes/{change['id']}")).text

    assert re.fullmatch(r"a token without a name \([0-9a-f]{4}…\)", row["by"])
    assert f"<bdi>{row['by']}</bdi>" in page


async def test_the_page_the_answer_and_the_table_have_the_same_rows(service: Served) -> None:
    await much_happens(service)
    http = await browser(service)

    for query in ("", "&q=never", "&service=web", "&kind=freeze", "&kind=decision", "&band=high"):
        lines = (await http.get(f"/log.json?{query[1:]}")).json()["items"]
        asked = query if "kind" in query else f"&kind=all{query}"
        rows = (await http.get(f"/v1/log?limit=200{asked}")).json()["items"]
        table = list(
            csv.DictReader((await http.get(f"/v1/log?format=csv{asked}")).text.splitlines())
        )
        shown = [row for line in lines for row in [line["head"], *line["rows"]] if row]
        assert {orjson.dumps(row) for row in rows} <= {orjson.dumps(row) for row in shown}, query
        assert rows, query
        columns = ("kind", "at", "what", "by", "comment", "title")
        assert [[row[name] for name in columns] for row in table] == [
            [row.get(name) or "" for name in columns] for row in rows
        ]
        export = re.search(
            r'href="(/v1/log\?[^"]*format=csv[^"]*)"', (await http.get(f"/log?{query[1:]}")).text
        )
        assert export is not None
        assert (await http.get(export[1].replace("&amp;", "&"))).text.count("\r\n") == len(rows) + 1


async def test_an_act_on_a_change_decided_long_ago_still_has_the_line_of_the_change(
    service: Served,
) -> None:
    await much_happens(service)
    http = await browser(service)

    (line,) = (await http.get("/log.json?kind=rejection")).json()["items"]

    assert (line["head"]["title"], line["head"]["kind"]) == ("Round half to even", "decision")
    assert [row["what"] for row in line["rows"]] == ["Rejected"]
    (override,) = line["head"]["overrides"]
    assert (override["by"], override["comment"]) == ("Ada Ekberg", "the lock is gone")


async def test_a_line_names_the_incident(service: Served) -> None:
    pipeline = await service.pipeline()
    change = (await pipeline.post("/v1/changes", json=request())).json()
    await pipeline.post(f"/v1/changes/{change['id']}/admission", json=admission())
    http = await service.signed_in("ada")
    broke = {"id": "PD-7", "title": "Baskets are empty", "service": "web", "severity": "high"}
    began = datetime.now(UTC).isoformat()
    opened = await http.post(
        "/v1/incidents", json={**broke, "began_at": began, "change": change["id"]}
    )
    assert opened.status_code == 201, opened.text

    page = (await (await browser(service)).get("/log")).text
    (row,) = [
        row for row in (await http.get("/v1/log")).json()["items"] if row["change"] == change["id"]
    ]

    assert [one["title"] for one in row["incidents"]] == ["Baskets are empty"]
    assert "<bdi>Baskets are empty</bdi>" in page


async def test_a_deployment_that_an_incident_is_tied_to_is_nowhere_called_successful(
    service: Served,
) -> None:
    pipeline, http = await service.pipeline(), await browser(service)
    change = (await pipeline.post("/v1/changes", json=request())).json()
    address = f"/v1/changes/{change['id']}"
    await pipeline.post(f"{address}/admission", json=admission())
    began = datetime.now(UTC).isoformat()
    await pipeline.post(f"{address}/closure", json={"result": "successful_issues"})
    well = [(await http.get(one)).text for one in ("/log", f"/changes/{change['id']}")]
    await http.post(
        "/v1/incidents",
        json={
            "id": "PD-8",
            "title": "Baskets are empty",
            "service": "web",
            "severity": "high",
            "began_at": began,
            "change": change["id"],
        },
    )

    places = ("/log", f"/changes/{change['id']}", "/?q=is:decided")
    broken = [(await http.get(one)).text for one in places]

    assert all('class="state with issues"' in page for page in well)
    for page in broken:
        assert 'class="state successful' not in page
        assert 'class="state failed"' in page
    assert "Deployed" in broken[1]
    assert ", and failed, incident “Baskets are empty”." in broken[1]
