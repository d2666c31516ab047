"""The one thread that writes.

Calls that wait together share one durable commit, and nobody gets an answer before it.

A group is one transaction: first the units, joined into one INSERT a table, then every other
function in a savepoint of its own. A function may run again after a rollback, so it does nothing
but read and write through its `tx`.
"""

import queue
import random
import threading
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine

from gate.errors import GateError, Unavailable
from gate.storage.changes.units import record
from gate.storage.database.announcements import Announcer
from gate.storage.database.calls import Call, Line, deliver
from gate.storage.database.faults import Ended, Fate, UnknownOutcome, refusal
from gate.storage.database.group import write
from gate.storage.database.housekeeping import Housekeeping
from gate.storage.database.reports import WRITER, Reports
from gate.storage.database.tx import NOBODY, KeptConnection, Subscribers
from gate.storage.database.watch import EVERYTHING, Audience

GROUP_MAX = 256
QUEUE_MAX = 4_096
SAVEPOINTS_MAX = 32
"""On PostgreSQL more of them in one transaction slow down every snapshot."""

RETRIES_MAX = 3
RETRY_PAUSE_SECONDS = 0.05
QUEUED_SECONDS_MAX = 8
"""A call that waited longer is refused untried. While the database is slow every caller still has
an answer within 10 s, and the queue is soon empty."""

IDLE_SECONDS = 0.4
"""How often an idle writer checks the database."""

_ONE_BY_ONE = frozenset({Fate.CONSTRAINT, Fate.FAULT, Fate.FULL, Fate.ENDED})
"""The errors that one call of the group may have caused. After one of these, each call is tried in
a transaction of its own."""

_OWN = frozenset({Fate.CONSTRAINT, Fate.FAULT})
"""Errors of a call itself, which say nothing about the state of the database."""


