"""Programs that `test_crash.py` starts and kills: each records units and tells on its standard
output what was acknowledged.
"""

import asyncio
import itertools
import os
import resource
import shutil
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from gate.errors import Unavailable
from gate.storage.changes.units import Unit
from gate.storage.database.engine import sqlite_path
from gate.storage.database.rows import MessageRow
from gate.storage.database.tx import Tx
from gate.storage.store import Store
from tests.storage.making import AT, make_unit

AT_ONCE = 16
STATEMENTS_MAX = 200
"""Far more than a unit takes."""

FREE_BYTES = 100_000


def unit(number: int) -> Unit:
    """A unit with a row in every table."""
    made = make_unit(number, key=f"k{number}")
    return make_unit(
        number,
        key=f"k{number}",
        messages=(MessageRow(f"m{number}", AT, "chat", made.change.id, b"{}", AT),),
    )


async def load(url: str, begin: int) -> None:
    """Record from that number on, until somebody ends the process."""
    store, numbers = Store.open(url), itertools.count(begin)

    async def one_after_another() -> None:
        for number in numbers:
            await store.record(unit(number))
            os.write(1, f"{number}\n".encode())

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))


def die_under_load(url: str, kills: Sequence[int]) -> None:
    """One child after another, each killed after so many acknowledgements.

    Tells all that there were.
    """
    for turn, kill_after in enumerate(kills):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(writing, 1)
            asyncio.run(load(url, turn * 10_000))
        os.close(writing)
        with os.fdopen(reading, "rb") as lines:
            acknowledged = [lines.readline() for _ in range(kill_after)]
            os.kill(child, signal.SIGKILL)
            acknowledged += lines.readlines()
        os.waitpid(child, 0)
        os.write(1, b"".join(line for line in acknowledged if line.endswith(b"\n")))


async def die_at(url: str, statement: int) -> None:
    """Record one unit, and be killed when that statement begins."""
    store = Store.open(url)
    await store.write(_count_down, statement)
    await store.record(unit(1))


def die_at_each(template: str, folder: str) -> None:
    """One child for each statement, each with a database of its own, until one ends by itself."""
    for statement in range(1, STATEMENTS_MAX + 1):
        path = Path(folder) / f"{statement:03}.sqlite"
        shutil.copy(template, path)
        child = os.fork()
        if child == 0:
            asyncio.run(die_at(f"sqlite:///{path}", statement))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        os.write(1, f"{'killed' if os.WIFSIGNALED(status) else 'ended'}\n".encode())
        if not os.WIFSIGNALED(status):
            return


async def break_disk(url: str) -> None:
    """Record until the file may not grow: the write of a page fails, which is no full disk.

    Tells what follows.
    """
    store = Store.open(url)
    await store.record(unit(1))
    _limit_growth(Path(f"{sqlite_path(url)}-wal"))
    try:
        for number in itertools.count(2):
            await store.record(unit(number))
            os.write(1, f"{number}\n".encode())
    except Unavailable as error:
        os.write(
            1, f"{error.detail}\n{store.failed is not None}\n{await store.unready()}\n".encode()
        )
    try:
        await store.record(unit(1))
    except Unavailable:
        os.write(1, b"refused\n")
    os._exit(0)


def _limit_growth(file: Path) -> None:
    most = file.stat().st_size + FREE_BYTES
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def _count_down(tx: Tx, statements: int) -> None:
    left = itertools.count(statements + 1, -1)  # the first is the end of this very transaction

    def count(_: str) -> None:
        if threading.current_thread().name == "gate-writer" and next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    cast("sqlite3.Connection", tx.conn.connection.dbapi_connection).set_trace_callback(count)


if __name__ == "__main__":
    what, argument, *more = sys.argv[1:]
    if what == "load":
        die_under_load(argument, [int(kill_after) for kill_after in more])
    elif what == "die-at-each":
        die_at_each(argument, more[0])
    else:
        asyncio.run(break_disk(argument))
