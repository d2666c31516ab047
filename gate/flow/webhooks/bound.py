"""A hook token reports about its own services only, so that a stolen one cannot hurt others."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.messages.reports import DeploymentReport, IncidentReport
from gate.errors import NotAllowed
from gate.flow.caller import Caller, Machine
from gate.flow.gate import Gate
from gate.flow.refusals import Refused
from gate.flow.refuse import record_refusal, refuse
from gate.storage.changes import changes
from gate.storage.incidents import incidents
from gate.storage.incidents.incidents import Incident

Report: TypeAlias = IncidentReport | DeploymentReport

OPERATION = "hook"


@dataclass(frozen=True, slots=True)
class Heard:
    """The reports that are taken, each with the sender's name for it, and why others are not."""

    taken: list[tuple[str, Report]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


async def hear(gate: Gate, reports: Iterable[tuple[str, Report]], by: Caller) -> Heard:
    """Return the reports about the caller's services, and for each other one why it is ignored.

    One delivery may report on many services, and the sender cannot know for which of them its token
    is. So the delivery is refused as a whole, with `NotAllowed`, only if none of it can be taken.
    """
    heard = Heard()
    for name, one in reports:
        because = await foreign(gate, one, by)
        if because:
            heard.ignored.append(because)
        else:
            heard.taken.append((name, one))
    if heard.ignored:
        refused = Refused(by.caller, OPERATION, "not_allowed")
        if not heard.taken:
            raise await refuse(gate, refused, NotAllowed(heard.ignored[0]))
        await record_refusal(gate, refused)
    return heard


async def require_own(gate: Gate, one: Report, by: Caller) -> None:
    """Raise `NotAllowed` for a report about a service that the token is not for."""
    because = await foreign(gate, one, by)
    if because:
        raise NotAllowed(because)


async def foreign(gate: Gate, one: Report, by: Caller) -> str:
    """Return why this caller may not report this, or empty. People report on every service."""
    if not isinstance(by, Machine) or by.services is None:
        return ""
    catalogue = (await gate.rulebooks.current()).catalogue
    about = await gate.store.read(_services_of, one, catalogue)
    if about <= by.services:
        return ""
    others = ", ".join(sorted(about - by.services))
    return (
        f"this token is for {', '.join(sorted(by.services))}, not for {others[:100]}; use one "
        "that was made for it"
    )


def _services_of(conn: Connection, one: Report, catalogue: Catalogue) -> frozenset[str]:
    """Return every service that a report is about: the one that it names, those of the incidents
    that it changes, and those of the changes that it names as causes.
    """
    services = {catalogue.service_named(one.service)}
    if isinstance(one, IncidentReport):
        causes = [changes.read(conn, change) for change in one.changes]
        services.update(found.service for found in causes if found is not None)
        if one.id is not None:
            services.update(known.service for known in _touched(conn, one.source, one.id))
    return frozenset(services)


def _touched(conn: Connection, source: str, name: str) -> list[Incident]:
    """Return the incidents that a report under this name may change.

    An incident that moves to another place ends where it was. So every incident that is still open
    is touched, and so is the one that was reported last.
    """
    own = incidents.read(conn, name)
    series = incidents.of_series(conn, source, name)
    latest = max(series, key=lambda one: one.reported_at, default=None)
    return [
        known
        for known in (own, *series)
        if known is not None and (known is own or known is latest or known.resolved_at is None)
    ]
