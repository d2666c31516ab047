"""Threads that read.

Calls that wait together share a transaction, a hop to a thread and a wake-up of the event loop.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import groupby

from sqlalchemy import Engine

from gate.errors import GateError, Unavailable
from gate.storage.database.calls import Call, Line, deliver
from gate.storage.database.faults import Fate, fate_of, read_refusal
from gate.storage.database.reports import READER, Reports
from gate.storage.database.tx import KeptConnection

READS_QUEUED_MAX = 4_096


class Readers:
    """A few threads with a connection each. `together` is how many calls may share one turn."""

    def __init__(
        self, engine: Engine, url: str, reports: Reports, *, threads: int, together: int
    ) -> None:
        self._engine, self._url, self._reports, self._together = engine, url, reports, together
        self._troubled = False
        self._calls = Line(together)
        self._threads = [
            threading.Thread(target=self._run, name=f"gate-reader-{n}", daemon=True)
            for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, call: Call) -> None:
        """Have a call answered. Raises `Unavailable` if too many wait."""
        if len(self._calls) >= READS_QUEUED_MAX:
            raise Unavailable(f"{READS_QUEUED_MAX} reads are waiting already; ask again")
        self._calls.put(call)

    def close(self) -> None:
        """Answer what waits, then end."""
        self._calls.end(len(self._threads))
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        link: KeptConnection | None = None
        while (first := self._calls.take()) is not None:
            calls = [first]
            over = self._take_more(calls)
            try:
                link = self._serve(link, calls)
            except Exception as error:  # noqa: BLE001 - a fault of the reader itself: nobody may wait for it for ever
                link = None
                self._report(error)
                _refuse(calls, Unavailable("the database cannot be read now; ask again"))
            # Delivered first, because nobody needs to wait for the end of a read.
            deliver(calls)
            link = _ended(link)
            if over:
                break
        if link is not None:
            link.close()

    def _take_more(self, calls: list[Call]) -> bool:
        """Add the other calls that wait, up to the limit. True: the thread has to end."""
        with suppress(queue.Empty):
            while len(calls) < self._together:
                another = self._calls.take_at_once()
                if another is None:
                    return True
                calls.append(another)
        return False

    def _serve(self, link: KeptConnection | None, calls: list[Call]) -> KeptConnection | None:
        """Answer all calls, and return the connection if it can be used again.

        A connection may have broken while it was idle. Then a new one is made, once, and the calls
        are tried again on it; only if that fails, too, do callers get an error.
        """
        left = calls
        while left:
            fresh = link is None
            try:
                link = link or KeptConnection(self._engine, self._url)
            except GateError as error:
                self._report(error)
                _refuse(left, error)
                return None
            left, usable = _together(link, left, self._report, fresh=fresh)
            if not usable:
                link.close()
                link = None
        if self._troubled and not any(call.error for call in calls):
            self._troubled = False
            self._reports.over(READER)
        return link

    def _report(self, error: BaseException) -> None:
        self._troubled = True
        self._reports.lasts(READER, error)


def _together(
    link: KeptConnection, calls: list[Call], report: Callable[[BaseException], None], *, fresh: bool
) -> tuple[list[Call], bool]:
    """Answer calls from one snapshot.

    Returns the calls that are left when one of them failed, and whether the connection can be used
    again.
    """
    done = 0
    for joined in _joined(calls):
        try:
            _answer(link, joined, begins=done == 0)
        except Exception as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
            fate = fate_of(error)
            # Several calls shared one function, and any of them may have failed. Each is tried
            # again by itself, so that only that one gets the error.
            if len(joined) > 1:
                for call in joined:
                    call.part()
                return calls[done:], link.roll_back() and fate is not Fate.LOST
            if fate is None:
                joined[0].error = error
            elif fate is Fate.LOST and not fresh:
                return calls[done:], False
            else:
                refused = read_refusal(fate, error)
                joined[0].error = refused
                # Any other error is a fault of the gate itself, which whoever asked reports.
                if isinstance(refused, Unavailable):
                    report(error)
                return calls[done + 1 :], link.roll_back() and fate is not Fate.LOST
        done += len(joined)
    return [], True


def _ended(link: KeptConnection | None) -> KeptConnection | None:
    """End the transaction, and return the connection, or None if it cannot be used any more."""
    if link is None or link.end_reading():
        return link
    link.close()
    return None


def _refuse(calls: list[Call], error: Exception) -> None:
    for call in calls:
        call.error = error


def _joined(calls: list[Call]) -> Iterator[list[Call]]:
    """Yield neighbours that can be answered together, by one call of their function."""
    for _, same in groupby(calls, key=lambda call: call.function if call.joint else id(call)):
        yield list(same)


def _answer(link: KeptConnection, calls: list[Call], *, begins: bool) -> None:
    first = calls[0]
    if not first.joint:
        if begins:
            link.begin()
        first.answer = first.function(link.conn, *first.arguments)
        return
    with link.at_once():
        if begins:
            link.begin()
        read = first.function(link.conn, [call.arguments[0] for call in calls])
    for call, answer in zip(calls, read(), strict=True):
        call.answer = answer
