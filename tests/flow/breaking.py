"""Something breaks in the shop: what tests of incidents, links and figures begin with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from gate.core.messages.reports import IncidentReport
from gate.flow.caller import Caller, Machine, Role
from gate.flow.commands import Part
from gate.flow.incidents import incidents
from gate.flow.lists import FIRST_PAGE
from gate.flow.queries import incidents as incident_list
from gate.flow.queries import look
from gate.storage.incidents.incidents import IncidentFilters
from gate.storage.tables import schema
from tests.builders import SMALL, Wire, commit_of, make_person
from tests.flow.shop import ADMIN, Shop, as_json

HOOK = Machine("hook", Role.HOOK)
BEN = make_person("ben", "release-managers")
LENA = make_person("lena", "team-web")
HOUR = timedelta(hours=1)


def ask(**different: Any) -> IncidentReport:
    """Something that broke in checkout's production just now."""
    fields: dict[str, Any] = {
        "title": "Baskets are empty",
        "service": "checkout",
        "severity": "critical",
        "began_at": datetime.now(UTC),
        "environment": "prod",
    }
    return IncidentReport(**fields | different)


async def report(shop: Shop, by: Caller = HOOK, **different: Any) -> Wire:
    """Tell of it; the incident as it is now."""
    return as_json((await incidents.report(shop.gate, ask(**different), by)).answer)


async def open_incidents(shop: Shop, part: Part = FIRST_PAGE, **different: Any) -> list[Wire]:
    """All of them, newest first."""
    found = await incident_list.listing(shop.gate, IncidentFilters(**different), ADMIN, part)
    return [as_json(one) for one in found.items]


def failed(conn: Connection) -> list[str]:
    """The commits that failed, by the first letter, in the order of their admission."""
    query = (
        select(schema.changes.c.commit_sha)
        .where(schema.changes.c.failed)
        .order_by(schema.changes.c.admitted_at)
    )
    return [commit[0] for commit in conn.execute(query).scalars()]


async def facts_of_next(shop: Shop, letter: str = "e") -> Wire:
    """What the next decision knows of the place."""
    change = await shop.submit(letter, base=commit_of("a"), claims=SMALL)
    items = (await look.decisions(shop.gate, change["id"], ADMIN)).items
    return {name: fact.value for name, fact in items[0].facts.items()}


def methods(view: Wire) -> list[tuple[str, str]]:
    """What it is tied to, and how."""
    return [(one["change"], one["method"]) for one in view["links"]]
