"""No table that grows is read from its first row to its last: neither while it is empty, nor by a
plan that was made while it was.
"""

from pathlib import Path

import psycopg
import pytest

from tests.api.served import Served, admission, request, served

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

SMALL = frozenset(
    {"alembic_version", "announcements", "in_force", "ledger_head", "people", "policy_sets"}
)
"""One row, or as many as there are people, policies that were registered and processes of the last
day: these may be read whole.
"""

CHANGES = 8
"""More than the five times after which the driver has a statement planned once and for all."""

READ_BY_AUDITORS = (
    "/v1/log",
    "/v1/log?outcome=approved&band=low",
    "/v1/log?service=web&environment=staging",
    "/v1/log?q=images",
    "/v1/changes",
    "/v1/changes?state=approved&service=web",
    "/v1/delivery?service=web&environment=staging",
    "/v1/observations?service=web&environment=staging",
    "/v1/incidents",
    "/v1/freezes",
    "/v1/policies",
    "/v1/triage",
    "/v1/weekly",
    "/v1/weekly/waits?week=2026-W01&group=release-managers",
)


async def test_whatever_is_asked_no_growing_table_is_read_in_sequence(
    postgres_url: str, tmp_path: Path
) -> None:
    async with served(postgres_url, tmp_path) as running:
        await _deploy(running)
        await _wait_for_people(running)
        auditor = await running.auditor()
        for address in READ_BY_AUDITORS:
            assert (await auditor.get(address)).status_code == 200, address

    assert _read_in_sequence(postgres_url).keys() <= SMALL


async def _deploy(running: Served) -> None:
    """Changes that pass by themselves, each to its end."""
    pipeline = await running.pipeline()
    for number in range(CHANGES):
        run = str(number)
        made = await pipeline.post("/v1/changes", json=request(run))
        change = made.json()["id"]
        begun = await pipeline.post(f"/v1/changes/{change}/admission", json=admission(run))
        ended = await pipeline.post(f"/v1/changes/{change}/closure", json={"result": "successful"})
        assert (made.status_code, begun.status_code, ended.status_code) == (201, 200, 200)
        assert (await pipeline.get(f"/v1/changes/{change}")).status_code == 200


async def _wait_for_people(running: Served) -> None:
    """One change that waits and is approved."""
    pipeline = await running.pipeline()
    asked = request("people", commit="d" * 40, facts={}, environment="production")
    change = (await pipeline.post("/v1/changes", json=asked)).json()
    assert change["state"] == "pending"
    person = await running.signed_in("chloe")
    said = await person.post(
        f"/v1/changes/{change['id']}/approvals",
        json={"subject_digest": change["subject_digest"], "comment": "fine"},
    )
    assert said.status_code in {200, 201}, said.text


def _read_in_sequence(url: str) -> dict[str, int]:
    """Rows that were read so, by table; the gate's connections are closed, so all is counted."""
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        return dict(
            connection.execute(
                "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE seq_tup_read > 0"
            ).fetchall()
        )
