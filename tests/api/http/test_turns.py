"""When many ask at once, an admission does not wait for all of them, and nobody waits for ever."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from gate.api.http import turns
from gate.api.http.body import ARRIVED
from gate.api.http.turns import AT_ONCE_MAX, RETRY_AFTER_SECONDS, Turns
from gate.errors import Unavailable

pytestmark = pytest.mark.anyio

ASKING, ADMISSION = "/v1/changes", "/v1/changes/chg_1/admission"


class Slow:
    """An app that answers when it is told to."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """One request."""
        self.served.append(scope["path"])
        if scope["path"] == ASKING:
            await self.may_answer.wait()


def ask(app: Turns, path: str, method: str = "POST", *, arrived: bool = True) -> asyncio.Task[None]:
    scope: Scope = {"type": "http", "path": path, "method": method}
    if arrived:
        scope[ARRIVED] = True
    return asyncio.ensure_future(app(scope, _nothing, _nowhere))


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


async def _nowhere(_message: Message) -> None:
    pass


async def steps() -> None:
    """Every task goes on as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_so_many_are_decided_at_once_and_the_others_in_their_order() -> None:
    slow = Slow()
    app = Turns(slow)
    asked = [ask(app, ASKING) for _ in range(AT_ONCE_MAX + 3)]
    await steps()
    assert len(slow.served) == AT_ONCE_MAX

    slow.may_answer.set()
    await asyncio.gather(*asked)

    assert len(slow.served) == AT_ONCE_MAX + 3


@pytest.mark.parametrize(
    ("path", "method"),
    [
        pytest.param(ADMISSION, "POST", id="an admission"),
        pytest.param("/v1/changes/chg_1/closure", "POST", id="a closure"),
        pytest.param("/readyz", "GET", id="a probe"),
        pytest.param("/v1/other", "GET", id="a read"),
    ],
)
async def test_what_is_no_asking_needs_no_turn(path: str, method: str) -> None:
    slow = Slow()
    app = Turns(slow)
    asked = [ask(app, ASKING) for _ in range(AT_ONCE_MAX + 1)]
    await steps()

    await ask(app, path, method)

    assert slow.served[-1] == path
    slow.may_answer.set()
    await asyncio.gather(*asked)


async def test_whoever_sends_slowly_takes_no_place() -> None:
    slow = Slow()
    app = Turns(slow)
    asked = [ask(app, ASKING, arrived=False) for _ in range(AT_ONCE_MAX + 1)]
    asked.append(ask(app, ASKING))
    await steps()

    assert len(slow.served) == AT_ONCE_MAX + 2
    slow.may_answer.set()
    await asyncio.gather(*asked)


async def test_above_the_limit_of_those_who_wait_one_is_told_to_ask_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "WAITING_MAX", 2)
    slow = Slow()
    app = Turns(slow)
    asked = [ask(app, ASKING) for _ in range(AT_ONCE_MAX + 2)]
    await steps()

    with pytest.raises(Unavailable, match="2 requests wait for a decision already") as refused:
        await ask(app, ASKING)

    assert (refused.value.problem, refused.value.retry_after_seconds) == (
        "busy",
        RETRY_AFTER_SECONDS,
    )
    slow.may_answer.set()
    await asyncio.gather(*asked)


async def test_nobody_waits_longer_than_the_limit_and_the_place_goes_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = Slow()
    app = Turns(slow)
    asked = [ask(app, ASKING) for _ in range(AT_ONCE_MAX)]
    await steps()
    monkeypatch.setattr(turns, "WAITING_SECONDS_MAX", 0)

    with pytest.raises(Unavailable, match="no decision could begin within 0 s"):
        await ask(app, ASKING)

    slow.may_answer.set()
    await asyncio.gather(*asked)
    await asyncio.gather(*(ask(app, ASKING) for _ in range(AT_ONCE_MAX)))


async def test_a_place_is_given_back_whatever_happens() -> None:
    class Broken:
        async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
            raise ZeroDivisionError

    app = Turns(Broken())
    for _ in range(AT_ONCE_MAX + 1):
        with pytest.raises(ZeroDivisionError):
            await ask(app, ASKING)
