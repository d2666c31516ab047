"""Nobody uses up the server with questions that take seconds."""

import asyncio
from collections.abc import Awaitable

import pytest

from gate.errors import Invalid, RateLimited, Unavailable
from gate.flow.caller import Machine, Role
from gate.flow.queries.turns import AT_ONCE_MAX, OPEN_MAX, OPEN_OF_ONE_MAX, Turns
from gate.storage.store import SLOW_READERS
from tests.builders import make_person
from tests.flow.shop import ADA, AUDITOR

pytestmark = pytest.mark.anyio


class Question:
    """Answers when the test lets it."""

    def __init__(self) -> None:
        self.begun = 0
        self.let = asyncio.Event()

    async def __call__(self) -> str:
        """The answer."""
        self.begun += 1
        await self.let.wait()
        return "answered"


async def asked(work: Awaitable[str]) -> asyncio.Task[str]:
    """A question that is on its way."""
    task = asyncio.ensure_future(work)
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_one_person_has_few_open_whatever_the_token() -> None:
    turns, question = Turns(), Question()
    open_ones = [await asked(turns.take(ADA, question)) for _ in range(OPEN_OF_ONE_MAX)]

    for same in (ADA, Machine("made by ada", Role.ADMIN, person=ADA.id)):
        with pytest.raises(RateLimited, match="open already"):
            await turns.take(same, question)

    question.let.set()
    assert set(await asyncio.gather(*open_ones)) == {"answered"}
    assert await turns.take(ADA, question) == "answered"


async def test_who_hangs_up_has_not_made_room_for_another() -> None:
    turns, question = Turns(), Question()
    for _ in range(OPEN_OF_ONE_MAX):
        one = await asked(turns.take(ADA, question))
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one

    with pytest.raises(RateLimited):
        await turns.take(ADA, question)

    question.let.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert await turns.take(ADA, question) == "answered"


async def test_few_wait_and_one_is_worked_on() -> None:
    turns, question = Turns(), Question()
    people = [make_person(f"person{number}") for number in range(OPEN_MAX)]
    open_ones = [await asked(turns.take(person, question)) for person in people]

    with pytest.raises(Unavailable) as refused:
        await turns.take(AUDITOR, question)

    assert refused.value.retry_after_seconds > 0
    assert question.begun == AT_ONCE_MAX
    assert AT_ONCE_MAX < SLOW_READERS, "one is left for all other readers"
    question.let.set()
    assert set(await asyncio.gather(*open_ones)) == {"answered"}
    assert await turns.take(AUDITOR, question) == "answered"


async def test_a_question_that_fails_gives_its_place_back() -> None:
    turns, question = Turns(), Question()
    question.let.set()

    async def fails() -> str:
        raise Invalid("no policy")

    with pytest.raises(Invalid):
        await turns.take(ADA, fails)

    assert await turns.take(ADA, question) == "answered"
