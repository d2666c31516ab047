"""Freeze windows that people make, and the stopped line."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import OWNERS, OWNERS_OF_LAST_RESORT
from gate.core.decision.places import unknown
from gate.core.instants import rfc3339
from gate.core.policy.policy import Mode
from gate.core.rulebook.bundle import FAULTS_SAID_MAX
from gate.errors import Conflict, Fault, Invalid, NotAllowed, NotFound
from gate.flow.answers.calendar import WindowAnswer
from gate.flow.caller import Caller, Person
from gate.flow.commands import FreezeCommand, Page, Part
from gate.flow.entries import append_entry, check_names
from gate.flow.gate import Gate
from gate.flow.identity.membership import as_of_now, require_one_of
from gate.flow.ids import new_id
from gate.flow.lists import FIRST_PAGE, Whole, one_page
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.ledger.format import Kind
from gate.storage import texts
from gate.storage.changes import reconsider
from gate.storage.database import pages
from gate.storage.database.tx import Tx
from gate.storage.policies import freezes
from gate.storage.policies.freezes import Declared


async def listing(gate: Gate, by: Caller, part: Part = FIRST_PAGE) -> Page[WindowAnswer]:
    """Return a page of the windows that people declared, newest first, lifted ones too."""
    return await one_page(gate, Whole("freezes"), part, by, _page)


async def not_over(gate: Gate) -> Sequence[WindowAnswer]:
    """Return every declared window that can still be lifted, newest first."""
    return await gate.store.read(_not_over, gate.clock())


async def add(gate: Gate, command: FreezeCommand, by: Person) -> WindowAnswer:
    """Declare a freeze window from `begins` (or now) until `ends`, or stop the line; return it.

    A stopped line has no end, until somebody lifts it. Raises `NotAllowed` for a person in no group
    that may, and `Invalid` for a service or environment that the catalogue lacks: such a window
    would hold nothing, and its author would believe that it does.
    """
    book = await gate.rulebooks.current()
    groups = _entitled(book, stop=command.stop, services=command.services)
    require_one_of(sorted(groups), by, "stop the line" if command.stop else "freeze")
    _check(command)
    named = tuple(dict.fromkeys(map(book.catalogue.environment_named, command.environments)))
    _require_known("service", "services", command.services, book.catalogue.services)
    _require_known("environment", "environments", named, book.catalogue.environments)
    return await gate.store.write(_add, replace(command, environments=named), by.caller)


async def lift(gate: Gate, freeze_id: str, by: Person) -> WindowAnswer:
    """End a window or a stopped line, and return it.

    Raises `NotAllowed` for a person who is no release manager, `NotFound`, and `Conflict` if it was
    lifted before.
    """
    return await gate.store.write(_lift, gate.rulebooks, freeze_id, by)


def may_freeze(book: Rulebook, by: Person, *, stop: bool) -> bool:
    """Return whether this person may freeze, or stop the line, for at least some services.

    A page asks this before any service is named; those that are named then are judged again.
    """
    if not by.groups.isdisjoint(_entitled(book, stop=stop, services=())):
        return True
    services = book.catalogue.services if stop else ()
    owned = [name for name in services if by.groups & {*(book.catalogue.owners_of(name) or ())}]
    return any(by.groups & _entitled(book, stop=True, services=(name,)) for name in owned[:1])


def who_may_freeze(book: Rulebook, *, stop: bool) -> tuple[str, ...]:
    """Return the groups whose people may freeze everything, or stop the whole line."""
    return tuple(sorted(_entitled(book, stop=stop, services=())))


def _entitled(book: Rulebook, *, stop: bool, services: tuple[str, ...]) -> set[str]:
    """Return the groups that may freeze, or with `stop` stop the line, for these services.

    People who may override a window may also freeze, and people who decide about emergencies may
    also stop the line. Only release managers lift.
    """
    groups = {
        OWNERS_OF_LAST_RESORT,
        *(group for window in book.calendar.freezes for group in window.override_by),
    }
    return groups | _who_decide_emergencies(book, services) if stop else groups


def _who_decide_emergencies(book: Rulebook, services: tuple[str, ...]) -> set[str]:
    """Return the groups that decide about emergencies, by the policies that enforce.

    `owners` there stands only for those who own every one of the named services.
    """
    named = {
        group
        for one in book.policies.all
        if one.mode is Mode.ENFORCE and one.emergency
        for group in one.emergency.by
    }
    if OWNERS not in named:
        return named
    owners = [set(book.catalogue.owners_of(service) or ()) for service in services]
    return named - {OWNERS} | (set.intersection(*owners) if owners else set())


def _check(command: FreezeCommand) -> None:
    if command.stop and command.ends is not None:
        raise Invalid("a stopped line has no end; it runs again when somebody lifts it")
    if not command.stop and command.ends is None:
        raise Invalid("a window needs its end; name `ends`, or stop the line with `stop`")
    if command.begins is not None and command.ends is not None and command.ends <= command.begins:
        raise Invalid("the window ends before it begins; `ends` must be later than `begins`")
    check_names(*command.services, *command.environments)


def _require_known(kind: str, key: str, names: Sequence[str], known: Collection[str]) -> None:
    faults = [
        Fault(unknown(kind, name, known), f"#/{key}/{number}")
        for number, name in enumerate(names)
        if name not in known
    ]
    if faults:
        raise Invalid("; ".join(fault.detail for fault in faults[:FAULTS_SAID_MAX]), faults=faults)


def _add(tx: Tx, command: FreezeCommand, by: str) -> WindowAnswer:
    if command.ends is not None and command.ends <= tx.now:
        raise Invalid("the window is over already; `ends` must be to come")
    if command.stop:
        _require_few_stops(tx.conn, by)
    declared = sum(not one.stop for one in freezes.open_at(tx.conn, tx.now))
    if not command.stop and declared >= freezes.OPEN_MAX:
        raise Invalid(
            f"{declared} windows are not over yet, at most {freezes.OPEN_MAX} are allowed; "
            "lift one, or write it into the calendar"
        )
    reason = texts.keep_text(tx, command.reason)
    window = Declared(
        id=new_id("frz", tx.now),
        reason=reason,
        stop=command.stop,
        begins=command.begins or tx.now,
        ends=command.ends,
        services=command.services,
        environments=command.environments,
        created_at=tx.now,
        created_by=by,
    )
    freezes.add(tx, window)
    _append_freeze_entry(tx, window, "added", by)
    return _answer(window, {reason: command.reason})


def _require_few_stops(conn: Connection, by: str) -> None:
    stops = freezes.count_stops(conn, by)
    if stops >= freezes.STOPS_OF_ONE_MAX:
        raise Invalid(
            f"you have stopped {stops} lines that nobody has lifted, at most "
            f"{freezes.STOPS_OF_ONE_MAX} are allowed; stop several services with one, or ask a "
            "release manager to lift some"
        )


def _lift(tx: Tx, books: Rulebooks, freeze_id: str, person: Person) -> WindowAnswer:
    now = as_of_now(tx.conn, person, books.in_force(tx).catalogue)
    if OWNERS_OF_LAST_RESORT not in now.groups:
        raise NotAllowed(
            f"{OWNERS_OF_LAST_RESORT} may lift a freeze or a stopped line; you are not in this "
            "group, ask one of them"
        )
    by = person.caller
    window = freezes.read(tx.conn, freeze_id)
    if window is None:
        raise NotFound(
            f"there is no window {freeze_id[:64]}; those of the calendar's file are changed in "
            "the file"
        )
    if not freezes.lift(tx, freeze_id, by):
        raise Conflict(f"{freeze_id} was lifted before")
    lifted = replace(window, lifted_at=tx.now, lifted_by=by)
    _append_freeze_entry(tx, lifted, "lifted", by)
    return _answer(lifted, texts.read_texts(tx.conn, [window.reason]))


def _append_freeze_entry(tx: Tx, window: Declared, action: str, by: str) -> None:
    """Write the ledger entry, and have pending changes decided again, which it may hold or free."""
    append_entry(
        tx,
        Kind.FREEZE,
        None,
        window=window.id,
        action=action,
        by=by,
        stop=window.stop,
        reason=window.reason,
        begins=rfc3339(window.begins),
        ends=window.ends and rfc3339(window.ends),
        services=list(window.services),
        environments=list(window.environments),
    )
    reconsider.ask(tx)


def _page(conn: Connection, part: pages.Part) -> pages.Page[WindowAnswer]:
    found = freezes.freeze_page(conn, part)
    return pages.Page(_answers(conn, found.rows), found.next)


def _not_over(conn: Connection, at: datetime) -> Sequence[WindowAnswer]:
    return _answers(conn, freezes.not_over(conn, at))


def _answers(conn: Connection, windows: Sequence[Declared]) -> tuple[WindowAnswer, ...]:
    said = texts.read_texts(conn, [window.reason for window in windows])
    return tuple(_answer(window, said) for window in windows)


def _answer(window: Declared, said: dict[str, str]) -> WindowAnswer:
    return WindowAnswer(
        id=window.id,
        reason=said.get(window.reason, ""),
        stop=window.stop,
        begins=window.begins,
        ends=window.lifted_at or window.ends,
        services=window.services,
        environments=window.environments,
    )
