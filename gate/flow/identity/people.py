"""Invitations, roles and passwords of people, and disabling and enabling of accounts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gate.errors import Conflict, Invalid, NotAllowed, NotFound
from gate.flow.answers.person import InvitedAnswer, PersonAnswer
from gate.flow.caller import PERSON, Caller, Role, root_person
from gate.flow.commands import InvitationCommand, Page, Part, PersonCommand
from gate.flow.entries import append_entry
from gate.flow.gate import Gate
from gate.flow.identity.accounts import account_made, is_somebody, one_spelling, person_named
from gate.flow.identity.people_view import addresses, answer_of, answers, names
from gate.flow.identity.persons import is_same_person
from gate.flow.identity.sessions import ADDRESS_LENGTH_MAX, Opened, begin
from gate.flow.lists import FIRST_PAGE, Whole, one_page
from gate.flow.passwords import check_length
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Kind
from gate.storage.database import pages
from gate.storage.database.tx import Tx
from gate.storage.identity import invitations, people
from gate.storage.identity.invitations import Kind as LinkKind
from gate.storage.identity.invitations import LinkRequest
from gate.storage.identity.people import Stored

INVITATION_DAYS = 7
SETUP_MINUTES = 15
DEMO_HOURS = 24
NO_LINK = "This link was used already, is too old, or never was. Ask for a new one."
AGREE_HOURS = 24
"""How long another admin may agree to a link for an account that is in use."""

ON_THE_HOST = (
    "this account is in use, and a link to it needs two admins who are people, or the host: "
    "run `gate people invite` there"
)
OWN_ROLE = "nobody changes their own role or shuts themself out; ask another admin"
COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invited person, with the link.

    If it is not complete, another admin has to ask for the same, and there is no link yet.
    """

    answer: InvitedAnswer
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """The offer of a link. `name` and `email` are empty if its user has to give them."""

    kind: LinkKind
    name: str
    email: str
    expires_at: datetime


async def invite(gate: Gate, command: InvitationCommand, by: Caller) -> Invitation:
    """Invite a person, and return the one-time link at which the person chooses a password.

    With a link to an account that is in use an admin could act as its person. So one admin asks for
    it, and only another admin gets the link. Raises `Invalid` for a wrong address, `NotAllowed` for
    the caller's own role, `Conflict` for a person who is disabled.
    """
    made = await gate.store.write(invite_person, await gate.rulebooks.current(), command, by)
    if isinstance(made, str):
        raise NotAllowed(made)
    book = await gate.rulebooks.current()
    person = await gate.store.read(answer_of, book, made.person, gate.clock())
    link = link_of(gate.base_url, made.secret) if isinstance(made, Invited) else None
    return Invitation(
        InvitedAnswer(**vars(person), invitation=link, expires_at=made.expires_at),
        is_complete=link is not None,
    )


async def listing(gate: Gate, by: Caller, part: Part = FIRST_PAGE) -> Page[PersonAnswer]:
    """Return a page of everybody who was invited or disabled, newest first."""
    book, now = await gate.rulebooks.current(), gate.clock()

    def read(conn: Connection, wanted: pages.Part) -> pages.Page[PersonAnswer]:
        found = people.people_page(conn, wanted)
        return pages.Page(answers(conn, book, found.rows, now), found.next)

    return await one_page(gate, Whole("people"), part, by, read)


async def change(gate: Gate, named: str, command: PersonCommand, by: Caller) -> PersonAnswer:
    """Change the role of a person, or disable or enable the account; return the person.

    `named` is an id, or for a person of the catalogue the key or any identity.

    Raises `NotFound`, and `NotAllowed` for the caller's own account.
    """
    book = await gate.rulebooks.current()
    person = person_named(book, named) or named
    refused = await gate.store.write(_change, book, person, command, by)
    if refused is not None:
        raise NotAllowed(refused)
    return await gate.store.read(answer_of, book, person, gate.clock())


async def offered(gate: Gate, secret: str) -> Offer:
    """Return what this link offers, without using it. Raises `NotFound`."""
    found = await gate.store.read(_offered, await gate.rulebooks.current(), secret, gate.clock())
    if found is None:
        raise NotFound(NO_LINK)
    return found


