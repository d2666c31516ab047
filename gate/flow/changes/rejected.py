"""Has a person rejected this commit here, so that it does not pass by itself?"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from sqlalchemy import Connection

from gate.flow.changes.excluded import people_of_change
from gate.flow.rulebooks import Rulebook
from gate.storage.changes.approvals import Rejection


def judged(
    conn: Connection, found: Iterable[Iterable[Rejection]], books: Iterable[Rulebook]
) -> list[tuple[Rejection, ...]]:
    """The rejections of each of some commits, with whoever lifted it and may decide even now, by
    the rulebook of the commit.
    """
    return [
        tuple(_judged(conn, one, book) for one in of_commit)
        for of_commit, book in zip(found, books, strict=True)
    ]


def rejection_in_force(found: Iterable[Rejection], excluded: Collection[str]) -> str | None:
    """The newest that nobody lifted who may decide on what is asked for now; then it is left to
    people.
    """
    return next((one.change for one in found if not one.lifted_by.difference(excluded)), None)


def _judged(conn: Connection, one: Rejection, book: Rulebook) -> Rejection:
    """Whoever lifted it counts for nothing once they turn out to have written or asked for it
    themselves.
    """
    if not one.lifted_by:
        return one
    excluded = people_of_change(conn, one.change, book).excluded
    return replace(one, lifted_by=one.lifted_by.difference(excluded))
