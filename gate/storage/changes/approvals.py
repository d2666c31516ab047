"""What people did about a change: approvals, rejections, and overrides of what holds it."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from gate.storage.database.hot import Hot, items_of
from gate.storage.database.pages import Page, Part, page
from gate.storage.database.tx import Cursor, Tx
from gate.storage.database.values import values_of
from gate.storage.identity.people import ACCOUNT_STATE, USUAL, AccountState, account_state_of
from gate.storage.tables.schema import REFUSED_BY_PEOPLE, approvals, overrides
from gate.storage.tables.schema_people import people

KEYS = (approvals.c.at, approvals.c.person, approvals.c.decision)

REJECTION = "rejection"
"""Stands in the place of a window's id in an override that lifts a rejection."""

_REJECTED = Hot(
    f"""
SELECT {{wanted.place}}, refused.id, lifted.person FROM {{wanted}}
CROSS JOIN (SELECT id, service, environment, commit_sha, submitted_at FROM changes
  WHERE {REFUSED_BY_PEOPLE}) AS refused
LEFT JOIN overrides AS lifted ON lifted.change_id = refused.id AND lifted."window" = ?
WHERE refused.service = {{wanted[0]}} AND refused.environment = {{wanted[1]}}
  AND refused.commit_sha = {{wanted[2]}}
ORDER BY refused.submitted_at DESC, refused.id DESC
""",  # noqa: S608 - a condition of our own schema
    "wanted",
)


class Placed(NamedTuple):
    """One commit of one service in one environment: what a person's rejection is about, whatever
    else a request says.
    """

    service: str
    environment: str
    commit: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A change that a person rejected, and whoever lifted that."""

    change: str
    lifted_by: frozenset[str]


@dataclass(frozen=True, slots=True)
class Approval:
    """The approval or, with `rejected`, the rejection of one decision by one person.

    `comment` is the id of a text, or empty; `account_state` is that of the person now.
    """

    person: str
    decision: int
    rejected: bool
    subject_digest: str
    comment: str
    at: datetime
    lapsed_at: datetime | None = None
    account_state: AccountState = USUAL


@dataclass(frozen=True, slots=True)
class Override:
    """One person's decision that a window does not hold this change."""

    window: str
    person: str
    comment: str
    at: datetime


def of_change(conn: Connection, change: str) -> tuple[Approval, ...]:
    """Return all approvals and rejections of a change, first to last, lapsed approvals too."""
    return of_changes(conn, [change])[change]


def of_changes(conn: Connection, wanted: Collection[str]) -> dict[str, tuple[Approval, ...]]:
    """Return for each of these changes what `of_change` returns, with one question for all."""
    found: dict[str, list[Approval]] = {change: [] for change in wanted}
    if found:
        query = GIVEN.where(approvals.c.change_id.in_(list(found)))
        for row in conn.execute(query.order_by(approvals.c.at, approvals.c.person)):
            found[row.change_id].append(approval_of(row))
    return {change: last_words(given) for change, given in found.items()}


def last_words(given: Iterable[Approval]) -> tuple[Approval, ...]:
    """Return what was said, without approvals whose person has rejected the same decision since."""
    said = tuple(given)
    taken_back = {(one.person, one.decision) for one in said if one.rejected}
    return tuple(
        one for one in said if one.rejected or (one.person, one.decision) not in taken_back
    )


def approval_page(conn: Connection, change: str, part: Part) -> Page[Approval]:
    """Return one page of approvals and rejections of a change, newest first, lapsed ones too."""
    found = GIVEN.where(approvals.c.change_id == change)
    return page(conn, [found], KEYS, part, approval_of)


GIVEN = select(approvals, *ACCOUNT_STATE).outerjoin(people, people.c.id == approvals.c.person)
"""Selects approvals, each with the account state of the person who gave it."""


