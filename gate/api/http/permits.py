"""Permissions of callers. Each is one of the types below, and stands in a route's signature.

The parameter is named `_` where everybody who is admitted gets the same answer.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from typing import Annotated, TypeAlias

from fastapi import Depends
from starlette.requests import Request

from gate.api.http.cookies import (
    CSRF_HEADER,
    SAFE_METHODS,
    cookie_of,
    require_csrf,
    require_same_origin,
)
from gate.api.http.rates import Rates
from gate.core.workload import Workload
from gate.errors import Fault, GateError, Invalid, NotAllowed, Unauthenticated
from gate.flow.caller import NOBODY, Caller, HookKind, Machine, Person, Role
from gate.flow.connections import NO_HOOKS, Hooks
from gate.flow.gate import Gate
from gate.flow.identity.access import Access
from gate.flow.streams import Streams

CALLER = "gate.caller"
"""The key of the caller's name in the scope of a request. It is set as soon as the name is
known."""

RELEASE_MANAGERS = "release-managers"
LENT_HEADER, LENT_LENGTH_MAX = b"gate-host-token", 2_000
"""The header in which a job lends its token at its code host, for this request."""

_LENT = re.compile(rb"[A-Za-z0-9._-]{1,%d}" % LENT_LENGTH_MAX)
_BEARER, _BASIC = b"bearer ", b"basic "


class Attached:
    """What is attached to an app for all of its routes: the gate, and what is remembered of
    callers.
    """

    def __init__(self, gate: Gate, hooks: Hooks = NO_HOOKS) -> None:
        self.gate = gate
        self.hooks = hooks
        self.access = Access(gate)
        self.rates = Rates(gate.rate_limit)
        self.streams = Streams(gate.store)


def attached_to(request: Request) -> Attached:
    """Return what is attached to the app that serves the request."""
    found: Attached = request.scope["app"].state.attached
    return found


def _gate(request: Request) -> Gate:
    return attached_to(request).gate


class Permit:
    """Admits the callers that its arguments name: machines of some roles, people, or the holder of
    the token of one change.

    A person who is an admin is also admitted where an admin's token is. An auditor is admitted only
    where an auditor's token is.
    """

    _with_role = "tokens"
    """The word of an error for the callers whose roles are admitted."""

    def __init__(
        self,
        act: str,
        *roles: Role,
        people: bool = False,
        group: str | None = None,
        holder: bool = False,
        counted: bool = True,
    ) -> None:
        self._act = act
        self._roles = frozenset(roles)
        self._people = people or group is not None
        self._group = group
        self._holder = holder
        self._counted = counted

    async def __call__(self, request: Request) -> Caller:
        """Return the caller. Raises `Unauthenticated`, `RateLimited`, `NotAllowed`."""
        attached = attached_to(request)
        caller = await self.caller(request, attached)
        request.scope[CALLER] = caller.caller
        if self._counted:
            attached.rates.take(caller.caller)
        if not self.admits(caller):
            raise NotAllowed(f"{_called(caller)} may not {self._act}. {self._allowed()}")
        return caller

    async def caller(self, request: Request, attached: Attached) -> Caller:
        """Return who asks, by a token or else by a session.

        A browser sends the cookie of a session whichever page made it ask. So with a session a
        request that changes anything must also prove that one of our pages has sent it.
        """
        headers = request.scope["headers"]
        given = [value for name, value in headers if name == b"authorization"]
        if given or not any(name == b"cookie" for name, _ in headers):
            return await attached.access.authenticate(_bearer(given))
        person = await visitor(request)
        if person is None:
            raise Unauthenticated(NOBODY)
        request.scope[CALLER] = person.caller
        if request.method not in SAFE_METHODS:
            require_same_origin(request, attached.gate)
            require_csrf(person, request.headers.get(CSRF_HEADER))
        return person

    async def still_admits(self, request: Request) -> bool:
        """Return whether the caller of a request that goes on is still let in. It is not counted
        as another request.
        """
        try:
            return self.admits(await self.caller(request, attached_to(request)))
        except GateError:
            return False

    def admits(self, caller: Caller) -> bool:
        """Return whether this kind of caller may do it at all. `flow` judges service and change."""
        if isinstance(caller, Machine):
            return caller.role in self._roles
        if isinstance(caller, Workload):
            return Role.PIPELINE in self._roles
        if isinstance(caller, Person):
            return self._admits_person(caller)
        return self._holder

    def _admits_person(self, person: Person) -> bool:
        if person.role is Role.AUDITOR:
            return Role.AUDITOR in self._roles
        if person.role is Role.ADMIN and Role.ADMIN in self._roles:
            return True
        return self._people and (self._group is None or self._group in person.groups)

    def _allowed(self) -> str:
        who = [f"{self._with_role} of role {role}" for role in sorted(self._roles)]
        if self._people:
            who.append(f"people in {self._group}" if self._group else "people")
        if self._holder:
            who.append("the token of that one change")
        return f"Allowed are {', '.join(who)}."


class HookPermit(Permit):
    """Admits the tokens that were made for this one kind of hook."""

    def __init__(self, act: str, kind: HookKind) -> None:
        super().__init__(act, Role.HOOK)
        self._kind = kind

    def admits(self, caller: Caller) -> bool:
        """Return whether the token was made for this hook.

        A token for another one is refused, so that a token stolen from one system cannot report in
        the name of another.
        """
        return (
            isinstance(caller, Machine) and caller.role is Role.HOOK and caller.hook is self._kind
        )

    def _allowed(self) -> str:
        return f"Allowed are tokens of role {Role.HOOK} that were made for {self._kind}."


class PeoplePermit(Permit):
    """Admits only people; whether this person may do it is judged in `flow`."""

    _with_role = "people"

    def admits(self, caller: Caller) -> bool:
        """Return whether the caller is a person; a token of a role never is, whatever its role."""
        return isinstance(caller, Person) and super().admits(caller)

    async def __call__(self, request: Request) -> Person:
        """Return the person who asks. Raises as `Permit` does."""
        caller = await super().__call__(request)
        if not isinstance(caller, Person):
            raise TypeError("a permit for people admitted somebody else")
        return caller


class SubscriberPermit(Permit):
    """Admits a token also as the password of any user.

    Calendar programs can send nothing else, and send it only after an answer has asked for it.
    """

    async def caller(self, request: Request, attached: Attached) -> Caller:
        """Return the owner of this token, password or session."""
        try:
            password = _password(request)
            return await (
                super().caller(request, attached)
                if password is None
                else attached.access.authenticate(password)
            )
        except Unauthenticated as error:
            error.challenge = "Basic"
            raise


def lent_token(request: Request) -> str:
    """Return the token that a pipeline lends for this request, or an empty text.

    Raises `Invalid`, without the token in it, for a text that cannot be a token.
    """
    given = [value for name, value in request.scope["headers"] if name == LENT_HEADER]
    if not given or given == [b""]:
        return ""
    if len(given) > 1 or not _LENT.fullmatch(given[0]):
        raise Invalid(
            f"Gate-Host-Token is not one token of 1 to {LENT_LENGTH_MAX} letters, digits and ._-",
            faults=[Fault("not a token", "header Gate-Host-Token")],
        )
    return str(given[0], "ascii")


async def visitor(request: Request) -> Person | None:
    """Return the person who is signed in at this browser, or None.

    It is for pages, which show the way to sign in instead of raising.
    """
    attached = attached_to(request)
    secret = cookie_of(request, attached.gate)
    return None if secret is None else await attached.access.signed_in(secret)


def _bearer(given: list[bytes]) -> str:
    if len(given) != 1 or not given[0][: len(_BEARER)].lower() == _BEARER or not given[0].isascii():
        raise Unauthenticated("Send a valid token: `Authorization: Bearer …`.")
    return str(given[0][len(_BEARER) :].strip(), "ascii")


def _password(request: Request) -> str | None:
    """Return the password of basic authentication, or None for another scheme.

    One that cannot be read becomes an empty text, which no token equals.
    """
    given = request.headers.get("authorization", "").encode("latin-1")
    if given[: len(_BASIC)].lower() != _BASIC:
        return None
    try:
        return b64decode(given[len(_BASIC) :], validate=True).decode("ascii").partition(":")[2]
    except (NotBase64, UnicodeDecodeError):
        return ""


def _called(caller: Caller) -> str:
    if isinstance(caller, Machine):
        return f"A token of role {caller.role}"
    if isinstance(caller, Workload):
        return "A pipeline's identity token"
    if isinstance(caller, Person):
        return "This person"
    return "The token of one change"


Lent: TypeAlias = Annotated[str, Depends(lent_token)]
GateDep: TypeAlias = Annotated[Gate, Depends(_gate)]

_AUDITOR, _ADMIN, _PIPELINE = Role.AUDITOR, Role.ADMIN, Role.PIPELINE

Submitter: TypeAlias = Annotated[Caller, Depends(Permit("submit a change", _PIPELINE))]
Evaluator: TypeAlias = Annotated[
    Caller, Depends(Permit("ask what would be decided", _PIPELINE, _ADMIN, people=True))
]
ChangeReader: TypeAlias = Annotated[
    Caller, Depends(Permit("read a change", _PIPELINE, _AUDITOR, _ADMIN, people=True, holder=True))
]
PlaceReader: TypeAlias = Annotated[
    Caller,
    Depends(Permit("read changes and what runs where", _PIPELINE, _AUDITOR, _ADMIN, people=True)),
]
PlaceWatcher: TypeAlias = Annotated[
    Caller,
    Depends(
        SubscriberPermit(
            "read changes and what runs where", _PIPELINE, _AUDITOR, _ADMIN, people=True
        )
    ),
]
Admitter: TypeAlias = Annotated[
    Caller, Depends(Permit("have a change admitted", _PIPELINE, holder=True, counted=False))
]
Closer: TypeAlias = Annotated[Caller, Depends(Permit("close a change", _PIPELINE, holder=True))]
Canceler: TypeAlias = Annotated[
    Caller, Depends(Permit("cancel a change", _PIPELINE, people=True, holder=True))
]
Reviewer: TypeAlias = Annotated[Person, Depends(PeoplePermit("review a change", people=True))]
Reinstater: TypeAlias = Annotated[
    Person, Depends(PeoplePermit("reinstate a standard change", people=True))
]
READER = Permit("read log, policies and calendar", _AUDITOR, _ADMIN, people=True)
Reader: TypeAlias = Annotated[Caller, Depends(READER)]
Subscriber: TypeAlias = Annotated[
    Caller, Depends(SubscriberPermit("read the calendar", _AUDITOR, _ADMIN, people=True))
]
Checker: TypeAlias = Annotated[Caller, Depends(Permit("check policies", _ADMIN, people=True))]
Admin: TypeAlias = Annotated[Caller, Depends(Permit("manage people, tokens and policies", _ADMIN))]
Activator: TypeAlias = Annotated[Person, Depends(PeoplePermit("activate policies", _ADMIN))]
TokenHolder: TypeAlias = Annotated[Caller, Depends(Permit("manage tokens", _ADMIN, people=True))]
Freezer: TypeAlias = Annotated[
    Person, Depends(PeoplePermit("freeze or stop the line", people=True))
]
Lifter: TypeAlias = Annotated[
    Person, Depends(PeoplePermit("lift a freeze or a stopped line", group=RELEASE_MANAGERS))
]
IncidentReporter: TypeAlias = Annotated[
    Caller, Depends(Permit("report an incident", Role.HOOK, people=True))
]
Measurer: TypeAlias = Annotated[Caller, Depends(Permit("send a measure", Role.HOOK, people=True))]
Improver: TypeAlias = Annotated[
    Person, Depends(PeoplePermit("keep the register of improvements", people=True))
]
IncidentLinker: TypeAlias = Annotated[
    Person, Depends(PeoplePermit("correct what an incident is put down to", group=RELEASE_MANAGERS))
]
CdeventsSender: TypeAlias = Annotated[
    Caller, Depends(HookPermit("send CDEvents", HookKind.CDEVENTS))
]
AlertSender: TypeAlias = Annotated[
    Caller, Depends(HookPermit("send alerts", HookKind.ALERTMANAGER))
]
AnyToken: TypeAlias = Annotated[
    Caller, Depends(Permit("read the metrics", *Role, people=True, holder=True))
]
