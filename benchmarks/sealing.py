"""The ledger of a gate that decides as fast as it can: how long entries wait until they are sealed,
and then an export of them beside a bare fetch of the same rows. `python -m benchmarks.sealing`;
ends with 1 when a target is missed.

A look at the database every 20 ms says how old its oldest unsealed entry is.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from sqlalchemy import Connection, Engine, func, select

from benchmarks import fsync
from benchmarks.decisions.servers import Contender, gates
from benchmarks.surroundings import say, scratch
from gate.core.instants import from_us
from gate.storage.database.engine import connect, open_engine
from gate.storage.ledger.exporting import block_lines, extent
from gate.storage.tables.schema import decisions, ledger_entries

CONNECTIONS = 64
SECONDS = 20.0
LAG_P99_SECONDS_MAX = 2.0
EXPORT_RATE_MIN = 0.6
"""Entries a second, for one of a bare fetch."""

LOOK_EVERY_SECONDS = 0.02
ROWS_AT_ONCE = 256
TURNS = 5


def _lags(engine: Engine, url: str, enough: threading.Event, seen: list[float]) -> None:
    """Note the age of the oldest unsealed entry until it is enough."""
    oldest = select(func.min(ledger_entries.c.at)).where(ledger_entries.c.index.is_(None))
    with connect(engine, url) as conn:
        while not enough.wait(LOOK_EVERY_SECONDS):
            at = conn.execute(oldest).scalar()
            conn.rollback()
            seen.append(0.0 if at is None else (datetime.now(UTC) - from_us(at)).total_seconds())


def _sealing(one: Contender, seconds: float) -> bool:
    url = one.server.database_url
    engine = open_engine(url, read_only=True)
    enough, seen = threading.Event(), list[float]()
    watch = threading.Thread(target=_lags, args=(engine, url, enough, seen))
    watch.start()
    try:
        one.burst(CONNECTIONS, seconds)
    finally:
        enough.set()
        watch.join()
    p99 = quantiles(seen, n=100)[98]
    (burst,) = one.bursts[CONNECTIONS]
    say(
        f"{one.name:10} {burst.per_second:.0f} decisions a second: the oldest unsealed entry was "
        f"{median(seen):.2f} s old (p50), {p99:.2f} s (p99, target: at most "
        f"{LAG_P99_SECONDS_MAX:.0f}), by {len(seen)} looks"
    )
    return p99 <= LAG_P99_SECONDS_MAX


def _exporting(one: Contender, folder: Path) -> bool:
    url = one.server.database_url
    with connect(open_engine(url, read_only=True), url) as conn:
        whole = extent(conn)

        def exported() -> None:
            with (folder / "export.ndjson").open("wb") as file:
                for block in range(whole.blocks):
                    file.write(b"".join(block_lines(conn, whole, block)))
                    conn.rollback()

        def fetched() -> None:
            with (folder / "fetched").open("wb") as file:
                for rows in _rows(conn, whole.size):
                    file.writelines(rows)
            conn.rollback()

        turns = [(_timed(fetched), _timed(exported)) for _ in range(TURNS)]
    bare = median(fetch for fetch, _ in turns)
    export = median(whole_export for _, whole_export in turns)
    say(
        f"{one.name:10} export of {whole.size:,} entries {export:.2f} s, bare fetch {bare:.2f} s: "
        f"{bare / export:.2f} of its rate (target: at least {EXPORT_RATE_MIN})"
    )
    return bare / export >= EXPORT_RATE_MIN


def _rows(conn: Connection, size: int) -> Iterator[list[bytes]]:
    """What an export is made of: entries by their index, and every column of the decisions."""
    index = ledger_entries.c.index
    for begin in range(0, size, ROWS_AT_ONCE):
        some = select(ledger_entries).where(index >= begin, index < begin + ROWS_AT_ONCE)
        yield [bytes(row.body) for row in conn.execute(some)]
    found = conn.execution_options(yield_per=ROWS_AT_ONCE).execute(select(decisions))
    for part in found.partitions():
        yield [bytes(row.record) for row in part]


def _timed(act: Callable[[], None]) -> float:
    begins = time.perf_counter()
    act()
    return time.perf_counter() - begins


def main() -> int:
    """Both databases, one after the other, with the disk beside them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of load on each database")
    asked = parser.parse_args()
    with scratch() as folder:
        say(fsync.measure(folder))
        with gates(folder) as both:
            met = [
                act
                for one in both
                for act in (_sealing(one, asked.seconds), _exporting(one, folder))
            ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
