"""Authentication of requests. A bearer token stands for a machine, a person or the holder of one
change, and a cookie for a person.
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
from gate.storage.identity.tokens import StoredToken, Token

TOKEN_LENGTH_MAX = 200
OF_THE_ORGANISATION = frozenset({"pipeline", "hook"})
"""Roles whose tokens stay valid when the person who made them has left.

Otherwise nothing could be deployed any more after an admin leaves.
"""

IDENTITY_TOKEN_DOTS = 2
"""The dots between the three parts of an identity token; no other token has any."""


class Access:
    """Authenticates callers. Rows are kept for a second, and read again when the store announces a
    change of them.
    """

    def __init__(self, gate: Gate, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._gate = gate
        self._tokens: Fresh[StoredToken] = Fresh(
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
        """Return whose token this is. Raises `Unauthenticated`, with one text for all reasons."""
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
        """Return the person whose session has this secret; None if it is unknown, ended or over."""
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
        """Forget the rows of these topics, because the store announced that they moved."""
        for topic, kept in (
            (tokens.TOPIC, self._tokens),
            (sessions.TOPIC, self._sessions),
            (people.TOPIC, self._people),
        ):
            if topic in topics or topics == EVERYTHING:
                kept.forget()

    def take_used(self) -> Mapping[str, datetime]:
        """Return which tokens were used since the last call.

        The worker writes it down later, so that no request waits for it.
        """
        used, self._used = self._used, {}
        return used

    def take_seen(self) -> Mapping[str, datetime]:
        """Return which sessions were used since the last call; the worker writes it down, too."""
        seen, self._seen = self._seen, {}
        return seen

    async def _workload(self, bearer: str) -> Workload | None:
        """Return the run of an identity token, or None if the token is not valid.

        Raises `NotAllowed` if no service lists its repository, because on a public host anybody's
        pipeline has a valid token.
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
            # One name for all unlisted repositories of an issuer, because their number has no
            # limit, and each name is remembered.
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
        """Return whether the maker of this token could still make it.

        Every token of the chain behind it must be valid, and for a token of a role the person at
        its root must still be an admin. Otherwise a person whose token or role was taken away could
        go on with a token made before.
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
