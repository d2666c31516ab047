"""Records refusals of requests whose caller is known; others are only counted."""

from starlette.types import Scope

from gate.api.http.permits import CALLER, Attached
from gate.errors import NotAllowed, Unauthenticated
from gate.flow.refusals import Refused
from gate.flow.refuse import record_refusal


async def keep_refusal(scope: Scope, error: Exception) -> None:
    """Record the refusal; called after the answer was sent, so that nobody waits for it."""
    if not isinstance(error, Unauthenticated | NotAllowed) or error.is_recorded:
        return
    by = error.by or scope.get(CALLER)
    if by is None:
        return
    attached: Attached = scope["app"].state.attached
    operation = f"{scope['method']} {scope['route'].path_format}"
    await record_refusal(
        attached.gate, Refused(by, operation, error.problem, scope["path_params"].get("change_id"))
    )
