"""How much longer pages take when there is much: `python -m benchmarks.pages [--waiting 5000]
[--rows 1000000]`.

Two gates of one process, one with 50 changes and one with many, take turns; only the ratio of their
medians is judged.
"""

import argparse
import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from fastapi import FastAPI

from benchmarks.requests import submit_body
from benchmarks.surroundings import SERVICES, policies, say, scratch
from gate.app import create_app
from gate.config import Settings
from gate.flow.caller import Role
from gate.flow.commands import TokenCommand
from gate.flow.identity.tokens import make_token
from gate.flow.rulebooks import current_catalogue
from gate.flow.signing import make_key
from gate.storage.database.tx import Tx
from gate.storage.identity import people, sessions
from gate.storage.identity.tokens import Maker
from gate.storage.tables.packed import pack, unpack

BASE_URL = "http://gate.example.com"
FEW = 50
WAITING, ROWS = 5_000, 1_000_000
RUNS = 31
RATIO_TARGET = 1.3
VIEWER = "ben"
"""A release manager who wrote none of the changes."""

PAGES = {"queue": "/", "log": "/log"}


@dataclass(frozen=True, slots=True)
class Ratio:
    """One page, in milliseconds."""

    page: str
    few_ms: float
    many_ms: float

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        return self.many_ms <= RATIO_TARGET * self.few_ms

    def __str__(self) -> str:
        ratio = self.many_ms / self.few_ms
        return (
            f"{self.page:6} few {self.few_ms:6.1f} ms, many {self.many_ms:6.1f} ms, ratio "
            f"{ratio:.2f} (target: at most {RATIO_TARGET})"
        )


def measure(
    folder: Path, *, waiting: int = WAITING, rows: int = ROWS, runs: int = RUNS
) -> list[Ratio]:
    """Both gates, filled and asked in turn."""
    return asyncio.run(_measure(folder, waiting, rows, runs))


async def _measure(folder: Path, waiting: int, rows: int, runs: int) -> list[Ratio]:
    async with (
        _gate(folder / "few", 0, 0) as few,
        _gate(folder / "many", waiting - FEW, rows - FEW) as many,
    ):
        found = []
        for page, address in PAGES.items():
            spent: dict[str, list[float]] = {"few": [], "many": []}
            for _ in range(runs):
                for name, http in (("few", few), ("many", many)):
                    spent[name].append(await _seconds(http, address))
            found.append(Ratio(page, *(median(spent[name][1:]) * 1000 for name in ("few", "many"))))
        return found


async def _seconds(http: httpx.AsyncClient, address: str) -> float:
    begins = time.perf_counter()
    response = await http.get(address)
    if not response.is_success:
        raise RuntimeError(f"{address} answered {response.status_code}")
    return time.perf_counter() - begins


@asynccontextmanager
async def _gate(
    folder: Path, more_waiting: int, more_rows: int
) -> AsyncIterator[httpx.AsyncClient]:
    """A gate with 50 changes that wait, and so many more of both; the client is signed in."""
    path = folder / "gate.db"
    settings = _settings(folder, path)
    async with _running(settings) as (app, _):
        await _fill(app)
    _multiply(path, more_rows, "closed")
    _multiply(path, more_waiting, "pending")
    async with _running(settings) as (app, secret), _client(app, cookies={"gate": secret}) as http:
        yield http


def _client(app: FastAPI, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=BASE_URL, timeout=120, **options
    )


def _settings(folder: Path, path: Path) -> Settings:
    folder.mkdir(parents=True)
    key = folder / "gate.key"
    make_key(key, BASE_URL)
    given = {
        "database_url": f"sqlite:///{path}",
        "policies": policies(folder),
        "base_url": BASE_URL,
        "signing_key_file": key,
        "rate_limit": 0,
    }
    return Settings.read({}, **given)


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[tuple[FastAPI, str]]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app, await app.state.attached.gate.store.write(_session)


def _session(tx: Tx) -> str:
    viewer = current_catalogue(tx.conn).person_keyed(VIEWER) or VIEWER
    people.ensure(tx, viewer, "benchmark")
    return sessions.open_session(tx, viewer).secret


async def _fill(app: FastAPI) -> None:
    """Fifty changes that need somebody, submitted as pipelines do."""
    token = (
        await app.state.attached.gate.store.write(
            make_token, TokenCommand(Role.PIPELINE), None, Maker("benchmark")
        )
    ).text
    headers = {"Authorization": f"Bearer {token}"}
    async with _client(app, headers=headers) as http:
        for number in range(FEW):
            body = {
                **submit_body(SERVICES[number % len(SERVICES)]),
                "environment": "production",
                "run": {"id": str(number)},
            }
            answer = await http.post("/v1/changes", json=body)
            if answer.json().get("state") != "pending":
                raise RuntimeError(f"the change should wait for somebody: {answer.text[:300]}")


def _multiply(path: Path, more: int, state: str) -> None:
    """The same rows again and again, each a moment older than the one before: what a long life
    leaves behind.
    """
    connection = sqlite3.connect(path)
    connection.create_function("renamed", 3, _renamed)
    with connection:
        connection.execute("CREATE TEMP TABLE base AS SELECT rowid AS n, * FROM changes LIMIT 50")
        for table, change in (("changes", "id"), ("decisions", "change_id")):
            names = [
                row[1]
                for row in connection.execute(f"PRAGMA table_info({table})")
                if not (table == "decisions" and row[1] == "id")
            ]
            picked = ", ".join(_column(table, name, change, state) for name in names)
            connection.execute(
                "WITH RECURSIVE more(n) AS (SELECT 1 WHERE ? > 0 UNION ALL SELECT n + 1 "  # noqa: S608 - our own names
                f"FROM more WHERE n < ?) INSERT INTO {table} ({', '.join(map(_quoted, names))}) "
                f"SELECT {picked} FROM more JOIN (SELECT *, row_number() OVER () - 1 AS place "
                f"FROM {table} WHERE {change} IN (SELECT id FROM base)) AS one ON one.place = "
                f"more.n % {FEW}",
                (more, more),
            )
    connection.close()


def _renamed(record: bytes, change: str, copied: str) -> bytes:
    return pack(unpack(record).replace(change.encode(), copied.encode()))


def _column(table: str, name: str, change: str, state: str) -> str:
    """What a copy has of this column."""
    copied = f"'chg_' || substr('{state}', 1, 1) || printf('%025d', more.n)"
    special: dict[str, str] = {
        change: copied,
        "record": f"renamed(one.record, one.{change}, {copied})",
        "run_key": "NULL",
        "at": "one.at - more.n",
        "submitted_at": "one.submitted_at - more.n",
        "decided_at": "one.decided_at - more.n",
    }
    if table == "changes" and state != "pending":
        special |= {"state": f"'{state}'", "expires_at": "NULL"}
    return special.get(name, f"one.{_quoted(name)}")


def _quoted(name: str) -> str:
    return f'"{name}"'


def _lines(found: list[Ratio]) -> Iterator[str]:
    yield from map(str, found)
    yield "every target is met" if all(one.ok for one in found) else "a target is MISSED"


def main() -> int:
    """Ends with 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, default=WAITING)
    parser.add_argument("--rows", type=int, default=ROWS)
    arguments = parser.parse_args()
    with scratch() as folder:
        found = measure(folder, waiting=arguments.waiting, rows=arguments.rows)
    for line in _lines(found):
        say(line)
    return 0 if all(one.ok for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
