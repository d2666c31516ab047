"""The strip at the top of every page: whether production is open, and what is urgent."""

from starlette.requests import Request

from gate.api.http.permits import attached_to
from gate.errors import GateError
from gate.flow.caller import Person
from gate.flow.queries.status import status
from gate.web.render import NAME, STATUS, VIEWER, ZONE


async def put(request: Request) -> None:
    """Put the values of the strip into the scope of the request, if somebody is signed in.

    A page that says why the gate cannot answer must still be shown. So if the status cannot be
    read, the strip says that it is unknown.
    """
    viewer = request.scope.get(VIEWER)
    if not isinstance(viewer, Person):
        return
    gate, waiting_list = attached_to(request).gate, request.scope["app"].state.waiting_list
    book = gate.rulebooks.latest
    request.scope[NAME] = book.catalogue.label_of(viewer.id)
    request.scope[ZONE] = book.calendar.zone
    try:
        request.scope[STATUS] = await status(gate, waiting_list, viewer)
    except GateError:
        request.scope[STATUS] = None
