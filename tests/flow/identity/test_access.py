"""Who a token is: remembered for a second at most, forgotten at once when tokens change (A28)."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gate.core.catalogue.catalogue import Catalogue, Group
from gate.core.catalogue.catalogue import Person as Known
from gate.errors import Unauthenticated
from gate.flow import fresh
from gate.flow.caller import NOBODY, ByToken, Machine, Person, Role
from gate.flow.gate import Gate
from gate.flow.identity.access import Access
from gate.storage.database.watch import EVERYTHING
from gate.storage.identity import people
from gate.storage.identity.people import AccountState
from gate.storage.identity.tokens import TOPIC, StoredToken, Token

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SECRET = "s" * 43
IDENTITY = "0123456789abcdef"
BEARER = f"gate_{IDENTITY}_{SECRET}"


def token(**fields: Any) -> Token:
    """A good pipeline token."""
    given: dict[str, Any] = {
        "id": IDENTITY,
        "role": "pipeline",
        "person": None,
        "services": frozenset({"web"}),
        "hook": None,
        "created_at": NOW,
        "created_by": "test",
        "root": None,
        "made_with": None,
        "expires_at": None,
        "revoked_at": None,
        "last_used_at": None,
    }
    return Token(**given | fields)


class World:
    """Tokens, a catalogue, and two clocks that are moved by hand."""

    def __init__(self, *tokens: Token) -> None:
        self.tokens = {one.id: one for one in tokens}
        self.account_states: dict[str, AccountState] = {}
        self.reads: list[str] = []
        self.now = NOW
        self.seconds = 0.0
        catalogue = Catalogue(
            people={"ada": Known("ada")},
            groups={"release-managers": Group("release-managers", ("ada",))},
        )
        gate = SimpleNamespace(
            store=self,
            rulebooks=self,
            clock=lambda: self.now,
            secrets=SimpleNamespace(change_tokens=b"x" * 32),
        )
        self._book = SimpleNamespace(catalogue=catalogue)
        self.access = Access(cast("Gate", gate), lambda: self.seconds)

    async def read(
        self, function: Callable[..., Any], identity: str
    ) -> StoredToken | AccountState | None:
        """As the store looks a token up, and whoever has it."""
        if function is people.account_state:
            return self.account_states.get(identity, people.USUAL)
        self.reads.append(identity)
        found = self.tokens.get(identity)
        return (
            None
            if found is None
            else StoredToken(found, hashlib.sha256(SECRET.encode()).hexdigest())
        )

    async def current(self) -> Any:
        """The rulebook."""
        return self._book

    async def refuses(self, bearer: str = BEARER) -> bool:
        """Whether it is nobody's, in the words that all hear."""
        try:
            await self.access.authenticate(bearer)
        except Unauthenticated as error:
            return error.detail == NOBODY
        return False


@pytest.mark.parametrize(
    "bearer",
    [
        "",
        "gate_",
        BEARER[:-1],
        BEARER + "s",
        BEARER[:-1] + "t",
        BEARER.upper(),
        BEARER + "\n",
        "gate_" + "0" * 16 + "_" + SECRET,
        "x" * 100_000,
    ],
)
async def test_what_is_not_exactly_a_token_is_nobodys(bearer: str) -> None:
    assert await World(token()).refuses(bearer)


async def test_only_what_could_be_a_token_is_looked_up() -> None:
    world = World(token())

    for bearer in ("", "gate_x", "x" * 100_000, f"gatec_{'0' * 26}_{'A' * 43}"):
        assert await world.refuses(bearer)

    assert world.reads == []


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"revoked_at": NOW}, id="revoked"),
        pytest.param({"expires_at": NOW}, id="expired just now"),
        pytest.param(
            {"role": None, "person": "nobody"}, id="of somebody who has left the catalogue"
        ),
        pytest.param({"role": None}, id="of nobody"),
    ],
)
async def test_a_token_that_is_no_longer_good_is_nobodys(bad: dict[str, Any]) -> None:
    assert await World(token(**bad)).refuses()


ADMIN_TOKEN, PARENT = "admin", "fedcba9876543210"
CHAIN = {"role": ADMIN_TOKEN, "services": None, "root": "ada", "made_with": PARENT}


@pytest.mark.parametrize("role", ["admin", "auditor", None])
@pytest.mark.parametrize(
    ("parent", "account_state"),
    [
        pytest.param(
            {"revoked_at": NOW}, AccountState("admin"), id="made with a token that was revoked"
        ),
        pytest.param(
            {"expires_at": NOW}, AccountState("admin"), id="made with a token that has expired"
        ),
        pytest.param(
            {"made_with": "0" * 16},
            AccountState("admin"),
            id="made with one that was made with one that is not there",
        ),
        pytest.param({"made_with": PARENT}, AccountState("admin"), id="a chain without an end"),
        pytest.param({}, AccountState("admin", disabled=True), id="of somebody who was shut out"),
    ],
)
async def test_a_token_dies_with_what_it_was_made_with(
    role: str | None, parent: dict[str, Any], account_state: AccountState
) -> None:
    made = token(**CHAIN | {"role": role, "person": None if role else "ada"})
    world = World(
        made,
        token(
            **{"id": PARENT, "role": None, "person": "ada", "services": None, "root": "ada"}
            | parent
        ),
    )
    world.account_states["ada"] = account_state

    assert await world.refuses()


