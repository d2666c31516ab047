"""One transaction for a group of calls: what each of them does in it, and how it is confirmed."""

from collections.abc import Callable

from gate.errors import Unavailable
from gate.storage.changes.units import record
from gate.storage.database.announcements import Announcer
from gate.storage.database.calls import Call
from gate.storage.database.faults import Ended, Fate, UnknownOutcome, fate_of, refusal
from gate.storage.database.tx import NOBODY, KeptConnection, RollupKind, Subscribers, Tx
from gate.storage.figures.rollups import flush

_ALONE = frozenset({None, Fate.FAULT, Fate.CONSTRAINT, Fate.BUSY})
"""Errors that end with the savepoint in which they happened. Any other one ends the transaction for
all calls of the group."""


def write(
    link: KeptConnection,
    group: list[Call],
    begin: Callable[[KeptConnection], None],
    announcer: Announcer,
    subscribers: Subscribers = NOBODY,
) -> set[str]:
    """Begin, do everything, commit durably, and return the topics of what this process moved.

    Raises `Ended` if nothing was committed, `UnknownOutcome` if nobody knows. The answers stand in
    the calls.
    """
    link.has_sent_commit = False
    try:
        topics = _together(link, group, begin, announcer, subscribers)
    except UnknownOutcome:
        raise
    except Exception as error:
        ended = ended_by(error)
        if ended.fate is Fate.LOST and link.has_sent_commit:
            raise UnknownOutcome from error
        raise ended from error
    if not link.has_committed:
        raise _ended_silently()
    announcer.committed()
    return topics


def commit(link: KeptConnection) -> None:
    """Commit durably. Raises `Ended` for a transaction that an error has ended.

    On PostgreSQL the commit is sent together with what it confirms: after an error the server
    executes nothing that was sent behind it, so it never confirms a part.
    """
    if not link.can_commit:
        raise _ended_silently()
    link.commit()


def ended_by(error: Exception) -> Ended:
    """Return the error as the end of a transaction."""
    if isinstance(error, Ended):
        return error
    return Ended(fate_of(error) or Fate.FAULT, error)


def _ended_silently() -> Ended:
    detail = "the transaction was ended by an error; nothing was recorded, ask again"
    return Ended(Fate.ENDED, Unavailable(detail))


def _together(
    link: KeptConnection,
    group: list[Call],
    begin: Callable[[KeptConnection], None],
    announcer: Announcer,
    subscribers: Subscribers,
) -> set[str]:
    tx = Tx(link, subscribers)
    units = [call for call in group if call.function is record]
    others = [call for call in group if call.function is not record]
    with link.at_once():
        begin(link)
        if units:
            _record(tx, units)
        if not others:
            return _end(link, tx, announcer)
    _call_each(link, tx, others)
    with link.at_once():
        return _end(link, tx, announcer)


def _record(tx: Tx, calls: list[Call]) -> None:
    answers = record(tx, [call.arguments[0] for call in calls])
    for call, answer in zip(calls, answers, strict=True):
        call.answer, call.error = answer, None


def _call_each(link: KeptConnection, tx: Tx, calls: list[Call]) -> None:
    """Run each function in a savepoint of its own, and gather what they counted and moved."""
    rollups, topics = tx.rollups, tx.topics
    for call in calls:
        tx.rollups, tx.topics = {}, set()
        _call(link, tx, call)
        topics |= tx.topics
        _add(rollups, tx.rollups)
    tx.rollups, tx.topics = rollups, topics


def _end(link: KeptConnection, tx: Tx, announcer: Announcer) -> set[str]:
    """Write what all of them counted, announce to other processes what was moved, commit, and
    return what was moved.

    The counts come last, because the locks of their rows are then held for the shortest time.
    """
    flush(tx)
    announcer.announce(tx)
    commit(link)
    return tx.topics


def _call(link: KeptConnection, tx: Tx, call: Call) -> None:
    """Run one function in a savepoint of its own, so that its error undoes nothing but its work."""
    call.answer, call.error = None, None
    tx.execute("SAVEPOINT one")
    try:
        call.answer = call.function(tx, *call.arguments)
        if link.can_commit:
            tx.execute("RELEASE SAVEPOINT one")
            return
        call.error = RuntimeError(f"{call.function} went on after an error of the database")
    except Exception as error:
        fate = fate_of(error)
        if fate not in _ALONE:
            raise
        call.error = error if fate is None else refusal(fate, error)
    tx.rollups, tx.topics = {}, set()
    tx.execute("ROLLBACK TO SAVEPOINT one")
    tx.execute("RELEASE SAVEPOINT one")


def _add(rollups: dict[RollupKind, int], more: dict[RollupKind, int]) -> None:
    for kind, n in more.items():
        rollups[kind] = rollups.get(kind, 0) + n
