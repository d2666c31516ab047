"""Another system is asked within limits, and at the pace that it asks for (A26, F23)."""

import asyncio
import gzip

import httpx
import pytest

from gate.errors import SourceUnavailable
from gate.integrations.http import rest as rests
from gate.integrations.http.rest import Credential, Rest
from tests.integrations.fake_github import Canned, reply
from tests.integrations.github_answers import answer, ask, fake, github

pytestmark = pytest.mark.anyio

# Pace


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(reply(429, {}, retry_after="90"), 91, id="it says how long"),
        pytest.param(
            reply(403, {"message": "You have exceeded a secondary rate limit"}), 61, id="in words"
        ),
        pytest.param(
            reply(403, {}, x_ratelimit_remaining="0", x_ratelimit_reset="1"),
            2,
            id="until a time that is over",
        ),
    ],
)
async def test_whoever_asks_for_a_pause_is_left_alone(header: Canned, seconds: int) -> None:
    known = fake(failing={"/installation": header})
    host = github(known, monotonic=lambda: 0.0)
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match="rate limit") as caught:
            await host.facts(ask())
        assert caught.value.retry_after_seconds == seconds

    assert known.asked("/installation") == 1


async def test_whoever_does_not_answer_is_asked_again_a_few_times_and_then_left_alone() -> None:
    known = fake(failing={"/installation": reply(502)})
    host = github(known, monotonic=lambda: 0.0)
    for words in ("answered 502", "answered 502", "is left alone for 10 s"):
        with pytest.raises(SourceUnavailable, match=words):
            await host.facts(ask())

    assert known.asked("/installation") == rests.FAILURES_MAX


async def test_a_redirect_to_somebody_else_is_not_followed() -> None:
    known = fake(
        failing={
            "/installation": reply(301, {}, location="https://evil.example/repos/x/installation")
        }
    )
    with pytest.raises(SourceUnavailable, match="answered 301"):
        await answer(known)

    assert {one.url.host for one in known.requests} == {"api.github.com"}


async def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rests, "ANSWER_BYTES_MAX", 100)
    with pytest.raises(SourceUnavailable, match="more than 100 bytes"):
        await answer(fake(failing={"/installation": reply(200, {"id": 1, "x": "y" * 200})}))


async def test_a52_a_packed_answer_is_not_unpacked() -> None:
    packed = Canned(
        200, gzip.compress(b'{"id": 1}' + b" " * 1_000_000), {"content-encoding": "gzip"}
    )
    with pytest.raises(SourceUnavailable, match="no JSON"):
        await answer(fake(failing={"/installation": packed}))


async def test_a52_a_slow_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rests, "REQUEST_SECONDS_MAX", 0.01)  # no test waits for two seconds

    async def forever(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def open_client() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(forever))

    asked = Rest("https://git.example", {}, open_client)
    with pytest.raises(SourceUnavailable, match="did not answer within"):
        await asked.get("/x", Credential("app", {}))
    await asked.close()


async def test_only_what_nobody_on_the_way_can_read_is_asked() -> None:
    with pytest.raises(SourceUnavailable, match="allowed is https"):
        await Rest("http://git.example", {}, fake().open_client).get("/x", Credential("app", {}))


def test_a_credential_is_not_shown() -> None:
    assert "s3cret" not in repr(Credential("app", {"Authorization": "Bearer s3cret"}))