@pytest.mark.parametrize("role", ["admin", "auditor"])
async def test_a_token_of_an_admin_dies_when_its_maker_is_none_any_more(role: str) -> None:
    world = World(token(role=role, services=None, root="ada"))

    world.account_states["ada"] = AccountState("admin")
    assert await world.access.authenticate(BEARER) == Machine(IDENTITY, Role(role), None, "ada")
    world.account_states["ada"] = AccountState()
    world.seconds = 2.0
    assert await world.refuses()


@pytest.mark.parametrize("role", ["pipeline", "hook"])
async def test_deployments_go_on_when_whoever_made_their_token_has_left(role: str) -> None:
    hook = "cdevents" if role == "hook" else None
    world = World(token(role=role, hook=hook, root="somebody who left", made_with="0" * 16))

    assert isinstance(await world.access.authenticate(BEARER), Machine)


async def test_a_token_of_a_role_is_a_machine() -> None:
    assert await World(token()).access.authenticate(BEARER) == Machine(
        IDENTITY, Role.PIPELINE, frozenset({"web"})
    )


async def test_a_token_of_a_person_is_that_person_with_the_groups_of_now() -> None:
    world = World(token(role=None, person="ada", services=None))

    assert await world.access.authenticate(BEARER) == Person(
        "ada", frozenset({"release-managers"}), ByToken(IDENTITY)
    )


async def test_a_busy_token_is_looked_up_once_a_second() -> None:
    world = World(token())

    for world.seconds in (0.0, 0.5, 1.0, 1.1, 2.0):
        await world.access.authenticate(BEARER)

    assert len(world.reads) == 2


async def test_a_remembered_token_expires_to_the_instant() -> None:
    world = World(token(expires_at=NOW + timedelta(milliseconds=10)))
    await world.access.authenticate(BEARER)

    world.now += timedelta(milliseconds=10)

    assert await world.refuses()


async def test_a_remembered_token_still_needs_its_secret() -> None:
    world = World(token())
    await world.access.authenticate(BEARER)

    assert await world.refuses(BEARER[:-1] + "t")


@pytest.mark.parametrize("topics", [frozenset({TOPIC}), EVERYTHING, frozenset({"chg_1", TOPIC})])
async def test_a28_a_revoked_token_is_forgotten_at_once(topics: frozenset[str]) -> None:
    world = World(token())
    await world.access.authenticate(BEARER)
    world.tokens[IDENTITY] = token(revoked_at=NOW)

    world.access.hear(topics)

    assert await world.refuses()


async def test_a28_a_look_up_that_was_under_way_is_not_remembered() -> None:
    world = World(token())
    look_up = world.read

    async def slow(
        function: Callable[..., Any], identity: str
    ) -> StoredToken | AccountState | None:
        found = await look_up(function, identity)
        world.tokens[identity] = token(revoked_at=NOW)
        world.access.hear(frozenset({TOPIC}))
        return found

    world.read = slow  # type: ignore[method-assign]  # the store answers, and before that is heard the token is revoked
    await world.access.authenticate(BEARER)
    world.read = look_up  # type: ignore[method-assign]  # from now on it answers at once

    assert await world.refuses()


async def test_what_others_wrote_is_no_reason_to_forget() -> None:
    world = World(token())
    await world.access.authenticate(BEARER)

    world.access.hear(frozenset({"chg_1"}))
    await world.access.authenticate(BEARER)

    assert len(world.reads) == 1


async def test_a_new_token_works_although_it_was_asked_for_before() -> None:
    world = World()
    assert await world.refuses()

    world.tokens[IDENTITY] = token()

    assert not await world.refuses()


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "KEPT_MAX", 3)  # 10,000 would be slow
    world = World(*(token(id=f"{k:016x}") for k in range(9)))

    for k in range(9):
        assert not await world.refuses(f"gate_{k:016x}_{SECRET}")

    assert not await world.refuses(f"gate_{8:016x}_{SECRET}")


async def test_use_is_noted_once_and_only_of_what_was_good() -> None:
    world = World(token())
    await world.access.authenticate(BEARER)
    await world.refuses(BEARER[:-1] + "t")

    assert dict(world.access.take_used()) == {IDENTITY: NOW}
    assert dict(world.access.take_used()) == {}
