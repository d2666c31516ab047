"""Standard changes of every place: whether each is earned, and a person who lifts a suspension."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection

from gate.core.decision.standard import failures_within, standard_status, successes_in_a_row
from gate.core.history import Match
from gate.core.policy.policy import StandardChange
from gate.errors import Conflict, NotFound
from gate.flow.answers.policy import StandardChangeAnswer
from gate.flow.caller import Caller, Person
from gate.flow.commands import Page, Part
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.identity.membership import as_of_now, require_one_of
from gate.flow.identity.presence import require_presence
from gate.flow.lists import FIRST_PAGE, by_own_name, one_page
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.ledger.format import Kind
from gate.storage.changes import matches, moves, reconsider
from gate.storage.database import pages
from gate.storage.database.tx import Tx
from gate.storage.texts import keep_text

LOOKED_AT_MAX = 500
"""So many standard changes, counted in each place, are looked at for one page of proposals."""


@dataclass(frozen=True, slots=True)
class StandardChangeFilters:
    """The places whose standard changes are listed. None is any."""

    service: str | None = None
    environment: str | None = None


class _Here(NamedTuple):
    """One standard change in one place, under the policy that decides there."""

    service: str
    environment: str
    standard: StandardChange
    policy: str

    @property
    def id(self) -> str:
        """The id of the standard change in addresses. No name of a catalogue has a colon, so it is
        unique.
        """
        return f"{self.service}:{self.environment}:{self.standard.id}"


async def listing(
    gate: Gate, filters: StandardChangeFilters, by: Caller, part: Part = FIRST_PAGE
) -> Page[StandardChangeAnswer]:
    """Return a page of the standard changes of all places, by service, environment and id."""
    book = await gate.rulebooks.current()
    filters = await by_own_name(gate, filters)
    return await one_page(gate, filters, part, by, partial(_page, book, filters, gate.clock()))


async def reinstate(gate: Gate, standard_id: str, comment: str, by: Caller) -> StandardChangeAnswer:
    """Lift a suspension: failures before this no longer count.

    Raises `NotAllowed` for whoever is in no group of `authorised_by`, `NotFound`, and `Conflict`
    where it is not suspended.
    """
    person = require_presence(gate, by, "reinstate a standard change")
    book = await gate.rulebooks.current()
    here = next((one for one in _all(book, StandardChangeFilters()) if one.id == standard_id), None)
    if here is None:
        raise NotFound(
            f"there is no standard change {standard_id[:200]}; GET /v1/standard-changes lists them"
        )
    return await gate.store.write(_reinstate, gate.rulebooks, here, comment, person)


class NearSuspension(NamedTuple):
    """A standard change that one more failure suspends, with the failures that count."""

    service: str
    environment: str
    standard_change: str
    title: str
    limit: int
    changes: tuple[str, ...]


def near_suspension(conn: Connection, book: Rulebook, now: datetime) -> Iterator[NearSuspension]:
    """Yield those of the first `LOOKED_AT_MAX` standard changes of the catalogue's places."""
    for here in islice(_all(book, StandardChangeFilters()), LOOKED_AT_MAX):
        rule, name = here.standard.suspend, here.standard.id
        # One that its first failure suspends is never near.
        if rule is None or rule.failures == 1:
            continue
        suspension = matches.suspension(conn, here.service, here.environment, name)
        if suspension.because is not None:
            continue
        newest = matches.newest(conn, here.service, here.environment, name, at=now)
        failures = failures_within(rule, newest, reinstated_at=suspension.reinstated_at)
        if len(failures) == rule.failures - 1:
            failed = tuple(one.change for one in failures)
            titled = (name, here.standard.title)
            yield NearSuspension(here.service, here.environment, *titled, rule.failures, failed)


def _reinstate(
    tx: Tx, books: Rulebooks, here: _Here, comment: str, person: Person
) -> StandardChangeAnswer:
    now = as_of_now(tx.conn, person, books.in_force(tx).catalogue)
    require_one_of(here.standard.authorised_by, now, f"reinstate {here.id}")
    # A failure that suspends it takes the same lock, so it is before this or after it.
    moves.lock_place(tx, here.service, here.environment)
    name = here.standard.id
    if not matches.reinstate(tx, here.service, here.environment, name):
        raise Conflict(f"{here.id} is not suspended, so there is nothing to reinstate")
    append_entry(
        tx,
        Kind.STANDARD_CHANGE,
        None,
        standard_change=name,
        action="reinstated",
        service=here.service,
        environment=here.environment,
        by=person.caller,
        comment=keep_text(tx, comment),
    )
    reconsider.ask(tx, here.service, here.environment)
    return _answer(tx.conn, here, tx.now, Part())


def _all(book: Rulebook, filters: StandardChangeFilters) -> Iterator[_Here]:
    """Yield every standard change that fits the filters, in the order of the list."""
    catalogue = book.catalogue
    services = [one for one in sorted(catalogue.services) if filters.service in {None, one}]
    environments = [
        one for one in sorted(catalogue.environments) if filters.environment in {None, one}
    ]
    for service in services:
        for environment in environments:
            if catalogue.services[service].deploys_to(environment):
                yield from _of_place(book, service, environment)


def _of_place(book: Rulebook, service: str, environment: str) -> Iterator[_Here]:
    policy = book.policy_at(service, environment).policy
    if policy is not None:
        for standard in sorted(policy.standard_changes, key=lambda one: one.id):
            yield _Here(service, environment, standard, policy.name)


def _page(
    book: Rulebook,
    filters: StandardChangeFilters,
    now: datetime,
    conn: Connection,
    part: pages.Part,
) -> pages.Page[StandardChangeAnswer]:
    after = part.after or ()
    found = [
        one
        for one in _all(book, filters)
        if (one.service, one.environment, one.standard.id) > after
    ]
    shown = found[: part.limit]
    time = Part(part.begins, part.ends)
    answers = tuple(_answer(conn, one, now, time) for one in shown)
    if len(found) == len(shown):
        return pages.Page(answers, None)
    last = shown[-1]
    return pages.Page(answers, (last.service, last.environment, last.standard.id))


def _answer(conn: Connection, here: _Here, now: datetime, time: Part) -> StandardChangeAnswer:
    standard = here.standard
    place = (here.service, here.environment, standard.id)
    newest = matches.newest(conn, *place, at=now)
    suspension = matches.suspension(conn, *place)
    status = standard_status(standard, newest, suspension, at=now)
    row = 0
    if standard.earn is not None:
        since = suspension.reinstated_at
        row = successes_in_a_row(standard.earn, newest, reinstated_at=since, at=now)
    counted = [one for one in newest if _within(one, time)]
    failed = sum(one.failed for one in counted)
    ended = sum(one.failed or one.closed_at is not None for one in counted)
    return StandardChangeAnswer(
        id=here.id,
        standard_change=standard.id,
        title=standard.title,
        policy=here.policy,
        service=here.service,
        environment=here.environment,
        owner=standard.owner,
        authorised_by=standard.authorised_by,
        up_to=standard.up_to.word,
        earned=status.earned,
        successes=row,
        of=standard.earn.successes if standard.earn else 0,
        suspended=status.suspended,
        because=suspension.because,
        reinstated_at=suspension.reinstated_at,
        changes=len(counted),
        ended=ended,
        failed=failed,
        success_rate=(ended - failed) / ended if ended else None,
    )


def _within(match: Match, time: Part) -> bool:
    return (time.begins is None or match.admitted_at >= time.begins) and (
        time.ends is None or match.admitted_at < time.ends
    )
