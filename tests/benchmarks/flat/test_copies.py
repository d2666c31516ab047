"""A filled database is like one whose decisions were all decided."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from benchmarks.flat import lives
from benchmarks.flat.__main__ import QUESTIONS
from benchmarks.flat.copies import COPIED, DAYS, SUMMED, SUMMED_BY_DAY, SUMMED_BY_WEEK
from benchmarks.flat.databases import WAITING, fill_with, filled
from benchmarks.surroundings import policies
from gate.cli.ledger.exports import verify_database
from gate.cli.ledger.offline import VERIFIED
from gate.config import Settings
from gate.flow.signing import read_key
from gate.storage.database.engine import connect, open_engine
from gate.storage.tables import schema, schema_delivery
from gate.storage.tables.schema import metadata

PATTERN, COPIES = 10, 50
"""More copies than days, so that some days have two."""

OTHERS = frozenset(
    {
        *("catalogue_people", "in_force", "policy_changes", "policy_sets", "tokens", "secrets"),
        *("ledger_head", "tiles", "checkpoints", "announcements", "leases"),
    }
)
"""Tables that hold nothing of a change, or what the sealer makes of the entries."""

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def given(tmp_path: Path, database_url: str) -> Settings:
    """A gate with the policies of the benchmark, once on each database."""
    return lives.settings(tmp_path, database_url, policies(tmp_path))


async def test_every_question_is_answered_and_the_ledger_has_no_fault(
    given: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, decided = given.database, PATTERN * (COPIES + 1)
    async with filled(tmp_path, url, given.policies, decisions=decided, pattern=PATTERN) as gate:
        assert gate.decisions == decided
        for name, ask in QUESTIONS.items():
            answer = await ask(gate, 1)
            assert answer.is_success, f"{name}: {answer.text}"
        for change, _, _ in gate.changes[::40]:
            replayed = (await gate.auditor.get(f"/v1/changes/{change}/replay")).json()
            assert replayed["same"], replayed

    monkeypatch.setenv("GATE_DATABASE_URL", url)
    key = read_key(tmp_path / "gate.key", lives.BASE_URL)
    assert key is not None
    assert await asyncio.to_thread(verify_database, [str(key.verifier)], []) == VERIFIED


async def test_the_figures_are_those_of_so_many_lives(given: Settings) -> None:
    async with lives.running(given) as app:
        await lives.live(app, PATTERN)
    with _reading(given) as conn:
        before = _figures(conn)

    fill_with(given, COPIES)

    with _reading(given) as conn:
        assert _figures(conn) == {
            name: Counter({key: n * (COPIES + 1) for key, n in counted.items()})
            for name, counted in before.items()
        }
        assert _deployed(conn) == _figures(conn)["delivery_days"]
        for column in (schema.changes.c.id, schema.changes.c.commit_sha, schema.changes.c.run_id):
            assert conn.scalar(select(func.count(column.distinct()))) == PATTERN * (COPIES + 1)


async def test_no_table_that_a_life_writes_is_left_out(given: Settings) -> None:
    async with lives.running(given) as app:
        await lives.live(app, PATTERN)

    with _reading(given) as conn:
        written = {
            name
            for name, table in metadata.tables.items()
            if conn.scalar(select(func.count()).select_from(table))
        }
    summed = (*SUMMED, *SUMMED_BY_DAY, *SUMMED_BY_WEEK)
    assert written - OTHERS == {one.name for one in (*COPIED, *summed)}


async def test_copies_lie_on_each_of_the_forty_days_before_and_wait_for_nobody(
    given: Settings, tmp_path: Path
) -> None:
    url, decided = given.database, PATTERN * (COPIES + 1)
    async with filled(tmp_path, url, given.policies, decisions=decided, pattern=PATTERN):
        pass

    with _reading(given) as conn:
        c = schema.changes.c
        states = Counter(conn.scalars(select(c.state)))
        days = sorted({at.date() for at in conn.scalars(select(c.submitted_at))})
    assert states == {"closed": 9 * (COPIES + 1), "canceled": COPIES + 1, "pending": WAITING}
    assert len(days) == DAYS + 1
    assert (days[-1] - days[0]).days == DAYS


@contextmanager
def _reading(given: Settings) -> Iterator[Connection]:
    engine = open_engine(given.database, read_only=True)
    with closing(connect(engine, given.database)) as conn:
        yield conn
    engine.dispose()


def _figures(conn: Connection) -> dict[str, Counter[tuple[Any, ...]]]:
    """What is counted, by everything but the day or week."""
    found: dict[str, Counter[tuple[Any, ...]]] = {}
    for table, counting in {**SUMMED, **SUMMED_BY_DAY, **SUMMED_BY_WEEK}.items():
        kinds = [
            column
            for column in table.primary_key.columns
            if column.name not in {"day", "week", *counting}
        ]
        counted: Counter[tuple[Any, ...]] = Counter()
        for row in conn.execute(select(*kinds, *(table.c[name] for name in counting))):
            for name, n in zip(counting, row[len(kinds) :], strict=True):
                counted[(*row[: len(kinds)], name)] += int(n)
        found[table.name] = counted
    return found


def _deployed(conn: Connection) -> Counter[tuple[Any, ...]]:
    """The same as `delivery_days`, added up from what every change has added."""
    o = schema_delivery.outcomes.c
    kind = (o.service, o.environment, o.route, o.band, o.policy, o.standard_change)
    counted: Counter[tuple[Any, ...]] = Counter()
    for row in conn.execute(select(*kind, o.deployments, o.failed, o.reworked)):
        for name, n in zip(("deployments", "failed", "rework"), row[len(kind) :], strict=True):
            counted[(*row[: len(kind)], name)] += n
    return counted
