"""A hook token reports about its own services only, so that a stolen one cannot hurt others.

An incident of another service under the same name is another incident for such a token. So the
token neither ends that one nor keeps its own sender from reporting it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.messages.reports import API, DeploymentReport, IncidentReport
from gate.errors import NotAllowed
from gate.flow.caller import Caller, Machine
from gate.flow.gate import Gate
from gate.flow.refusals import Refused
from gate.flow.refuse import record_refusal, refuse
from gate.storage.changes import changes
from gate.storage.incidents import incidents

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
            heard.taken.append((name, _within(one, by)))
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


def _within(one: Report, by: Caller) -> Report:
    """Return the report with the services of its sender, because it is worked on later."""
    if isinstance(one, DeploymentReport) or not isinstance(by, Machine) or by.services is None:
        return one
    return replace(one, within=tuple(sorted(by.services)))


def _services_of(conn: Connection, one: Report, catalogue: Catalogue) -> frozenset[str]:
    """Return every service that a report is about: the one that it names, those of the changes that
    it names as causes, and that of the incident whose id a caller of the API gives.
    """
    services = {catalogue.service_named(one.service)}
    if isinstance(one, IncidentReport):
        causes = [changes.read(conn, change) for change in one.changes]
        services.update(found.service for found in causes if found is not None)
        known = incidents.read(conn, one.id) if one.source == API and one.id else None
        services.update({known.service} if known else ())
    return frozenset(services)
