"""The past of PagerDuty: the incidents of one of its services, read with an access key."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

from gate.core.instants import rfc3339
from gate.core.past import PastIncident
from gate.integrations.http import shapes
from gate.integrations.http.rest import Credential, Rest

HEADERS: Mapping[str, str] = {
    "Accept": "application/vnd.pagerduty+json;version=2",
    "User-Agent": "change-gate",
}
PER_PAGE = 100
PAGES_MAX = 100
"""The most pages of one slice, because PagerDuty counts no further than ten thousand."""

SLICE = timedelta(days=150)
"""PagerDuty answers for at most six months at once."""


async def incidents(
    rest: Rest, token: str, theirs: str, service: str, since: datetime, until: datetime
) -> AsyncIterator[Sequence[PastIncident]]:
    """Yield pages of incidents of their service between these times, oldest first.

    Raises `SourceUnavailable`.
    """
    by = Credential("token", {"Authorization": f"Token token={token}"})
    begins = since
    while begins < until:
        ends = min(begins + SLICE, until)
        for page in range(PAGES_MAX):
            wanted: dict[str, str | int] = {
                "since": rfc3339(begins),
                "until": rfc3339(ends),
                "service_ids[]": theirs,
                "sort_by": "created_at:asc",
                "time_zone": "UTC",
                "limit": PER_PAGE,
                "offset": page * PER_PAGE,
            }
            body = (await rest.get("/incidents", by, wanted)).body
            listed = shapes.items(body, "incidents")
            yield [_incident(one, rest.host, service) for one in listed]
            if shapes.the(body, "more") is not True:
                break
        begins = ends


def _incident(one: object, source: str, service: str) -> PastIncident:
    began_at = shapes.instant(one, "created_at")
    is_over = shapes.the(one, "status") == "resolved"
    # PagerDuty has no time of the end of its own; it is the last change of its status.
    changed = shapes.maybe_text(one, "resolved_at") or shapes.maybe_text(
        one, "last_status_change_at"
    )
    resolved_at = None
    if is_over and changed is not None:
        resolved_at = max(began_at, shapes.instant({"at": changed}, "at"))
    return PastIncident(source, shapes.name(one, "id"), service, None, began_at, resolved_at)