def approval_of(row: Row[Any]) -> Approval:
    """Return the approval or rejection that a row of `GIVEN` holds."""
    return Approval(
        row.person,
        row.decision,
        row.rejected,
        row.subject_digest,
        row.comment,
        row.at,
        row.lapsed_at,
        account_state_of(row),
    )


def add(tx: Tx, change: str, given: Approval) -> None:
    """Keep an approval or a rejection.

    A rejection is kept beside an earlier approval of the same person, because what somebody
    approved is never overwritten.
    """
    row = {"change_id": change, **values_of(given)}
    # It belongs to the person, and is not kept with the approval.
    del row["account_state"]
    tx.conn.execute(insert(approvals).values(row))
    tx.touch(change)


def rejections(conn: Connection, wanted: Sequence[Placed]) -> list[tuple[Rejection, ...]]:
    """Return for each wanted commit and place the changes that a person rejected, newest first.

    Every submit asks this. There is no limit, because each rejection took an act of a person.
    """
    return ask_rejections(conn, wanted)()


def ask_rejections(
    conn: Connection, wanted: Sequence[Placed]
) -> Callable[[], list[tuple[Rejection, ...]]]:
    """Ask for what `rejections` returns, to be read later."""
    found = _REJECTED.ask(conn, items_of([tuple(one) for one in wanted]), REJECTION)
    return lambda: _by_commit(found, len(wanted))


def _by_commit(rejected: Cursor, commits: int) -> list[tuple[Rejection, ...]]:
    found: list[dict[str, set[str]]] = [{} for _ in range(commits)]
    for place, change, person in rejected.fetchall():
        found[place].setdefault(change, set()).update([person] if person is not None else [])
    return [
        tuple(Rejection(change, frozenset(people)) for change, people in one.items())
        for one in found
    ]


def overrides_of(conn: Connection, change: str) -> tuple[Override, ...]:
    """Return every override of this change, in order of time."""
    return overrides_of_changes(conn, [change])[change]


def overrides_of_changes(
    conn: Connection, wanted: Collection[str]
) -> dict[str, tuple[Override, ...]]:
    """Return for each of these changes its overrides, in order of time."""
    found: dict[str, list[Override]] = {change: [] for change in wanted}
    if found:
        query = select(overrides).where(overrides.c.change_id.in_(list(found)))
        for change, *given in conn.execute(query.order_by(overrides.c.at, overrides.c.window)):
            found[change].append(Override(*given))
    return {change: tuple(given) for change, given in found.items()}


def add_override(tx: Tx, change: str, given: Override) -> None:
    """Keep an override; a person has at most one for a window of a change."""
    tx.conn.execute(insert(overrides).values(change_id=change, **values_of(given)))
    tx.touch(change)


def lapse_all_but(
    tx: Tx, change: str, decisions: Collection[int], excluded: Collection[str]
) -> tuple[Approval, ...]:
    """Lapse approvals of any other decision, or by somebody excluded; return those that lapsed."""
    given = [
        one for one in of_change(tx.conn, change) if not one.rejected and one.lapsed_at is None
    ]
    return _lapse(
        tx,
        change,
        [one for one in given if one.decision not in decisions or one.person in excluded],
    )


def take_back(tx: Tx, change: str, person: str) -> tuple[Approval, ...]:
    """Lapse this person's approvals, and return those that counted until now."""
    given = of_change(tx.conn, change)
    return _lapse(
        tx,
        change,
        [one for one in given if one.person == person and not (one.rejected or one.lapsed_at)],
    )


def _lapse(tx: Tx, change: str, lapsed: Sequence[Approval]) -> tuple[Approval, ...]:
    here = approvals.c
    for one in lapsed:
        row = (here.change_id == change, here.person == one.person, here.decision == one.decision)
        counts = (here.rejected.is_(False), here.lapsed_at.is_(None))
        tx.conn.execute(update(approvals).where(*row, *counts).values(lapsed_at=tx.now))
    return tuple(lapsed)
