"""The verdict over HTTP: JSON for every place, kept for five seconds, and asked a thousand times."""

import httpx
import pytest

from tests.api.asgi import problem_name
from tests.api.served import Served, request

pytestmark = pytest.mark.anyio

POLLS = 1_000


def address(service: str = "web", environment: str = "staging") -> str:
    """Where a place is asked about."""
    return f"/v1/services/{service}/environments/{environment}/verdict"


async def ledger_size(service: Served) -> int:
    """How many decisions the log has."""
    admin = await service.admin()
    return len((await admin.get("/v1/log")).json()["items"])


async def polled(service: Served, **headers: str) -> tuple[httpx.AsyncClient, httpx.Response]:
    """A pipeline whose change passed, and what a controller is told of it."""
    pipeline = await service.pipeline()
    assert (await pipeline.post("/v1/changes", json=request("1"))).status_code == 201
    params = {"commit": request("1")["commit"]}
    return pipeline, await pipeline.get(address(), params=params, headers=headers)


async def test_h6_an_answer_says_how_long_it_holds_and_is_known_again(service: Served) -> None:
    pipeline, first = await polled(service)

    again = await pipeline.get(
        address(),
        params={"commit": request("1")["commit"]},
        headers={"If-None-Match": first.headers["etag"]},
    )

    assert (first.status_code, first.json()["phase"]) == (200, "success")
    assert first.headers["content-type"] == "application/json"
    assert first.headers["cache-control"] == "max-age=5"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "place",
    [
        address(),
        address("unheard-of", "moon"),
        address("a%20b", "c"),
        address("é"),
        address("shop%2Fcart", "prod%2Feu"),
        address("shop/cart", "prod/eu"),
    ],
)
async def test_h6_every_place_is_answered_alike(service: Served, place: str) -> None:
    auditor = await service.auditor()

    answer = await auditor.get(place, params={"commit": "f" * 40})

    assert answer.status_code == 200, answer.text
    assert answer.json()["phase"] == "pending"
    assert set(answer.json()) == {
        "phase",
        "outcome",
        "reasons",
        "change",
        "next_opening",
        "page",
    }


@pytest.mark.parametrize(
    "query",
    ["", "commit=abc1234", "commit=" + "A" * 40, "digest=latest", "commit=" + "a" * 40 + "&tag=1"],
)
async def test_h6_what_is_not_a_whole_commit_or_digest_is_refused(
    service: Served, query: str
) -> None:
    pipeline = await service.pipeline()

    answer = await pipeline.get(f"{address()}?{query}")

    assert (answer.status_code, problem_name(answer)) == (422, "invalid")


async def test_h6_without_a_token_nothing_is_said_and_nobody_is_led_elsewhere(
    service: Served,
) -> None:
    answer = await service.anybody().get(address(), params={"commit": "a" * 40})

    assert (answer.status_code, "location" in answer.headers) == (401, False)


@pytest.mark.slow
async def test_h6_a_thousand_polls_leave_the_log_as_it_was(service: Served) -> None:
    pipeline, first = await polled(service)
    before = await ledger_size(service)

    tags = set()
    for _ in range(POLLS):
        answer = await pipeline.get(address(), params={"commit": request("1")["commit"]})
        tags.add(answer.headers.get("etag") or answer.status_code)

    assert tags == {first.headers["etag"]}
    assert await ledger_size(service) == before
