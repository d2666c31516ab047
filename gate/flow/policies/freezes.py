"""Freeze windows that people make, and the stopped line."""

from dataclasses import replace

from sqlalchemy import Connection

from gate.core.catalogue.catalogue import OWNERS, OWNERS_OF_LAST_RESORT
from gate.core.policy.policy import Mode
from gate.errors import Conflict, Invalid, NotAllowed, NotFound
from gate.flow.answers.wire import instant
from gate.flow.asks import PAGE_ITEMS_MAX, FreezeAsk, Page, Wire
from gate.flow.caller import Caller, Person
from gate.flow.changes.endings import check_names, tell
from gate.flow.gate import Gate
from gate.flow.ids import new_id
from gate.flow.rulebooks import Rulebook
from gate.ledger.format import Kind
from gate.storage import texts
from gate.storage.changes import reconsider
from gate.storage.database.pages import Part
from gate.storage.database.tx import Tx
from gate.storage.policies import freezes
from gate.storage.policies.freezes import Declared


async def listing(gate: Gate, by: Caller) -> Page:
    """The newest windows, lifted ones too."""
    _ = by  # everybody who reads the calendar reads all of it
    return Page(await gate.store.read(_listed))


async def add(gate: Gate, ask: FreezeAsk, by: Person) -> Wire:
    """Freeze from `begins` (now, where it is absent) until `ends`; stop the line until somebody lifts it.

    Raises `NotAllowed` for whoever is in no group that may.
    """
    book = await gate.rulebooks.current()
    _require_entitled(book, ask, by)
    _check(ask)
    named = tuple(dict.fromkeys(map(book.catalogue.environment_named, ask.environments)))
    return await gate.store.write(_add, replace(ask, environments=named), by.caller)


async def lift(gate: Gate, freeze_id: str, by: Person) -> Wire:
    """End a window, or let the line run again. Raises `NotFound`, and `Conflict` where it was lifted before."""
    return await gate.store.write(_lift, freeze_id, by.caller)


def _require_entitled(book: Rulebook, ask: FreezeAsk, by: Person) -> None:
    """Who may override a window may freeze; who decides emergencies may stop the line. Lifting is the release managers' alone."""
    groups = {OWNERS_OF_LAST_RESORT, *(group for window in book.calendar.freezes for group in window.override_by)}
    if ask.stop:
        groups |= _who_decide_emergencies(book, ask.services)
    if by.groups.isdisjoint(groups):
        what = "stop the line" if ask.stop else "freeze"
        raise NotAllowed(f"{' and '.join(sorted(groups))} may {what}; you are in none of these groups, ask one of them")


def _who_decide_emergencies(book: Rulebook, services: tuple[str, ...]) -> set[str]:
    """As the policies say that decide; `owners` only of services that are named, and only who owns every one of them."""
    named = {group for one in book.policies.all if one.mode is Mode.ENFORCE and one.emergency for group in one.emergency.by}
    if OWNERS not in named:
        return named
    owners = [set(book.catalogue.owners_of(service) or ()) for service in services]
    return named - {OWNERS} | (set.intersection(*owners) if owners else set())


def _check(ask: FreezeAsk) -> None:
    if ask.stop and ask.ends is not None:
        raise Invalid("a stopped line has no end; it runs again when somebody lifts it")
    if not ask.stop and ask.ends is None:
        raise Invalid("a window needs its end; name `ends`, or stop the line with `stop`")
    if ask.begins is not None and ask.ends is not None and ask.ends <= ask.begins:
        raise Invalid("the window ends before it begins; `ends` must be later than `begins`")
    check_names(*ask.services, *ask.environments)


def _add(tx: Tx, ask: FreezeAsk, by: str) -> Wire:
    if ask.ends is not None and ask.ends <= tx.now:
        raise Invalid("the window is over already; `ends` must be to come")
    declared = sum(not one.stop for one in freezes.open_at(tx.conn, tx.now))
    if not ask.stop and declared >= freezes.OPEN_MAX:
        raise Invalid(
            f"{declared} windows are not over yet, at most {freezes.OPEN_MAX} are allowed; lift one, or write it into the calendar"
        )
    reason = texts.new_text(ask.reason)
    texts.insert_texts(tx, [reason])
    window = Declared(
        id=new_id("frz", tx.now),
        reason=reason.id,
        stop=ask.stop,
        begins=ask.begins or tx.now,
        ends=ask.ends,
        services=ask.services,
        environments=ask.environments,
        created_at=tx.now,
        created_by=by,
    )
    freezes.add(tx, window)
    _tell(tx, window, "added", by)
    return _view(window, {reason.id: ask.reason})


def _lift(tx: Tx, freeze_id: str, by: str) -> Wire:
    window = freezes.read(tx.conn, freeze_id)
    if window is None:
        raise NotFound(f"there is no window {freeze_id[:64]}; those of the calendar's file are changed in the file")
    if not freezes.lift(tx, freeze_id, by):
        raise Conflict(f"{freeze_id} was lifted before")
    lifted = replace(window, lifted_at=tx.now, lifted_by=by)
    _tell(tx, lifted, "lifted", by)
    return _view(lifted, texts.read_texts(tx.conn, [window.reason]))


def _tell(tx: Tx, window: Declared, action: str, by: str) -> None:
    """The ledger, and every pending change that this may concern."""
    tell(
        tx,
        Kind.FREEZE,
        None,
        window=window.id,
        action=action,
        by=by,
        stop=window.stop,
        reason=window.reason,
        begins=instant(window.begins),
        ends=instant(window.ends),
        services=list(window.services),
        environments=list(window.environments),
    )
    reconsider.ask(tx)


def _listed(conn: Connection) -> list[Wire]:
    found = freezes.declared(conn, Part(PAGE_ITEMS_MAX)).rows
    said = texts.read_texts(conn, [window.reason for window in found])
    return [_view(window, said) for window in found]


def _view(window: Declared, said: dict[str, str]) -> Wire:
    return {
        "id": window.id,
        "reason": said.get(window.reason, ""),
        "stop": window.stop,
        "begins": instant(window.begins),
        "ends": instant(window.lifted_at or window.ends),
        "services": list(window.services),
        "environments": list(window.environments),
    }
