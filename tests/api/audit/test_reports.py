"""Reports and controls over HTTP: each is there, as JSON and as CSV, as its document says."""

import pytest

from gate.flow.audit.reports import REPORTS
from gate.flow.caller import Role
from tests.api.served import Served, request

pytestmark = pytest.mark.anyio


async def test_every_report_is_listed_and_answers(service: Served) -> None:
    pipeline = await service.pipeline()
    change = (await pipeline.post("/v1/changes", json=request())).json()["id"]
    auditor = service.anybody(await service.token(Role.AUDITOR))

    listed = (await auditor.get("/v1/reports")).json()["items"]
    assert [one["name"] for one in listed] == list(REPORTS)
    for one in listed:
        answer = await auditor.get(f"/v1/reports/{one['name']}?service=web")
        assert answer.status_code == 200, answer.text
        table = await auditor.get(f"/v1/reports/{one['name']}?format=csv")
        assert table.headers["content-type"].startswith("text/csv")
        assert table.text.startswith(f"report,{one['name']}\r\n")
    again = (await auditor.get(f"/v1/changes/{change}/replay")).json()
    assert (again["same"], again["replayed_by"]) == (True, "decided_again")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/v1/reports/nothing", 404),
        ("/v1/reports/bypass?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", 422),
        ("/v1/reports/bypass?since=yesterday", 422),
    ],
)
async def test_what_is_no_question_is_refused(service: Served, address: str, status: int) -> None:
    auditor = service.anybody(await service.token(Role.AUDITOR))

    assert (await auditor.get(address)).status_code == status


async def test_controls_are_those_of_the_policies_in_force(service: Served) -> None:
    auditor = service.anybody(await service.token(Role.AUDITOR))

    found = (await auditor.get("/v1/controls")).json()

    served_by = {one["id"]: one["served_by"] for one in found["controls"]}
    assert {rule["id"] for rule in served_by["soc2:CC8.1"]} >= {"tests-green", "reviewed"}
    assert found["overdue"] == []
