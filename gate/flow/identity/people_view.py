"""People with accounts, as admins see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Connection

from gate.flow.answers.person import PersonAnswer, PersonRole
from gate.flow.identity.labels import labels
from gate.flow.identity.membership import groups_now
from gate.flow.rulebooks import Rulebook
from gate.storage import texts
from gate.storage.identity import invitations, people
from gate.storage.identity.invitations import LinkRequest
from gate.storage.identity.people import Stored


def names(book: Rulebook, stored: Stored, known: Mapping[str, str]) -> tuple[str, str]:
    """Return name and address: those of the catalogue, or else the address that was invited."""
    person = book.catalogue.people.get(stored.id)
    if person is not None:
        return person.label, next(iter(person.emails), "")
    return "", known.get(stored.email or "", "")


def addresses(conn: Connection, found: Sequence[Stored]) -> dict[str, str]:
    """Return the addresses of people whom the catalogue lacks, by the ids of their texts."""
    return texts.read_texts(conn, [one.email for one in found if one.email])


@dataclass(frozen=True, slots=True)
class _Beside:
    """What other tables say about people: addresses, links that wait, and labels of those who have
    left or asked for a link.
    """

    addresses: Mapping[str, str]
    invited: frozenset[str]
    requests: Mapping[str, LinkRequest]
    labels: Mapping[str, str]


def _beside(conn: Connection, book: Rulebook, found: Sequence[Stored], now: datetime) -> _Beside:
    requests = invitations.requests(conn, now)
    ids = [*(one.id for one in found), *(request.asked_by for request in requests.values())]
    return _Beside(
        addresses(conn, found),
        invitations.waiting(conn, now),
        requests,
        labels(conn, book.catalogue, ids),
    )


def answers(
    conn: Connection, book: Rulebook, found: Sequence[Stored], now: datetime
) -> tuple[PersonAnswer, ...]:
    """Return each account as an admin sees it."""
    beside = _beside(conn, book, found, now)
    return tuple(_answer(book, one, beside) for one in found)


def answer_of(conn: Connection, book: Rulebook, person: str, now: datetime) -> PersonAnswer:
    """Return the account of one person, which must exist, as an admin sees it."""
    stored = people.read(conn, person)
    if stored is None:
        # Rows of people are never deleted.
        raise LookupError(person)
    return answers(conn, book, [stored], now)[0]


def _answer(book: Rulebook, stored: Stored, beside: _Beside) -> PersonAnswer:
    name, email = names(book, stored, beside.addresses)
    request = beside.requests.get(stored.id)
    return PersonAnswer(
        id=stored.id,
        name=name or ("" if stored.email else beside.labels[stored.id]),
        email=email,
        role=cast("PersonRole | None", stored.role),  # people are given no other
        groups=tuple(sorted(groups_now(book.catalogue, stored.id, stored.account_state))),
        password=stored.password is not None,
        single_sign_on=stored.external_id is not None,
        invited=stored.id in beside.invited,
        link_asked_by=None if request is None else beside.labels[request.asked_by],
        disabled=stored.disabled_at is not None,
        signed_in_at=stored.signed_in_at,
    )