async def accept(gate: Gate, secret: str, *, password: str = "", email: str = "") -> Opened:
    """Use a link: set the password, and return a new session.

    `email` is asked only of the first person. Raises `NotFound`; and `Invalid`, after which the
    link still works.
    """
    offer = await offered(gate, secret)
    hashed = None
    if offer.kind is not LinkKind.DEMO:
        check_length(password)
        if offer.kind is LinkKind.SETUP:
            check_address(email)
        hashed = await gate.passwords.hash(password)
    opened = await gate.store.write(_accept, await gate.rulebooks.current(), secret, hashed, email)
    if opened is None:
        raise NotFound(NO_LINK)
    return opened


@dataclass(frozen=True, slots=True)
class Invited:
    """An invited person, and the secret of the link."""

    person: str
    secret: str
    expires_at: datetime


def invite_person(
    tx: Tx, book: Rulebook, command: InvitationCommand, by: Caller | None
) -> Invited | LinkRequest | str:
    """Invite a person in one transaction with its ledger entry; `by` None is the command line.

    Returns the invitation; or the request for a link, which waits for another admin; or a text that
    says why it was refused, which is returned instead of raised so that its entry is committed.
    """
    check_address(command.email)
    who = COMMAND_LINE if by is None else by.caller
    account = account_made(tx, book, command.email, who)
    if by is not None and command.role is not None and _is_own(tx, by, account.id):
        return _refuse(tx, "invitation", account.id, who)
    if account.disabled_at is not None:
        raise Conflict(
            f"{command.email[:100]} was shut out; let them in again first, with `disabled` false"
        )
    if by is not None and account.is_used:
        asked = _asked_before(tx, book, account, by)
        if asked is not None:
            return asked
    role = command.role.value if command.role else account.role
    if role != account.role:
        people.set_role(tx, account.id, role)
    good_for = timedelta(days=INVITATION_DAYS)
    agreed = by is None or account.is_used
    secret = invitations.add(tx, LinkKind.PASSWORD, account.id, who, good_for, agreed=agreed)
    append_entry(tx, Kind.ROLE, None, person=account.id, action="invited", role=role, by=who)
    return Invited(account.id, secret, tx.now + good_for)


def _asked_before(tx: Tx, book: Rulebook, account: Stored, by: Caller) -> LinkRequest | None:
    """Return None if another admin has asked for the same link before.

    Otherwise keep the request, and return it: it waits for another admin.
    """
    admin = root_person(by)
    if admin is None:
        raise NotAllowed(ON_THE_HOST)
    before = invitations.requests(tx.conn, tx.now).get(account.id)
    if (
        before is not None
        and _is_another_admin(tx, book, before.asked_by, by)
        and invitations.take_request(tx, before)
    ):
        return None
    append_entry(tx, Kind.ROLE, None, person=account.id, action="link_asked", by=by.caller)
    return invitations.ask(tx, account.id, admin, timedelta(hours=AGREE_HOURS))


def _is_another_admin(tx: Tx, book: Rulebook, person: str, by: Caller) -> bool:
    """Return whether this person's request counts beside that of `by`.

    It must be another person, who is still an admin and still in the catalogue.
    """
    stored = people.read(tx.conn, person)
    if stored is None or stored.disabled_at is not None or not is_somebody(book, stored):
        return False
    return stored.role == Role.ADMIN and not is_same_person(tx.conn, f"{PERSON}{person}", by)


def make_setup(tx: Tx) -> str | None:
    """Return the secret of the link for the first person, who becomes an admin; None if there is
    a person already.
    """
    if not people.nobody_yet(tx.conn):
        return None
    return invitations.add(tx, LinkKind.SETUP, None, COMMAND_LINE, timedelta(minutes=SETUP_MINUTES))


def make_demo_link(tx: Tx, person: str) -> str:
    """Return the secret of a link that signs a person in without a password, for the demo only."""
    people.ensure(tx, person, COMMAND_LINE)
    return invitations.add(tx, LinkKind.DEMO, person, COMMAND_LINE, timedelta(hours=DEMO_HOURS))


