"""One service on one page: its owners, what runs where, which changes wait, what failed, and which
reviews are due.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import Service
from gate.core.catalogue.links import LinkName
from gate.core.decision.places import unknown_names
from gate.core.decision.values import Finding
from gate.flow.answers.change import ChangeAnswer
from gate.flow.answers.incident import IncidentAnswer, incident_answers
from gate.flow.answers.insights.service import (
    OwnerAnswer,
    ServiceAnswer,
    ServiceLinkAnswer,
    ServicePlace,
)
from gate.flow.answers.story import DueAnswer
from gate.flow.caller import Person
from gate.flow.changes.known import know_all, know_existing
from gate.flow.commands import PAGE_ITEMS_MAX, Part
from gate.flow.gate import Gate
from gate.flow.policies import standard_changes
from gate.flow.policies.standard_changes import StandardChangeFilters
from gate.flow.queries import look
from gate.flow.queries.insights import periods
from gate.flow.queries.insights.insights import place_figures
from gate.flow.queries.insights.periods import WEEK
from gate.flow.queries.reviews import due_answers
from gate.flow.queries.waiting_list import WaitingList
from gate.flow.rulebooks import Rulebook
from gate.storage.changes import change_list, post_reviews
from gate.storage.figures import places
from gate.storage.figures.places import EndedByPeriod, Periods
from gate.storage.incidents import incidents

WAITING_SHOWN = 20
FAILURES_SHOWN = 10
PLACES_SHOWN = 20
"""The most environments of one service that are shown, in the order of the catalogue."""


class _Read(NamedTuple):
    waiting: tuple[ChangeAnswer, ...]
    failures: tuple[ChangeAnswer, ...]
    reviews: tuple[DueAnswer, ...]
    incidents: tuple[IncidentAnswer, ...]
    ended: dict[tuple[str, str], dict[int, places.Ended]]


async def service(gate: Gate, waiting_list: WaitingList, name: str, by: Person) -> ServiceAnswer:
    """Return what the page of a service shows.

    A service that the catalogue lacks has a page too, which says so, because changes may name it.
    """
    book = await gate.rulebooks.current()
    waiting = [one.id for one in await waiting_list.waiting() if one.service == name]
    environments = _environments(book, name)
    weeks = periods.periods_until(gate.clock(), WEEK)
    found = await gate.store.read_slowly(
        _read, gate, name, environments, waiting[:WAITING_SHOWN], weeks
    )
    listed = book.catalogue.services.get(name)
    earned = await standard_changes.listing(
        gate, StandardChangeFilters(service=name), by, Part(limit=PAGE_ITEMS_MAX)
    )
    return ServiceAnswer(
        service=name,
        unknown=unknown_names(book.catalogue, name, None),
        tier=listed.tier if listed else None,
        owners=_owners(book, name),
        links=_links(listed),
        depends_on=listed.depends_on if listed else (),
        repositories=tuple(
            one.name or f"{one.issuer} {one.id}" for one in (listed.repositories if listed else ())
        ),
        revision=book.policies.revision,
        places=[
            await _place(gate, name, one, found.ended.get((name, one), {}), weeks, by)
            for one in environments
        ],
        waiting=found.waiting,
        more_waiting=max(len(waiting) - WAITING_SHOWN, 0),
        standard_changes=earned.items,
        failures=found.failures[:FAILURES_SHOWN],
        more_failures=len(found.failures) > FAILURES_SHOWN,
        incidents=found.incidents,
        reviews=found.reviews,
        at=gate.clock(),
    )


def _environments(book: Rulebook, name: str) -> list[str]:
    """Return the environments to which the service may deploy. If the catalogue lacks the service,
    these are all environments.
    """
    listed = book.catalogue.services.get(name)
    found = [one for one in book.catalogue.environments if listed is None or listed.deploys_to(one)]
    return found[:PLACES_SHOWN]


def _links(listed: Service | None) -> list[ServiceLinkAnswer]:
    known = listed.links if listed else {}
    return [ServiceLinkAnswer(name, known.get(name)) for name in LinkName]


def _owners(book: Rulebook, name: str) -> list[OwnerAnswer]:
    catalogue = book.catalogue
    return [
        OwnerAnswer(
            group,
            [catalogue.label_of(person) for person in catalogue.members(group)],
            signs_on=group in catalogue.groups and bool(catalogue.groups[group].sso),
        )
        for group in catalogue.owners_of(name) or ()
    ]


async def _place(
    gate: Gate, name: str, environment: str, ended: EndedByPeriod, weeks: Periods, by: Person
) -> ServicePlace:
    book = gate.rulebooks.latest
    chosen = book.policy_at(name, environment)
    return ServicePlace(
        place=await look.place(gate, name, environment, by),
        tier=book.catalogue.tier_of(name, environment) or "",
        policy=chosen.policy.name if chosen.policy else None,
        because=_why_no_policy(chosen.finding),
        figures=place_figures((name, environment), weeks, ended),
    )


def _why_no_policy(finding: Finding | None) -> str:
    """Return the reason in the finding about the choice of a policy, or an empty text without one.

    Its title is only what was asked.
    """
    return "" if finding is None else str(dict(finding.seen).get("because", finding.title))


def _read(
    conn: Connection,
    gate: Gate,
    name: str,
    environments: Sequence[str],
    waiting: Sequence[str],
    weeks: Periods,
) -> _Read:
    books, now, base_url = gate.rulebooks, gate.clock(), gate.base_url
    failed = change_list.newest_failed(conn, name, environments, FAILURES_SHOWN + 1)
    return _Read(
        waiting=tuple(know_existing(conn, books, one).answer(now, base_url) for one in waiting),
        failures=tuple(one.answer(now, base_url) for one in know_all(conn, books, failed)),
        reviews=due_answers(conn, gate, post_reviews.due_of(conn, name)),
        incidents=tuple(incident_answers(conn, incidents.open_of_service(conn, name))),
        ended=places.of_places(conn, environments, weeks, name),
    )
