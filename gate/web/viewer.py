"""The dependencies of pages' endpoints: the viewer, and the list of waiting changes.

A viewer is a person who is signed in, or for the JSON of a page one with a personal token.
"""

from typing import Annotated, TypeAlias

from fastapi import Depends
from starlette.requests import Request

from gate.api.http.permits import CALLER, RELEASE_MANAGERS, PeoplePermit, attached_to, visitor
from gate.errors import NotAllowed, Unauthenticated
from gate.flow.caller import Person, Role
from gate.flow.queries.waiting_list import WaitingList
from gate.web.render import VIEWER


class ViewerPermit(PeoplePermit):
    """A permit for people. It raises `Unauthenticated`, which a page turns into the sign-in form.

    It asks for no CSRF token, because `forms.read_form` compares the one in the form.
    """

    async def __call__(self, request: Request) -> Person:
        """Return the viewer, and keep it in the scope for the header of the page."""
        person = (
            await self._signed_in(request)
            if "authorization" not in request.headers
            else await super().__call__(request)
        )
        request.scope[VIEWER] = person
        return person

    async def _signed_in(self, request: Request) -> Person:
        person = await visitor(request)
        if person is None:
            raise Unauthenticated("Sign in to see this page.")
        request.scope[CALLER] = person.caller
        attached_to(request).rates.take(person.caller)
        if not self.admits(person):
            raise NotAllowed(f"You may not {self._act}. {self._allowed()}")
        return person


Viewer: TypeAlias = Annotated[
    Person, Depends(ViewerPermit("see this page", Role.AUDITOR, Role.ADMIN, people=True))
]
"""Every signed-in person, because people may read everything."""

Doer: TypeAlias = Annotated[Person, Depends(ViewerPermit("do this", people=True))]
"""Every signed-in person but auditors, who write nothing. `flow` judges whether the person may do
the act."""

Linker: TypeAlias = Annotated[
    Person, Depends(ViewerPermit("tie an incident to a change", group=RELEASE_MANAGERS))
]
"""Release managers."""

Keeper: TypeAlias = Annotated[
    Person, Depends(ViewerPermit("manage people, tokens and policies", Role.ADMIN))
]
"""Admins."""


def _waiting_list(request: Request) -> WaitingList:
    waiting_list: WaitingList = request.scope["app"].state.waiting_list
    return waiting_list


WaitingListDep: TypeAlias = Annotated[WaitingList, Depends(_waiting_list)]