def link_of(base_url: str, secret: str) -> str:
    """Return the address of a link."""
    return f"{base_url}/invitations/{secret}"


def check_address(email: str) -> None:
    """Raise `Invalid` for a text that is no e-mail address."""
    spelled = one_spelling(email)
    local, _, domain = spelled.rpartition("@")
    if (
        not local
        or not domain
        or not spelled.isprintable()
        or " " in spelled
        or len(spelled) > ADDRESS_LENGTH_MAX
    ):
        raise Invalid(f"{email[:100]!r} is no e-mail address; write one such as ada@example.com")


def _accept(tx: Tx, book: Rulebook, secret: str, hashed: str | None, email: str) -> Opened | None:
    invitation = invitations.use(tx, secret)
    if (
        invitation is None
        or (invitation.kind is not LinkKind.DEMO) != (hashed is not None)
        or _overtaken(tx.conn, invitation)
    ):
        return None
    person = invitation.person or _first(tx, book, email)
    if person is None:
        return None
    if hashed is not None:
        people.set_password(tx, person, hashed, agreed=invitation.agreed)
        append_entry(tx, Kind.ROLE, None, person=person, action="accepted", by=f"person:{person}")
    return begin(tx, person, book)


def _first(tx: Tx, book: Rulebook, email: str) -> str | None:
    """Make the first person an admin, and return the id. None: there is a person already."""
    if not people.nobody_yet(tx.conn):
        return None
    account = account_made(tx, book, email, COMMAND_LINE)
    people.set_role(tx, account.id, Role.ADMIN.value)
    append_entry(
        tx,
        Kind.ROLE,
        None,
        person=account.id,
        action="role",
        role=Role.ADMIN.value,
        by=COMMAND_LINE,
    )
    return account.id


def _change(tx: Tx, book: Rulebook, person: str, command: PersonCommand, by: Caller) -> str | None:
    stored = people.read(tx.conn, person)
    if stored is None and person not in book.catalogue.people:
        raise NotFound(f"there is no person {person[:64]}")
    if _is_own(tx, by, person):
        return _refuse(tx, "role", person, by.caller)
    stored = stored or people.ensure(tx, person, by.caller)
    role = command.role.value if command.role else None
    if command.sets_role and role != stored.role:
        people.set_role(tx, person, role)
        append_entry(
            tx,
            Kind.ROLE,
            None,
            person=person,
            action="role",
            role=role,
            before=stored.role,
            by=by.caller,
        )
    if command.disabled is not None and command.disabled != (stored.disabled_at is not None):
        (people.disable if command.disabled else people.enable)(tx, person)
        append_entry(
            tx,
            Kind.ROLE,
            None,
            person=person,
            action="disabled" if command.disabled else "enabled",
            by=by.caller,
        )
    return None


def _is_own(tx: Tx, by: Caller, person: str) -> bool:
    """Return whether the caller is this person, or a token that goes back to this person."""
    return is_same_person(tx.conn, f"{PERSON}{person}", by)


def _refuse(tx: Tx, operation: str, person: str, by: str) -> str:
    append_entry(
        tx, Kind.REFUSAL, None, problem="not_allowed", operation=operation, by=by, person=person
    )
    return OWN_ROLE


def _offered(conn: Connection, book: Rulebook, secret: str, now: datetime) -> Offer | None:
    found = invitations.find(conn, secret, now)
    if (
        found is None
        or _overtaken(conn, found)
        or (found.kind is LinkKind.SETUP and not people.nobody_yet(conn))
    ):
        return None
    name, email = ("", "") if found.person is None else _called(conn, book, found)
    return Offer(found.kind, name, email, found.expires_at)


def _overtaken(conn: Connection, link: invitations.Invitation) -> bool:
    """Return whether the account came into use since one admin alone made this link.

    The link would give that account away, so it no longer works.
    """
    account = None if link.agreed or link.person is None else people.read(conn, link.person)
    return account is not None and account.is_used


def _called(
    conn: Connection, book: Rulebook, invitation: invitations.Invitation
) -> tuple[str, str]:
    stored = people.read(conn, invitation.person or "")
    if stored is None:
        return ("", "")
    return names(book, stored, addresses(conn, [stored]))
