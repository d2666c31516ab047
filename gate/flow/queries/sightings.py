"""Deployments that went past the gate: other systems saw them, and no admission explains them."""

from collections.abc import Mapping
from functools import partial

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Catalogue
from gate.core.decision.places import unknown
from gate.flow.answers.sighting import SightingAnswer
from gate.flow.caller import Caller
from gate.flow.commands import Page, Part
from gate.flow.gate import Gate
from gate.flow.lists import FIRST_PAGE, by_own_name, one_page
from gate.storage.database import pages
from gate.storage.incidents.sightings import Missing, Sighting, SightingFilters, sighting_page


async def listing(
    gate: Gate, filters: SightingFilters, by: Caller, part: Part = FIRST_PAGE
) -> Page[SightingAnswer]:
    """Return a page of deployments that went past the gate, newest first, each with what to do
    about it.
    """
    filters = await by_own_name(gate, filters)
    catalogue = (await gate.rulebooks.current()).catalogue
    read = partial(_page, catalogue, filters)
    return await one_page(gate, filters, part, by, read, slowly=True)


def _page(
    catalogue: Catalogue, filters: SightingFilters, conn: Connection, part: pages.Part
) -> pages.Page[SightingAnswer]:
    found = sighting_page(conn, filters, part)
    return pages.Page(tuple(_answer(one, catalogue) for one in found.rows), found.next)


def _answer(one: Sighting, catalogue: Catalogue) -> SightingAnswer:
    return SightingAnswer(
        id=one.id,
        source=one.source,
        missing=one.missing,
        because=_because(one, catalogue),
        repository=one.repository,
        service=one.service,
        environment=one.environment,
        commit=one.commit,
        digests=one.digests,
        result=one.result,
        url=one.url or None,
        first_at=one.first_at,
        at=one.at,
    )


def _because(one: Sighting, catalogue: Catalogue) -> str:
    match one.missing:
        case Missing.REPOSITORY:
            return (
                f"{_ORIGIN}; list the repository for one service, or call the environment "
                "SERVICE/ENVIRONMENT"
            )
        case Missing.SERVICE:
            return unknown("service", one.service or "", catalogue.services)
        case Missing.ENVIRONMENT:
            return unknown("environment", one.environment, catalogue.environments)
        case Missing.ADMISSION:
            return (
                "nothing like it was admitted there; its pipeline has to ask with gate check "
                "before it deploys"
            )
        case Missing.APPROVAL:
            return (
                "it asked and was not let pass, and its job failed: most likely the gate stopped it"
            )


_ORIGIN = "the catalogue does not say which service this repository deploys there"
MISSING_WORDS: Mapping[Missing, str] = {
    Missing.REPOSITORY: "repository not listed",
    Missing.SERVICE: "unknown service",
    Missing.ENVIRONMENT: "unknown environment",
    Missing.ADMISSION: "never admitted",
    Missing.APPROVAL: "not let pass, and failed",
}
"""What would have explained a deployment, in words for people."""
