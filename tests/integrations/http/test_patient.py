"""Whoever imports waits out a rate limit, as long as the host says and not for ever."""

import pytest

from gate.errors import SourceUnavailable
from gate.integrations.github.facts import HEADERS
from gate.integrations.http import patient
from gate.integrations.http.patient import PatientRest
from gate.integrations.http.rest import Credential
from tests.integrations.fake_github import Canned, FakeGitHub, reply

pytestmark = pytest.mark.anyio

BY = Credential("token", {"Authorization": "Bearer ghs_x"})


class Paced:
    """A clock that only waiting moves, and what was waited."""

    def __init__(self, known: FakeGitHub, pauses: int) -> None:
        self.now = 0.0
        self.waited: list[int] = []
        self._known = known
        self._pauses = pauses

    async def sleep(self, seconds: float) -> None:
        """The host lets somebody in again after so many pauses."""
        self.now += seconds
        self.waited.append(int(seconds))
        if len(self.waited) == self._pauses:
            self._known.failing = {}

    def rest(self, said: list[int]) -> PatientRest:
        """As an import asks."""
        return PatientRest(
            "https://api.github.com",
            HEADERS,
            said.append,
            self._known.open_client,
            lambda: self.now,
            self.sleep,
        )


def limited(pause: Canned) -> FakeGitHub:
    """Nobody may ask for a repository for a while."""
    return FakeGitHub(failing={"/repos": pause}, tokens={"ghs_x": 9e9})


async def test_it_waits_as_long_as_the_host_says_and_then_goes_on() -> None:
    paced, said = Paced(known := limited(reply(429, {}, retry_after="90")), 2), list[int]()

    answer = await paced.rest(said).get("/repos/acme/checkout", BY)

    assert answer.body["id"] == 1001
    assert (paced.waited, said) == ([91, 91], [91, 91])
    assert len(known.requests) == 3


async def test_a_host_that_never_lets_anybody_in_is_given_up() -> None:
    paced = Paced(limited(reply(403, {"message": "secondary rate limit"})), 99)

    with pytest.raises(SourceUnavailable, match="rate limit"):
        await paced.rest([]).get("/repos/acme/checkout", BY)

    assert len(paced.waited) == patient.PAUSES_MAX


async def test_what_is_no_rate_limit_is_not_waited_for() -> None:
    paced = Paced(FakeGitHub(failing={"/repos": reply(404, {})}), 1)

    with pytest.raises(SourceUnavailable, match="404"):
        await paced.rest([]).get("/repos/acme/checkout", BY)

    assert paced.waited == []