class Writer:
    """Takes calls, writes groups.

    `failed` says why it has stopped for good, `trouble` why the last group was refused.
    """

    def __init__(
        self,
        engine: Engine,
        url: str,
        path: Path | None,
        process: str,
        audience: Audience,
        reports: Reports,
    ) -> None:
        self.failed: str | None = None
        self.trouble: str | None = None
        self.written_at = time.monotonic()
        self.subscribers: Subscribers = NOBODY
        self._engine, self._url, self._audience, self._reports = engine, url, audience, reports
        self._announcer = Announcer(process)
        self._link: KeptConnection | None = KeptConnection(engine, url)
        self._housekeeping = Housekeeping(self._link, path, audience)
        self._closing = False
        # A commit got no answer, and may have moved something since then.
        self._may_have_moved = False
        # When the oldest call of the group that is being written was asked for.
        self._in_hand: float | None = None
        self._calls = Line(GROUP_MAX)
        self._thread = threading.Thread(target=self._run, name="gate-writer", daemon=True)
        self._thread.start()

    def put(self, call: Call) -> None:
        """Have a call written. Raises `Unavailable` if too many wait or the writer has stopped."""
        if self.failed is not None or self._closing:
            raise Unavailable(self.failed or "the gate is stopping; ask again")
        if len(self._calls) >= QUEUE_MAX:
            raise Unavailable(f"{QUEUE_MAX} writes are waiting already; ask again")
        self._calls.put(call)

    def waited_seconds(self) -> float:
        """Return how long the oldest call waits that is not written yet, 0 if none does.

        Any thread may ask, also while the database hangs.
        """
        since = self._in_hand
        if since is None:
            since = self._calls.waiting_since()
        return 0.0 if since is None else time.monotonic() - since

    def missing(self) -> Path | None:
        """Return the file of the database if it was moved away or deleted, or None."""
        return self._housekeeping.missing()

    def close(self) -> None:
        """Write what waits, then end."""
        self._closing = True
        self._calls.end()
        self._thread.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            group: list[Call] = []
            try:
                ending = self._take(group)
                in_time = _refuse_late(group)
                if in_time:
                    self._in_hand = in_time[0].asked_at
                if in_time or self._announcer.owes(at_the_end=ending):
                    self._write(in_time)
                self._in_hand = None
                self._housekeeping.keep(self._link)
            except Exception as error:  # noqa: BLE001 - a fault of the writer itself: nobody may wait for it for ever
                ending = ending or self._closing
                self.failed = (
                    f"the writer stopped by a fault of its own ({type(error).__name__}); ask "
                    "again with the same key after a restart"
                )
                self._reports.lasts(WRITER, error)
                _answer([call for call in group if not call.delivered], Unavailable(self.failed))
        # After a fault the link is left open, because closing would carry pages that may be wrong
        # into the database.
        if self._link is not None and self.failed is None:
            self._link.close()

    def _take(self, group: list[Call]) -> bool:
        """Add the calls that wait to the group, up to the limits. True: the writer has to end."""
        savepoints = 0
        with suppress(queue.Empty):
            while len(group) < GROUP_MAX and savepoints < SAVEPOINTS_MAX:
                call = self._calls.take_at_once() if group else self._calls.take(IDLE_SECONDS)
                if call is None:
                    return True
                group.append(call)
                savepoints += call.function is not record
        return False

    def _write(self, group: list[Call]) -> Exception | None:
        """Write a group with one commit, or where that fails with one for each call.

        Every call gets its answer or its refusal here. Returns the refusal if the database does not
        write at all, or None.
        """
        began = time.monotonic()
        try:
            self._try(group)
        except UnknownOutcome as problem:
            # Nobody else announces to this process what it wrote itself. The server may still be
            # about to commit, so it is announced once more after the next commit.
            self._may_have_moved = True
            self._audience.announce(EVERYTHING)
            lost = self._trouble(refusal(Fate.LOST, problem), problem.__cause__ or problem)
            _answer(
                group,
                Unavailable(
                    "the database did not say whether it recorded this; ask again with the same key"
                ),
            )
            return lost
        except Ended as ended:
            if len(group) > 1 and ended.fate in _ONE_BY_ONE:
                return self._one_by_one(group)
            error = refusal(ended.fate, ended.cause)
            # Set before any caller gets the refusal, who might ask at once whether all is well.
            trouble = None if ended.fate in _OWN else self._trouble(error, ended.cause)
            _answer(group, error)
            return trouble
        if self.trouble is not None:
            self._reports.over(WRITER)
        self.trouble, self.written_at = None, time.monotonic()
        deliver(group)
        if group:
            self._reports.wrote(len(group), len(self._calls), self.written_at - began)
        return None

    def _one_by_one(self, group: list[Call]) -> Exception | None:
        for k, call in enumerate(group):
            error = self._write([call])
            # The database does not write at all, so the others are refused at once.
            if error is not None:
                _answer(group[k + 1 :], error)
                return error
        return None

    def _trouble(self, error: Exception, cause: BaseException) -> Exception:
        """Report the cause to the operator; whoever waited gets only `error`."""
        self.trouble = str(error)
        self._reports.lasts(WRITER, cause)
        return error

    def _try(self, group: list[Call]) -> None:
        """Commit the group, and try again where that may help."""
        for attempt in range(RETRIES_MAX + 1):
            try:
                topics = self._together(group)
            except (Ended, UnknownOutcome) as problem:
                self._clean_up(problem)
                if isinstance(problem, UnknownOutcome) or attempt >= _tries_after(
                    problem.fate, self._link
                ):
                    raise
                time.sleep(random.uniform(0, RETRY_PAUSE_SECONDS) * attempt)  # noqa: S311 - only so that two processes part
            else:
                if topics or self._may_have_moved:
                    self._audience.announce(
                        EVERYTHING if self._may_have_moved else frozenset(topics)
                    )
                self._may_have_moved = False
                return

    def _together(self, group: list[Call]) -> set[str]:
        """Write the group in one transaction, and return the topics of what it moved."""
        if self.failed is not None:
            raise Ended(Fate.BROKEN, Unavailable(self.failed))
        self._housekeeping.refuse_missing()
        if self._link is None:
            try:
                self._link = KeptConnection(self._engine, self._url)
            except GateError as error:
                raise Ended(Fate.LOST, error) from error
        topics = write(
            self._link, group, self._housekeeping.begin, self._announcer, self.subscribers
        )
        # Once more after the commit: a file that was deleted meanwhile took the commit with it.
        self._housekeeping.refuse_missing()
        return topics

    def _clean_up(self, problem: Ended | UnknownOutcome) -> None:
        """Leave no transaction open, and close a connection that cannot be used any more."""
        if isinstance(problem, Ended) and problem.fate is Fate.BROKEN:
            self.failed = str(refusal(problem.fate, problem.cause))
            return
        link, self._link = self._link, None
        if link is None:
            return
        if not (isinstance(problem, Ended) and problem.fate is not Fate.LOST and link.roll_back()):
            link.close()
            return
        self._link = link


def _tries_after(fate: Fate, link: KeptConnection | None) -> int:
    """Return how often a group is tried again as a whole after this error."""
    if fate is Fate.CONFLICT:
        return RETRIES_MAX
    if fate is Fate.CONSTRAINT:
        # Another process may have recorded the same key, which the look-up finds the second time.
        return 1 if link is not None and link.is_postgres else 0
    return 1 if fate is Fate.LOST else 0


def _refuse_late(group: list[Call]) -> list[Call]:
    """Refuse the calls that have waited too long, and return the others."""
    latest = time.monotonic() - QUEUED_SECONDS_MAX
    # The calls are in the order in which they arrived, so if the first is in time, all are.
    if group and group[0].asked_at > latest:
        return group
    _answer(
        [call for call in group if call.asked_at <= latest],
        Unavailable("the database is too slow now; nothing was recorded, ask again"),
    )
    return [call for call in group if call.asked_at > latest]


def _answer(group: list[Call], error: Exception) -> None:
    for call in group:
        call.error = error
    deliver(group)
