"""Holds in the rows of waiting changes: freeze windows and stopped lines are put there as they open
and end.

The admission judges everything again, and would refuse the change anyway. The row is for people:
they see the hold and may override it, and the time that the change has stops while it lasts.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gate.core.calendar import freeze
from gate.core.calendar.freeze import Window
from gate.core.change import WAITING, State
from gate.core.decision.values import Hold, Route, binding
from gate.flow.answers.reasons import hold_in_words
from gate.flow.changes.excluded import windows_overridden
from gate.flow.changes.known import Known
from gate.flow.gate import Gate
from gate.flow.identity.labels import callers_named
from gate.flow.rulebooks import Rulebook, Rulebooks
from gate.storage import texts
from gate.storage.changes import changes, holds, moves
from gate.storage.changes.holds import Place
from gate.storage.database.tx import Tx
from gate.storage.policies import freezes
from gate.storage.tables.stored_change import StoredChange

AT_ONCE = 200
"""The most changes whose hold is corrected in one transaction."""

LOOKED_AT_AGAIN_SECONDS = 20.0
"""How long after a window opened or ended every turn looks at all changes again. A decision may
have been gathered before that moment and recorded after it, so it misses the window. Gathering and
recording together take less than this."""


def hold_of(
    conn: Connection,
    stored: StoredChange,
    book: Rulebook,
    at: datetime,
    windows: Sequence[Window] | None = None,
) -> Hold | None:
    """Return what holds the change at this instant, or None.

    Of the windows that are open and not overridden for it, it is the one that lasts longest.
    Nothing holds a change that the gate only observes; if the gate enforces by now, the admission
    refuses that change as stale.

    `windows` are those that people declared, where the caller has read them already.
    """
    if stored.route is Route.OBSERVED:
        return None
    return would_hold(conn, stored, book, at, windows)


def refused_for(conn: Connection, hold: Hold, book: Rulebook) -> str:
    """Say to a pipeline what holds its change: until when, why, by whom, and what to do.

    The window has an id, which tells nobody anything.
    """
    declared = freezes.read(conn, hold.window)
    by = ""
    if declared is not None:
        (name,) = callers_named(conn, book.catalogue, [declared.created_by]).values()
        by = f" (by {name})"
    said = hold_in_words(hold, texts.read_texts(conn, [hold.reason]))
    if hold.stop:
        return f"{said}{by}; wait until somebody lifts it"
    people = " or ".join(hold.lifted_by) or "a release manager"
    return f"{said}{by}; wait, or ask {people} for an override"


def would_hold(
    conn: Connection,
    stored: StoredChange,
    book: Rulebook,
    at: datetime,
    windows: Sequence[Window] | None = None,
) -> Hold | None:
    """Return what would hold the change, even one that the gate only observes."""
    windows = freezes.open_at(conn, at) if windows is None else windows
    if not open_windows(conn, stored, book, at, windows):
        return None
    scope = freeze.scope_of(book.catalogue, stored.service, stored.environment)
    overridden = windows_overridden(conn, stored.id, book)
    return binding(
        freeze.holds(book.calendar, windows, scope, at, overridden), excused=stored.excused
    )


def open_windows(
    conn: Connection,
    stored: StoredChange,
    book: Rulebook,
    at: datetime,
    windows: Sequence[Window] | None = None,
) -> tuple[Window, ...]:
    """Return every window that is open for the place of the change, whether or not it holds the
    change.
    """
    windows = freezes.open_at(conn, at) if windows is None else windows
    scope = freeze.scope_of(book.catalogue, stored.service, stored.environment)
    return freeze.open_windows(book.calendar, windows, scope, at)


async def release(gate: Gate, known: Known) -> bool:
    """Look again at what holds one change. True: the hold that stood in its row is over."""
    return await gate.store.write(_release, gate.rulebooks, known.stored.id)


@dataclass(slots=True)
class Holds:
    """Follows windows as they open and end, and puts holds into the rows of changes.

    Several processes may do so: the second one finds nothing left to correct.
    """

    gate: Gate
    _seen: tuple[str, tuple[Window, ...]] | None = field(default=None, init=False)
    _until: float = field(default=0.0, init=False)

    async def turn(self) -> int:
        """Hold changes that have to wait now, release others; return how many were changed."""
        book = await self.gate.rulebooks.current()
        at = self.gate.clock()
        windows = await self.gate.store.read(freezes.open_at, at)
        now = (book.id, freeze.open_anywhere(book.calendar, windows, at))
        if now != self._seen:
            self._until = time.monotonic() + LOOKED_AT_AGAIN_SECONDS
        if time.monotonic() >= self._until:
            return 0
        done = await self._put_right(book, windows, at)
        # Remembered last, so that a turn that fails is tried again.
        self._seen = now
        return done

    async def _put_right(self, book: Rulebook, windows: Sequence[Window], at: datetime) -> int:
        """Correct the rows of every place where one of them has another hold than it should.

        One query finds these places. That is nearly always all, because windows open seldom.
        """
        wanted: dict[Place, tuple[Hold | None, Hold | None]] = {}
        wrong: set[Place] = set()
        for one in await self.gate.store.read(holds.kept_holds, at):
            if one.place not in wanted:
                wanted[one.place] = _wanted(book, windows, one.place, at)
            if one.hold != wanted[one.place][one.excused]:
                wrong.add(one.place)
        # One place at a time, because each is under a lock of its own.
        return sum(
            [await self._put_place_right(one, wanted[one], book, at) for one in sorted(wrong)]
        )

    async def _put_place_right(
        self, place: Place, wanted: tuple[Hold | None, Hold | None], book: Rulebook, at: datetime
    ) -> int:
        done, after = 0, ""
        while ids := await self.gate.store.read(
            holds.held_otherwise, place, wanted, at, after=after, limit=AT_ONCE
        ):
            done += await self.gate.store.write(_put_right, place, ids, book)
            after = ids[-1]
        return done


def _wanted(
    book: Rulebook, windows: Sequence[Window], place: Place, at: datetime
) -> tuple[Hold | None, Hold | None]:
    """Return what holds a usual change of the place now, and a change which windows excuse."""
    scope = freeze.scope_of(book.catalogue, place.service, place.environment)
    found = freeze.holds(book.calendar, windows, scope, at)
    return binding(found, excused=False), binding(found, excused=True)


def _put_right(tx: Tx, place: Place, ids: Sequence[str], book: Rulebook) -> int:
    moves.lock_place(tx, place.service, place.environment)
    windows = freezes.open_at(tx.conn, tx.now)
    found = (changes.read(tx.conn, one) for one in ids)
    return sum(_hold(tx, stored, book, windows) for stored in found if stored is not None)


def _release(tx: Tx, books: Rulebooks, change: str) -> bool:
    book = books.in_force(tx)
    stored = changes.existing(tx.conn, change)
    return (
        _hold(tx, stored, book, freezes.open_at(tx.conn, tx.now))
        and hold_of(tx.conn, stored, book, tx.now) is None
    )


def _hold(tx: Tx, stored: StoredChange, book: Rulebook, windows: Sequence[Window]) -> bool:
    """Write what holds the change now into its row.

    False: the row says so already, or the change no longer waits.
    """
    state = stored.state_at(tx.now)
    hold = hold_of(tx.conn, stored, book, tx.now, windows)
    if state not in WAITING or hold == stored.hold:
        return False
    again = {"redecide_at": tx.now} if state is State.PENDING else {}
    return moves.move(
        tx,
        stored.id,
        from_state=state,
        of_decision=stored.decision,
        hold=hold,
        **again,
        **_time(stored, state, hold, tx.now),
    )


def _time(stored: StoredChange, state: State, hold: Hold | None, at: datetime) -> dict[str, object]:
    """Return the columns of the time of a change, which stands still while the change is held.

    The time of an approval does not run before the planned start, either. Empty where the change
    was held before and still is, or neither.
    """
    if (hold is None) == (stored.hold is None):
        return {}
    ends = "expires_at" if state is State.PENDING else "valid_until"
    runs_from = at if state is State.PENDING else max(at, stored.planned_start or at)
    if hold is None:
        return {ends: runs_from + (stored.time_left or timedelta(0)), "time_left": None}
    ending: datetime | None = getattr(stored, ends)
    return {ends: None, "time_left": (ending or runs_from) - runs_from}
