"""Who is this?

A bearer token becomes a machine, a person, or whoever holds one change; a cookie becomes a person.
"""

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from gate.core.workload import Workload
from gate.errors import NotAllowed, Unauthenticated
from gate.flow.caller import (
    NOBODY,
    BySession,
    ByToken,
    Caller,
    HookKind,
    Machine,
    Person,
    Proof,
    Role,
)
from gate.flow.fresh import Fresh
from gate.flow.gate import Gate
from gate.flow.identity import change_tokens
from gate.flow.identity.membership import signed_on
from gate.flow.identity.tokens import CHAIN_MAX
from gate.storage.database.watch import EVERYTHING, Topics
from gate.storage.identity import people, sessions, tokens
from gate.storage.identity.people import AccountState
from gate.storage.identity.sessions import Session
from gate.storage.identity.tokens import Kept, Token

TOKEN_LENGTH_MAX = 200
OF_THE_ORGANISATION = frozenset({"pipeline", "hook"})
"""Roles whose tokens stay good when whoever made them has left.

Without them nothing would be deployed any more.
"""

IDENTITY_TOKEN_DOTS = 2
"""Between the three parts of an identity token; no other token has any."""


class Access:
    """Knows who asked in the last second; what is written about them is heard at once."""

    def __init__(self, gate: Gate, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._gate = gate
        self._tokens: Fresh[Kept] = Fresh(
            lambda token: gate.store.read(tokens.find, token), monotonic
        )
        self._sessions: Fresh[Session] = Fresh(
            lambda session: gate.store.read(sessions.find, session), monotonic
        )
        self._people: Fresh[AccountState] = Fresh(
            lambda person: gate.store.read(people.account_state, person), monotonic
        )
        self._used: dict[str, datetime] = {}
        self._seen: dict[str, datetime] = {}

    async def authenticate(self, bearer: str) -> Caller:
        """Whose token this is. Raises `Unauthenticated`, with one text for every reason."""
        if bearer.count(".") == IDENTITY_TOKEN_DOTS:
            caller: Caller | None = await self._workload(bearer)
        elif len(bearer) > TOKEN_LENGTH_MAX:
            caller = None
        elif bearer.startswith(change_tokens.PREFIX):
            caller = await change_tokens.holder(self._gate, bearer, self._tokens.find)
        else:
            caller = await self._owner(bearer)
        if caller is None:
            raise Unauthenticated(NOBODY)
        return caller

    async def signed_in(self, secret: str) -> Person | None:
        """Whose session has this secret; None for one that is unknown, ended or too old."""
        if len(secret) != sessions.SECRET_LENGTH:
            return None
        session = await self._sessions.find(sessions.sha256(secret))
        now = self._gate.clock()
        if session is None or not session.is_good_at(now, self._seen.get(session.id)):
            return None
        seal = hmac.digest(self._gate.secrets.sessions, session.id.encode(), "sha256")
        person = await self._person(session.person, BySession(session.id, seal.hex()))
        if person is not None:
            self._seen[session.id] = now
        return person

    def hear(self, topics: Topics) -> None:
        """What the store says has moved; none of it that is kept counts any more."""
        for topic, kept in (
            (tokens.TOPIC, self._tokens),
            (sessions.TOPIC, self._sessions),
            (people.TOPIC, self._people),
        ):
            if topic in topics or topics == EVERYTHING:
                kept.forget()

    def take_used(self) -> Mapping[str, datetime]:
        """Which tokens were used since this was asked last; the worker writes it down, nobody waits
        for it.
        """
        used, self._used = self._used, {}
        return used

    def take_seen(self) -> Mapping[str, datetime]:
        """Return which sessions were used since this was asked last; the worker writes it down,
        nobody waits for it.
        """
        seen, self._seen = self._seen, {}
        return seen

    async def _workload(self, bearer: str) -> Workload | None:
        """Anybody's pipeline has a good token of a public issuer.

        Raises `NotAllowed` for one whose repository nobody lists.
        """
        workload = await self._gate.identify(bearer, self._gate.clock())
        if workload is None:
            return None
        services = (await self._gate.rulebooks.current()).catalogue.services_of(
            workload.issuer, workload.repository.id
        )
        if not services:
            detail = (
                f"repository {workload.repository.id} of {workload.issuer} is listed for no "
                "service; list it in the catalogue"
            )
            # one name for all repositories of an issuer that nobody lists: there is no end of them
            raise NotAllowed(detail, problem="identity_mismatch", by=f"issuer:{workload.issuer}")
        return replace(workload, services=frozenset(services))

    async def _owner(self, bearer: str) -> Caller | None:
        presented = tokens.present(bearer)
        if presented is None:
            return None
        now = self._gate.clock()
        kept = await self._tokens.find(presented.id)
        token = tokens.judge(kept, presented, now)
        caller = None if token is None else await self._bearer_of(token)
        if kept is not None and caller is None:
            raise Unauthenticated(NOBODY, by=f"token:{presented.id}")
        if token is not None:
            self._used[token.id] = now
        return caller

    async def _bearer_of(self, token: Token) -> Caller | None:
        if token.role in OF_THE_ORGANISATION:
            hook = None if token.hook is None else HookKind(token.hook)
            return Machine(token.id, Role(token.role), token.services, token.root, hook)
        if not await self._is_backed(token):
            return None
        if token.person is not None:
            return await self._person(token.person, ByToken(token.id))
        if token.role:
            return Machine(token.id, Role(token.role), token.services, token.root)
        return None

    async def _is_backed(self, token: Token) -> bool:
        """Whether whoever made this token could make it still.

        With a good token, and as an admin where it has a role.

        What somebody has made for themself must not outlive the token that was taken from them, or
        their being an admin.
        """
        now, before = self._gate.clock(), token.made_with
        for _ in range(CHAIN_MAX + 1):
            if before is None:
                break
            kept = await self._tokens.find(before)
            if kept is None or not kept.token.is_good_at(now):
                return False
            before = kept.token.made_with
        if token.role is None or token.root is None:
            return before is None
        root = await self._person(token.root, ByToken(token.id))
        return before is None and root is not None and root.role is Role.ADMIN

    async def _person(self, person: str, proof: Proof) -> Person | None:
        account_state = await self._people.find(person) or people.USUAL
        return signed_on(
            (await self._gate.rulebooks.current()).catalogue, person, account_state, proof
        )
