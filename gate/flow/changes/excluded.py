"""The people who may not decide on a change now. Every act asks for them inside its own
transaction.

The answer is never the list of an old decision. It is everybody who was ever named for the change,
by whichever request, token, code host or webhook, read with the catalogue of this moment, and
everybody who was excluded before.
"""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection

from gate.core.calendar.freeze import Overridden
from gate.core.catalogue.catalogue import ERASED
from gate.core.decision import record as records
from gate.core.decision.asked import RequestDetails
from gate.core.decision.decide import People
from gate.core.decision.named import Named, named_by, people_of
from gate.core.decision.record import Record
from gate.flow.rulebooks import Rulebook
from gate.storage import texts
from gate.storage.changes import approvals, changes, decisions, named
from gate.storage.changes.approvals import Override
from gate.storage.changes.named import Of

Repositories = tuple[tuple[str, int], ...]


def people_now(record: Record, names: Named, book: Rulebook) -> People:
    """Return who may not decide now on the change of this decision in force.

    `names` are all names of the change.
    """
    rollback = record.case.facts["change.direction"].value == "rollback"
    return people_of(names, record.case.people, book.identities, rollback=rollback)


def names_of_many(
    conn: Connection, found: Iterable[Record], said: Mapping[str, str], book: Rulebook
) -> dict[str, Named]:
    """Return for each change, by its decision in force, everybody who was ever named for it.

    `said` has the texts of the requests that the records hold.
    """
    found = list(found)
    kept = named.of_changes(conn, [Of(one.change, repositories(one, book)) for one in found])
    return {one.change: names_in(one.asked, said).also(kept[one.change]) for one in found}


def names_in(asked: RequestDetails, said: Mapping[str, str]) -> Named:
    """Return whom the request of one decision names; `ERASED` stands for an erased name."""
    actor = [said.get(one, ERASED) for one in asked.actor]
    authors = [said.get(one, ERASED) for one in asked.authors]
    requester = said.get(asked.requested_by, ERASED) if asked.requested_by else None
    return named_by(actor, requester, authors)


def repositories(record: Record, book: Rulebook) -> Repositories:
    """Return where the commits of a change may have been pushed to.

    It is the repository that the request names; for a request that names none, each repository of
    the service.
    """
    if record.subject.repository is not None:
        return (record.subject.repository,)
    listed = book.catalogue.repositories_of(record.subject.service)
    return tuple((one.issuer, one.id) for one in listed)


def people_of_change(conn: Connection, change: str, book: Rulebook) -> People:
    """Return who is excluded from a change that is known by its id alone."""
    stored = changes.existing(conn, change)
    record = records.read(decisions.record(conn, stored.id, stored.decision))
    return people_of_many(conn, [record], book)[change]


def people_of_many(conn: Connection, found: Iterable[Record], book: Rulebook) -> dict[str, People]:
    """Return who is excluded from each of many changes, by their decisions in force, with as few
    questions as for one.
    """
    found = list(found)
    ids: list[str] = []
    for asked in (record.asked for record in found):
        ids += [asked.requested_by, *asked.authors, *asked.actor]
    names = names_of_many(conn, found, texts.read_texts(conn, ids), book)
    return {one.change: people_now(one, names[one.change], book) for one in found}


def windows_overridden(conn: Connection, change: str, book: Rulebook) -> Overridden:
    """Return the windows that shall not hold the change, each with the time of its override."""
    given = approvals.overrides_of(conn, change)
    return overridden(given, people_of_change(conn, change, book).excluded) if given else {}


def overridden(given: Iterable[Override], excluded: Collection[str]) -> Overridden:
    """Return the windows that these overrides lift, each with the time of the last override.

    `given` is in order of time. An override by somebody who turns out to be excluded does not
    count.
    """
    return {one.window: one.at for one in given if one.person not in excluded}
