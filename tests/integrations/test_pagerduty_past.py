"""What PagerDuty remembers, in slices of time and pages."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gate.core.past import PastIncident
from gate.errors import SourceUnavailable
from gate.integrations.http.rest import Rest
from gate.integrations.pagerduty_past import HEADERS, incidents

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


class FakePagerDuty:
    """Refuses what the real one refuses: more than six months, more than a hundred."""

    def __init__(self, *listed: dict[str, Any]) -> None:
        self._listed = listed
        self.asked: list[httpx.QueryParams] = []

    async def open_client(self) -> httpx.AsyncClient:
        """As the gate opens one."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        wanted = request.url.params
        self.asked.append(wanted)
        begins, ends = (datetime.fromisoformat(wanted[name]) for name in ("since", "until"))
        assert request.headers["authorization"] == "Token token=key"
        assert ends - begins <= timedelta(days=180)
        size, offset = min(int(wanted["limit"]), 100), int(wanted["offset"])
        found = [
            one
            for one in self._listed
            if begins <= datetime.fromisoformat(one["created_at"]) < ends
        ]
        body = {
            "incidents": found[offset : offset + size],
            "more": offset + size < len(found),
        }
        content = json.dumps(body).encode()
        return httpx.Response(200, stream=httpx.ByteStream(content))


def incident(number: int, days: float, **different: Any) -> dict[str, Any]:
    """As PagerDuty lists it."""
    at = (NOW - timedelta(days=days)).isoformat()
    return {"id": f"P{number}", "created_at": at, "status": "triggered"} | different


async def of_last_year(known: FakePagerDuty) -> list[PastIncident]:
    """Of the last year."""
    rest = Rest("https://api.pagerduty.com", HEADERS, known.open_client)
    since = NOW - timedelta(days=365)
    pages = incidents(rest, "key", "PSERVICE", "checkout", since, NOW)
    return [one async for page in pages for one in page]


async def test_a_year_is_asked_for_in_slices_and_pages() -> None:
    listed = [incident(number, 300 - number * 0.1) for number in range(150)]
    known = FakePagerDuty(*listed, incident(999, 1))

    found = await of_last_year(known)

    assert len({one.key for one in found}) == len(found) == 151
    assert {one["service_ids[]"] for one in known.asked} == {"PSERVICE"}
    assert len(known.asked) == 4


async def test_what_is_resolved_says_when() -> None:
    changed = (NOW - timedelta(days=1)).isoformat()
    found = await of_last_year(
        FakePagerDuty(
            incident(1, 2, status="resolved", last_status_change_at=changed),
            incident(2, 2, last_status_change_at=changed),
        )
    )

    assert [one.resolved_at for one in found] == [NOW - timedelta(days=1), None]


@pytest.mark.parametrize("name", ["P1\x00", "P\x1b[2J1", "P\n1", ""])
async def test_an_id_that_no_database_keeps_is_told_and_not_stored(name: str) -> None:
    with pytest.raises(SourceUnavailable, match=r"id is .* was promised"):
        await of_last_year(FakePagerDuty(incident(1, 2) | {"id": name}))
