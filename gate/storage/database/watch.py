"""Who wants to know that something was written, by this process or by another one, and how they
hear of it.
"""

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
"""A longer notification than 8,000 bytes is refused by PostgreSQL; without a list it stands for
everything."""

EVERYTHING = frozenset({"*"})
"""Something was written, and nobody knows what."""

LISTEN_SECONDS = 0.5
Topics: TypeAlias = frozenset[str]
Callback: TypeAlias = Callable[[Topics], None]


class Audience:
    """Callbacks, each called in the event loop it was registered in, before whoever wrote gets an
    answer.
    """

    def __init__(self) -> None:
        self._callbacks: list[tuple[asyncio.AbstractEventLoop, Callback]] = []

    def register(self, callback: Callback) -> None:
        """Call this from now on, in the running event loop."""
        self._callbacks.append((asyncio.get_running_loop(), callback))

    def announce(self, topics: Topics) -> None:
        """From any thread."""
        for loop, callback in self._callbacks:
            post(loop, callback, topics)


class Listener:
    """A thread that hears what other processes wrote to PostgreSQL.

    Without a connection everything may have changed.
    """

    def __init__(self, engine: Engine, url: str, announce: Callback, reports: Reports) -> None:
        self._engine, self._url, self._announce, self._reports = engine, url, announce, reports
        self._stop = threading.Event()
        # The thread waits for the database and for this at once, so that it ends when it should.
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
                # or giving it back fails once more, and that is logged beside the cause
                connection.invalidate()
                raise

    def _hear(self, raw: Any) -> None:
        raw.set_autocommit(True)
        raw.execute(f"LISTEN {CHANNEL}")
        self._reports.over(LISTENER)
        # What was said before is lost.
        self._announce(EVERYTHING)
        with selectors.DefaultSelector() as waiting:
            waiting.register(raw.fileno(), selectors.EVENT_READ)
            waiting.register(self._bell, selectors.EVENT_READ)
            while not self._stop.is_set():
                # Before it waits: what came together with the answer to LISTEN is read already.
                for notification in raw.notifies(timeout=0):
                    self._announce(
                        frozenset(notification.payload.split(","))
                        if notification.payload
                        else EVERYTHING
                    )
                waiting.select(LISTEN_SECONDS)


def payload(topics: set[str]) -> str:
    """The topics as a notification carries them."""
    text = ",".join(sorted(topics))
    return text if len(text.encode()) <= PAYLOAD_BYTES_MAX else ""
