"""Deliveries that never arrived are asked for again: each once a look, within limits, and none that
did arrive.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.integrations.github import missed as github_missed
from gate.integrations.github.missed import send_missed_again
from tests.integrations.github_answers import app_at, fake, github

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def delivery(
    number: int, guid: str, status: int | None = 500, ago: timedelta = timedelta(hours=1)
) -> dict[str, Any]:
    """An attempt as GitHub lists it."""
    return {
        "id": number,
        "guid": guid,
        "status_code": status,
        "delivered_at": (NOW - ago).isoformat().replace("+00:00", "Z"),
    }


async def again(deliveries: list[dict[str, Any]], **knows: Any) -> list[int]:
    """Which attempts are asked for."""
    known = fake(deliveries=deliveries, **knows)
    rest = github(known).rest
    count = await send_missed_again(rest, app_at(rest), lambda: NOW)
    assert count == len(known.redelivered)
    return known.redelivered


async def test_only_what_never_arrived_is_asked_for_and_once() -> None:
    listed = [
        delivery(9, "late", 200),
        delivery(8, "lost", None),
        delivery(7, "lost"),
        delivery(6, "late", 502),
        delivery(5, "young", 500, timedelta(seconds=30)),
        delivery(4, "fine", 202),
        delivery(3, "old", 500, timedelta(days=2)),
    ]

    assert await again(listed) == [8]


async def test_all_pages_are_looked_at_until_they_are_too_old() -> None:
    listed = [delivery(number, f"g{number}") for number in range(9, 0, -1)]

    assert await again(listed, page_size=2) == [9, 8, 7, 6, 5, 4, 3, 2, 1]


async def test_no_look_asks_for_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_missed, "AGAIN_MAX", 3)

    assert len(await again([delivery(number, f"g{number}") for number in range(9, 0, -1)])) == 3
