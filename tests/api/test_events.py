"""The stream of events over HTTP."""

import http.client
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import orjson
import pytest
from starlette.requests import Request

from gate.api import events
from gate.api.http.permits import READER
from gate.flow.caller import Role
from gate.flow.streams import STREAMS_OF_ONE_MAX
from tests.api.served import Served, request
from tests.live import LiveGate, serving

pytestmark = pytest.mark.anyio

TRIES = 500
"""Until the server has noticed that the others are gone, which is at its next look at their
connections."""


async def test_a_stream_begins_with_its_pause_and_names_what_moved(service: Served) -> None:
    streams = service.app.state.attached.streams
    pipeline = await service.pipeline()
    caller = await service.app.state.attached.access.authenticate(await service.token(Role.AUDITOR))
    chunks = events._chunks(streams, caller, let_in)  # noqa: SLF001 - the transport of tests gives an answer only at its end
    assert await anext(chunks) == b"retry: 1000\n\n"

    change = (await pipeline.post("/v1/changes", json=request(environment="production"))).json()
    found = await anext(chunks)

    assert found.startswith(b"event: moved\ndata: ")
    assert change["id"] in orjson.loads(found.partition(b"data: ")[2])
    await chunks.aclose()
    assert streams.count == 0


async def let_in() -> bool:
    """Whoever listens is still let in."""
    return True


async def test_a39_whoever_listens_is_let_in_until_their_token_is_revoked(
    service: Served,
) -> None:
    text, other = [await service.token(Role.AUDITOR) for _ in range(2)]
    listeners = [
        Request({"type": "http", "app": service.app, "headers": [(b"authorization", held)]})
        for held in (f"Bearer {text}".encode(), f"Bearer {other}".encode())
    ]
    before = [await READER.still_admits(one) for one in listeners]

    await (await service.admin()).delete(f"/v1/tokens/{text.split('_')[1]}")

    assert before == [True, True]
    assert [await READER.still_admits(one) for one in listeners] == [False, True]


async def test_over_the_limit_the_answer_is_a_problem(service: Served) -> None:
    service.app.state.attached.streams.close()

    response = await (await service.auditor()).get("/v1/events")

    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


@pytest.mark.server
def test_f28_a_client_that_goes_away_is_forgotten_and_a_stop_waits_for_nobody(
    sqlite_url: str, tmp_path: Path
) -> None:
    policies = Path(__file__).parents[2] / "policies"
    with serving(LiveGate(tmp_path, sqlite_url, policies)) as gate, ExitStack() as opened:
        token = gate.command("token", "create", "--role", "auditor")
        streams = [opened.enter_context(_stream(gate, token)) for _ in range(STREAMS_OF_ONE_MAX)]
        assert {stream.status for stream in streams} == {200}
        with _stream(gate, token) as one_too_many:
            assert one_too_many.status == 429

        opened.pop_all().close()
        for _ in range(TRIES):
            with _stream(gate, token) as another:
                if another.status == 200:
                    break
        assert another.status == 200

        with _stream(gate, token):
            assert gate.stop() == 0


@contextmanager
def _stream(gate: LiveGate, token: str) -> Iterator[http.client.HTTPResponse]:
    """An open stream of this caller, after its first line, or a refusal."""
    connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=10)
    connection.request("GET", "/v1/events", headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    try:
        response.readline()
        yield response
    finally:
        response.close()
        connection.close()
