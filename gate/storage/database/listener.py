"""Listening on PostgreSQL to announcements of what other processes wrote."""

import selectors
import socket
import threading
import time
from typing import Any

from sqlalchemy import Engine

from gate.storage.database.announcements import CHANNEL, Heard
from gate.storage.database.engine import connect
from gate.storage.database.pooler import settings_again
from gate.storage.database.reports import LISTENER, Reports
from gate.storage.database.watch import EVERYTHING, Callback, Topics

ASK_SECONDS = 0.5
"""How often the announcements of others are asked for, whether or not there was a notification."""


class Listener:
    """A thread that finds out what other processes wrote to PostgreSQL.

    It is notified at once, and asks for the rows of all announcements twice a second. After a time
    without a connection it announces `EVERYTHING`. `hears` says whether it is connected.
    """

    def __init__(
        self, engine: Engine, url: str, process: str, announce: Callback, reports: Reports
    ) -> None:
        self._engine, self._url, self._announce, self._reports = engine, url, announce, reports
        self._heard = Heard(process)
        self.hears = False
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
                self.hears = False
                self._reports.lasts(LISTENER, error)
            self._announce(EVERYTHING)
            self._stop.wait(ASK_SECONDS)

    def _listen(self) -> None:
        with connect(self._engine, self._url) as connection:
            try:
                # Behind a pooler nothing can be heard, and everything is asked for.
                is_pooled = settings_again(connection) is not None
                self._hear(connection.connection.dbapi_connection, listens=not is_pooled)
            except Exception:
                # Otherwise giving the connection back would fail as well, and be logged beside the
                # cause.
                connection.invalidate()
                raise

    def _hear(self, raw: Any, *, listens: bool) -> None:
        raw.set_autocommit(True)
        if listens:
            raw.execute(f"LISTEN {CHANNEL}")
        # What others wrote before LISTEN was not notified.
        self._heard.ask(raw)
        self.hears = True
        self._reports.over(LISTENER)
        self._announce(EVERYTHING)
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._bell, selectors.EVENT_READ)
            if listens:
                waiting.register(raw.fileno(), selectors.EVENT_READ)
            asked_at = time.monotonic()
            while not self._stop.is_set():
                # Looked at before waiting: a notification that came together with an answer has
                # been read from the socket already, which stays silent then.
                for notification in raw.notifies(timeout=0) if listens else ():
                    self._pass_on(self._heard.notified(notification.payload))
                if time.monotonic() - asked_at >= ASK_SECONDS:
                    asked_at = time.monotonic()
                    self._pass_on(self._heard.ask(raw))
                waiting.select(max(0.0, asked_at + ASK_SECONDS - time.monotonic()))

    def _pass_on(self, moved: Topics) -> None:
        if moved:
            self._announce(moved)
