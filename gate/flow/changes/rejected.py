"""Whether a person has rejected a commit in a place, so that it is not approved automatically
there.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from sqlalchemy import Connection

from gate.flow.changes.excluded import people_of_change
from gate.flow.rulebooks import Rulebook
from gate.storage.changes.approvals import Rejection


def judged(
    conn: Connection, found: Iterable[Iterable[Rejection]], books: Iterable[Rulebook]
) -> list[tuple[Rejection, ...]]:
    """Return the rejections of each commit, each with those who lifted it and may decide even now.

    `books` has the rulebook by which that is judged, one for each commit.
    """
    return [
        tuple(_judged(conn, one, book) for one in of_commit)
        for of_commit, book in zip(found, books, strict=True)
    ]


def rejection_in_force(found: Iterable[Rejection], excluded: Collection[str]) -> str | None:
    """Return the change of the newest rejection that still counts, or None.

    A rejection no longer counts once somebody lifted it who is not among the `excluded` of the
    change that is asked for now.
    """
    return next((one.change for one in found if not one.lifted_by.difference(excluded)), None)


def _judged(conn: Connection, one: Rejection, book: Rulebook) -> Rejection:
    """Return the rejection without those lifters who turned out to be excluded from its change."""
    if not one.lifted_by:
        return one
    excluded = people_of_change(conn, one.change, book).excluded
    return replace(one, lifted_by=one.lifted_by.difference(excluded))
