"""A refusal at the door goes on record when it is known who was refused; what nobody can be named
for is only counted.
"""

from starlette.types import Scope

from gate.api.http.permits import CALLER, Parts
from gate.errors import NotAllowed, Unauthenticated
from gate.flow.refusals import Refused
from gate.flow.refuse import keep


async def keep_refusal(scope: Scope, error: Exception) -> None:
    """After the answer, so that nobody waits for it."""
    if not isinstance(error, Unauthenticated | NotAllowed) or error.told:
        return
    by = error.by or scope.get(CALLER)
    if by is None:
        return
    parts: Parts = scope["app"].state.parts
    operation = f"{scope['method']} {scope['route'].path_format}"
    await keep(
        parts.gate, Refused(by, operation, error.problem, scope["path_params"].get("change_id"))
    )
