"""The last announcement of each process on PostgreSQL, as a row of its own.

A notification may get lost: a pooler such as pgbouncer swallows all of them, and a connection that
broke has missed some. So notifications are a hint, and these rows are the truth. They are committed
together with what they announce, and every process reads those of the others twice a second.

Each process has its own row, so that two that write never wait for each other. The row counts its
announcements, and one that follows the last one read says exactly what moved. After a gap it is
unknown what moved, so everything may have.

Changes that were settled at once are announced less often than they are made: see `Announcer`.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import TypeAlias

from sqlalchemy import delete

from gate.storage.database.tx import Raw, Tx
from gate.storage.database.watch import DECIDED, EVERYTHING, Topics
from gate.storage.tables.schema_work import announcements

CHANNEL = "gate"
TOPICS_BYTES_MAX = 7_900
"""PostgreSQL refuses a notification over 8,000 bytes. A longer list is left out, and an empty one
stands for everything."""

KEPT = timedelta(days=1)
"""How long the row of a process is kept that announces nothing, because the process has ended or
makes another row."""

PUT_OFF_SECONDS = 0.4
"""How long after one announcement the next change that was settled at once is not announced."""

COMMAND = "command"
"""The one row of all short programs beside the server."""

_ANNOUNCE = f"""
WITH announced AS (
    INSERT INTO announcements (process, number, topics, at)
    VALUES (%s, 1, %s, extract(epoch FROM now()))
    ON CONFLICT (process) DO UPDATE SET
        number = announcements.number + 1, topics = excluded.topics, at = excluded.at
    RETURNING process, number, topics
)
SELECT pg_notify('{CHANNEL}', process || ' ' || number || ' ' || topics) FROM announced
"""  # noqa: S608 - a constant of our own

_ALL = "SELECT process, number, topics FROM announcements WHERE process <> %s"

Row: TypeAlias = tuple[str, int, str]
"""A process, how often it announced, and its last announcement."""


def announce(tx: Tx, process: str, topics: AbstractSet[str]) -> None:
    """Announce what this transaction moved; heard after its commit, and only then.

    SQLite counts by itself what other processes commit.
    """
    if topics and tx.is_postgres:
        tx.execute(_ANNOUNCE, (process, _written(topics)))


class Announcer:
    """Announces to the other processes what this one writes.

    A change that was settled at once is announced together with what follows it, or a moment later.
    Announcing each of them would wake every process that listens, the one that decided included,
    and NOTIFY makes the commits of all processes wait for each other.
    """

    def __init__(self, process: str, now: Callable[[], float] = time.monotonic) -> None:
        self._process, self._now = process, now
        self._announced_at = -math.inf
        # A change was settled at once, and no announcement of that is known to be committed.
        self._owes = False
        self._is_sent = False

    def owes(self, *, at_the_end: bool) -> bool:
        """Return whether something has to be announced now, even if nothing more is written.

        At the end of the process nothing can be put off.
        """
        return self._owes and (at_the_end or self._is_over)

    def announce(self, tx: Tx) -> None:
        """Announce what this transaction moved, and what was put off before."""
        if not tx.is_postgres:
            return
        self._owes = self._owes or DECIDED in tx.topics
        topics = tx.topics | {DECIDED} if self._owes else tx.topics
        self._is_sent = bool(topics) and (tx.topics != {DECIDED} or self._is_over)
        if self._is_sent:
            announce(tx, self._process, topics)

    def committed(self) -> None:
        """Note that the transaction of the last announcement was committed."""
        if self._is_sent:
            self._owes, self._announced_at = False, self._now()

    @property
    def _is_over(self) -> bool:
        """Whether the last announcement is so old that nothing is put off any more."""
        return self._now() - self._announced_at >= PUT_OFF_SECONDS


def forget_old(tx: Tx) -> None:
    """Delete the rows of processes that have ended long ago."""
    before = int((tx.now - KEPT).timestamp())
    tx.conn.execute(delete(announcements).where(announcements.c.at < before))


class Heard:
    """The announcements of the other processes that were read."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._numbers: Mapping[str, int] = {}

    def ask(self, raw: Raw) -> Topics:
        """Ask the database, and return what has moved since the last time."""
        return self.read(raw.execute(_ALL, (self._process,)).fetchall())

    def read(self, rows: Iterable[Row]) -> Topics:
        """Return what has moved according to the rows of all others."""
        moved: Topics = frozenset()
        numbers: dict[str, int] = {}
        for process, number, topics in rows:
            moved |= self._news(process, number, topics)
            numbers[process] = number
        # A row that is gone may begin again from 1.
        self._numbers = numbers
        if moved >= EVERYTHING:
            return EVERYTHING
        return moved

    def notified(self, text: str) -> Topics:
        """Return what has moved according to a notification."""
        process, _, rest = text.partition(" ")
        number, _, topics = rest.partition(" ")
        if not number.isdecimal():
            return EVERYTHING
        # The rows may have told more than this notification already.
        if process == self._process or int(number) < self._numbers.get(process, 0):
            return frozenset()
        moved = self._news(process, int(number), topics)
        self._numbers = {**self._numbers, process: int(number)}
        return moved

    def _news(self, process: str, number: int, topics: str) -> Topics:
        heard = self._numbers.get(process, 0)
        if number == heard:
            return frozenset()
        if number == heard + 1 and topics:
            return frozenset(topics.split(","))
        return EVERYTHING


def _written(topics: AbstractSet[str]) -> str:
    text = ",".join(sorted(topics))
    return text if len(text.encode()) <= TOPICS_BYTES_MAX else ""
