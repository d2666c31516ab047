"""Threads that read. Calls that wait together share a transaction, a hop to a thread and a wake-up of the event loop."""

import queue
import threading
from contextlib import suppress

from sqlalchemy import Engine

from gate.errors import GateError, Unavailable
from gate.storage.calls import Call, Line, deliver
from gate.storage.faults import Fate, fate_of, read_refusal
from gate.storage.tx import Link

READS_QUEUED_MAX = 4_096


class Readers:
    """A few threads with a connection each. `together` is how many calls may share one turn."""

    def __init__(self, engine: Engine, url: str, *, threads: int, together: int) -> None:
        self._engine, self._url, self._together = engine, url, together
        self._calls = Line(together)
        self._threads = [threading.Thread(target=self._run, name=f"gate-reader-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def put(self, call: Call) -> None:
        """Have it answered; `Unavailable` when too many wait."""
        if len(self._calls) >= READS_QUEUED_MAX:
            raise Unavailable(f"{READS_QUEUED_MAX} reads are waiting already; ask again")
        self._calls.put(call)

    def close(self) -> None:
        """Answer what waits, then end."""
        self._calls.end(len(self._threads))
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        link: Link | None = None
        while (first := self._calls.take()) is not None:
            calls = [first]
            over = self._take_more(calls)
            link = self._serve(link, calls)
            deliver(calls)
            if over:
                break
        if link is not None:
            link.close()

    def _take_more(self, calls: list[Call]) -> bool:
        """Whatever else waits; True when the last one was the word to end."""
        with suppress(queue.Empty):
            while len(calls) < self._together:
                another = self._calls.take_at_once()
                if another is None:
                    return True
                calls.append(another)
        return False

    def _serve(self, link: Link | None, calls: list[Call]) -> Link | None:
        """Answer all. A connection that broke while nobody used it is made again, once, before anyone hears of it."""
        left = calls
        while left:
            fresh = link is None
            try:
                link = link or Link(self._engine, self._url)
            except GateError as error:
                for call in left:
                    call.error = error
                return None
            left, usable = _together(link, left, fresh=fresh)
            if not usable:
                link.close()
                link = None
        return link


def _together(link: Link, calls: list[Call], *, fresh: bool) -> tuple[list[Call], bool]:
    """Answer calls from one snapshot; those left when one spoiled it, and whether the connection is of use."""
    for k, call in enumerate(calls):
        try:
            if k == 0:
                link.begin()
            call.answer = call.function(link.conn, *call.arguments)
        except Exception as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
            fate = fate_of(error)
            if fate is None:
                call.error = error
            elif fate is Fate.LOST and not fresh:
                return calls[k:], False
            else:
                call.error = read_refusal(fate, error)
                return calls[k + 1 :], link.roll_back() and fate is not Fate.LOST
    return [], link.roll_back()
