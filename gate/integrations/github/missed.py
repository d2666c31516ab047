"""Asks GitHub for deliveries that never arrived, because it does not send them again by itself."""

from collections.abc import Callable
from datetime import datetime, timedelta

from gate.integrations.code_host.place import PER_PAGE
from gate.integrations.github.app import App
from gate.integrations.http import shapes
from gate.integrations.http.rest import Refused, Rest

LOOK_BACK = timedelta(hours=24)
"""How far back the gate looks. GitHub can send again what is up to three days old, but a run that
waits is noticed long before."""

SETTLED_AFTER = timedelta(minutes=2)
"""Younger deliveries may still be on their way."""

PAGES_MAX = 10
AGAIN_MAX = 50
"""The most deliveries that one look requests again. The next look requests the rest."""

_ACCEPTED = frozenset({202})
_OK, _REDIRECT = 200, 300


async def send_missed_again(rest: Rest, app: App, now: Callable[[], datetime]) -> int:
    """Ask for each delivery without a success, and return how many were asked for.

    The list is read without its filter, because the filter leaves out deliveries that never got an
    answer.
    """
    at = now()
    # By what stays the same when it is sent again.
    missed: dict[str, int] = {}
    arrived: set[str] = set()
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        params = {"per_page": PER_PAGE} | ({"cursor": cursor} if cursor else {})
        reply = await rest.get("/app/hook/deliveries", app.credential(), params)
        listed = shapes.items([reply.body], 0)
        for one in listed:
            guid, sent = shapes.text(one, "guid"), shapes.instant(one, "delivered_at")
            status = shapes.the(one, "status_code")
            if isinstance(status, int) and _OK <= status < _REDIRECT:
                arrived.add(guid)
            elif at - LOOK_BACK < sent < at - SETTLED_AFTER:
                missed.setdefault(guid, shapes.number(one, "id"))
        cursor = reply.next_cursor
        if (
            cursor is None
            or not listed
            or shapes.instant(listed[-1], "delivered_at") < at - LOOK_BACK
        ):
            break
    again = [identity for guid, identity in missed.items() if guid not in arrived][:AGAIN_MAX]
    return sum([await _send_again(rest, app, identity) for identity in again])


async def _send_again(rest: Rest, app: App, identity: int) -> bool:
    try:
        await rest.post(
            f"/app/hook/deliveries/{identity}/attempts", app.credential(), None, _ACCEPTED
        )
    except Refused:
        # Too old by now, or gone.
        return False
    return True
