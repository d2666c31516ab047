"""Who is this? A bearer token becomes a machine, a person, or whoever holds one change."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from gate.core.workload import Workload
from gate.errors import NotAllowed, Unauthenticated
from gate.flow import tokens as change_tokens
from gate.flow.caller import NOBODY, Caller, Machine, Person, Role
from gate.flow.gate import Gate
from gate.storage import tokens
from gate.storage.tokens import Kept, Token
from gate.storage.watch import EVERYTHING, Topics

STALE_AFTER_SECONDS = 1.0
KEPT_MAX = 10_000
TOKEN_LENGTH_MAX = 200
IDENTITY_TOKEN_DOTS = 2
"""Between the three parts of an identity token; no other token has any."""


class Access:
    """Knows the tokens that were asked for in the last second, so that a busy pipeline costs one look-up a second."""

    def __init__(self, gate: Gate, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._gate = gate
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, Kept]] = {}
        self._used: dict[str, datetime] = {}

    async def authenticate(self, bearer: str) -> Caller:
        """Whose token this is. Raises `Unauthenticated`, with one text for every reason."""
        caller = await self._caller(bearer)
        if caller is None:
            raise Unauthenticated(NOBODY)
        return caller

    def hear(self, topics: Topics) -> None:
        """What the store says has moved; when it is tokens, none that is kept counts any more."""
        if tokens.TOPIC in topics or topics == EVERYTHING:
            self._kept = {}

    def take_used(self) -> Mapping[str, datetime]:
        """Which tokens were used since this was asked last; the worker writes it down, nobody waits for it."""
        used, self._used = self._used, {}
        return used

    async def _caller(self, bearer: str) -> Caller | None:
        if bearer.count(".") == IDENTITY_TOKEN_DOTS:
            return await self._workload(bearer)
        if len(bearer) > TOKEN_LENGTH_MAX:
            return None
        return await (change_tokens.holder(self._gate, bearer) if bearer.startswith(change_tokens.PREFIX) else self._owner(bearer))

    async def _workload(self, bearer: str) -> Workload | None:
        """Anybody's pipeline has a good token of a public issuer. Raises `NotAllowed` for one whose repository nobody lists."""
        workload = await self._gate.identify(bearer, self._gate.clock())
        if workload is None:
            return None
        services = (await self._gate.rulebooks.current()).catalogue.services_of(workload.issuer, workload.repository.id)
        if not services:
            detail = f"repository {workload.repository.id} of {workload.issuer} is listed for no service; list it in the catalogue"
            raise NotAllowed(detail, problem="identity_mismatch")
        return replace(workload, services=frozenset(services))

    async def _owner(self, bearer: str) -> Caller | None:
        presented = tokens.present(bearer)
        if presented is None:
            return None
        now = self._gate.clock()
        token = tokens.judge(await self._find(presented.id), presented, now)
        if token is None:
            return None
        self._used[token.id] = now
        return await self._person(token) if token.role is None else Machine(token.id, Role(token.role), token.services)

    async def _find(self, identity: str) -> Kept | None:
        """As the database said at most a second ago. What is not there is not kept: it may be made at any moment."""
        now, cache = self._monotonic(), self._kept
        at, kept = cache.get(identity, (float("-inf"), None))
        if kept is not None and now - at <= STALE_AFTER_SECONDS:
            return kept
        kept = await self._gate.store.read(tokens.find, identity)
        if kept is not None:
            if len(cache) >= KEPT_MAX:
                cache.clear()
            cache[identity] = (now, kept)  # into the old one, if tokens have changed meanwhile
        return kept

    async def _person(self, token: Token) -> Person | None:
        """Somebody who has left the catalogue is nobody."""
        catalogue = (await self._gate.rulebooks.current()).catalogue
        if token.person is None or token.person not in catalogue.people:
            return None
        return Person(token.person, frozenset(catalogue.groups_of(token.person)), token.id)
