"""One transaction for a group of calls: what each of them does in it, and how it is confirmed."""

from gate.errors import Unavailable
from gate.storage.changes.units import record
from gate.storage.database.announcements import announce
from gate.storage.database.calls import Call
from gate.storage.database.faults import Ended, Fate, UnknownOutcome, fate_of, refusal
from gate.storage.database.tx import NOBODY, KeptConnection, RollupKind, Subscribers, Tx
from gate.storage.figures.rollups import flush

_ALONE = frozenset({None, Fate.FAULT, Fate.CONSTRAINT, Fate.BUSY})
"""Errors that end with the savepoint in which they happened. Any other one ends the transaction for
all calls of the group."""


def prepare(
    link: KeptConnection, group: list[Call], process: str, subscribers: Subscribers = NOBODY
) -> set[str]:
    """Do everything but commit, and return the topics of what was moved by this process.

    The answers stand in the calls, and must not be delivered before the commit.
    """
    tx = Tx(link, subscribers)
    units = [call for call in group if call.function is record]
    others = [call for call in group if call.function is not record]
    with tx.at_once():
        if units:
            _record(tx, units)
        if not others:
            return _end(tx, process)
    rollups, topics = tx.rollups, tx.topics
    for call in others:
        tx.rollups, tx.topics = {}, set()
        _call(link, tx, call)
        topics |= tx.topics
        _add(rollups, tx.rollups)
    tx.rollups, tx.topics = rollups, topics
    with tx.at_once():
        return _end(tx, process)


def commit(link: KeptConnection) -> None:
    """Commit durably, or raise: `Ended` if it failed, `UnknownOutcome` if nobody knows."""
    if not link.can_commit:
        raise Ended(
            Fate.ENDED,
            Unavailable("the transaction was ended by an error; nothing was recorded, ask again"),
        )
    try:
        link.raw.commit()
    except Exception as error:
        ended = ended_by(error)
        if ended.fate is Fate.LOST:
            raise UnknownOutcome from error
        raise ended from error


def ended_by(error: Exception) -> Ended:
    """Return the error as the end of a transaction."""
    if isinstance(error, Ended):
        return error
    return Ended(fate_of(error) or Fate.FAULT, error)


def _record(tx: Tx, calls: list[Call]) -> None:
    answers = record(tx, [call.arguments[0] for call in calls])
    for call, answer in zip(calls, answers, strict=True):
        call.answer, call.error = answer, None


def _end(tx: Tx, process: str) -> set[str]:
    """Write what all of them counted, announce to other processes what was moved, and return it.

    The counts come last, because the locks of their rows are then held for the shortest time.
    """
    flush(tx)
    announce(tx, process)
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
