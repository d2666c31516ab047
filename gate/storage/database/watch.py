"""Callbacks for what was written, by this process or another one, and how the news gets here."""

import asyncio
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import Engine

from gate.storage.database.calls import post
from gate.storage.database.engine import connect
from gate.storage.database.reports import LISTENER, Reports

CHANNEL = "gate"
PAYLOAD_BYTES_MAX = 7_900
"""PostgreSQL refuses a notification over 8,000 bytes. A longer list is left out, and an empty
notification stands for everything."""

EVERYTHING = frozenset({"*"})
"""Something was written, and it is not known what."""

LISTEN_SECONDS = 0.5
Topics: TypeAlias = frozenset[str]
Callback: TypeAlias = Callable[[Topics], None]


class Audience:
    """Callbacks, each called in the event loop in which it was registered.

    They are called before the caller that wrote gets its answer, so that its next read is fresh.
    """

    def __init__(self) -> None:
        self._callbacks: list[tuple[asyncio.AbstractEventLoop, Callback]] = []

    def register(self, callback: Callback) -> None:
        """Call this function from now on, in the running event loop."""
        self._callbacks.append((asyncio.get_running_loop(), callback))

    def announce(self, topics: Topics) -> None:
        """Call every callback with these topics. May be called from any thread."""
        for loop, callback in self._callbacks:
            post(loop, callback, topics)


class Listener:
    """A thread that is notified of what other processes wrote to PostgreSQL.

    After a time without a connection it announces `EVERYTHING`, because notifications were lost.
    """

    def __init__(self, engine: Engine, url: str, announce: Callback, reports: Reports) -> None:
        self._engine, self._url, self._announce, self._reports = engine, url, announce, reports
        self._stop = threading.Event()
        # The thread waits for the database and for this pair of sockets at once: closing one end
        # wakes it, so that it can end.
        self._bell, self._button = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="gate-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End at once."""
        self._stop.set()
        self._button.close()
        self._thread.join()
        self._bell.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except Exception as error:  # noqa: BLE001 - of whatever kind: without this thread nobody hears what others write
                self._reports.lasts(LISTENER, error)
            self._announce(EVERYTHING)
            self._stop.wait(LISTEN_SECONDS)

    def _listen(self) -> None:
        with connect(self._engine, self._url) as connection:
            try:
                self._hear(connection.connection.dbapi_connection)
            except Exception:
                # Otherwise giving the connection back would fail as well, and be logged beside the
                # cause.
                connection.invalidate()
                raise

    def _hear(self, raw: Any) -> None:
        raw.set_autocommit(True)
        raw.execute(f"LISTEN {CHANNEL}")
        self._reports.over(LISTENER)
        # What others wrote before LISTEN was not notified.
        self._announce(EVERYTHING)
        with selectors.DefaultSelector() as waiting:
            waiting.register(raw.fileno(), selectors.EVENT_READ)
            waiting.register(self._bell, selectors.EVENT_READ)
            while not self._stop.is_set():
                # Looked at before waiting: a notification that came together with the answer to
                # LISTEN has been read from the socket already, which stays silent then.
                for notification in raw.notifies(timeout=0):
                    self._announce(
                        frozenset(notification.payload.split(","))
                        if notification.payload
                        else EVERYTHING
                    )
                waiting.select(LISTEN_SECONDS)


def payload(topics: set[str]) -> str:
    """Return the topics as the text of a notification; empty if they are too many."""
    text = ",".join(sorted(topics))
    return text if len(text.encode()) <= PAYLOAD_BYTES_MAX else ""
