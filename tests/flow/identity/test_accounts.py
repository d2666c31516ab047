"""After any life of many changes: what is counted, what the ledger tells and what the tables hold
are the same story.
"""

import random
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from gate.core.change import FAILED_RESULTS, Result, Run
from gate.core.decision.decide import decide
from gate.core.decision.record import read as read_record
from gate.core.decision.record import subject_digest, write
from gate.errors import GateError
from gate.flow.changes import cancel
from gate.flow.commands import FreezeCommand
from gate.flow.policies import freezes
from gate.ledger.format import Entry
from gate.storage.changes import decisions
from gate.storage.database.pages import PAGE_ROWS_MAX, Part
from gate.storage.tables import schema, schema_learning
from tests.builders import SMALL, Wire
from tests.flow.shop import ADA, PIPELINE, Shop

pytestmark = pytest.mark.anyio

STEPS = 60
PLACES = [("checkout", "production"), ("web", "production"), ("checkout", "staging")]


class Life:
    """Does something at random, as often as it is told to; what is refused is a part of life."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self._shop = shop
        self._random = random.Random(seed)  # noqa: S311 - a life that can be lived again
        self._changes: list[Wire] = []
        self._runs = 0

    async def live(self, steps: int) -> None:
        """So many steps."""
        acts = (
            [self._submit] * 4
            + [self._admit] * 4
            + [self._close] * 4
            + [self._cancel, self._again, self._freeze, self._policies, self._pass]
        )
        for _ in range(steps):
            try:
                await self._random.choice(acts)()
            except GateError:
                continue
        await self._shop.round()

    async def _submit(self) -> None:
        service, environment = self._random.choice(PLACES)
        self._runs += 1
        claims = self._random.choice([SMALL, SMALL, {}, {**SMALL, "diff.lines_added": 500}])
        different: dict[str, Any] = {
            "service": service,
            "environment": environment,
            "claims": claims,
            "base": None,
        }
        self._changes.append(
            await self._shop.submit(
                self._random.choice("abcd"), run=Run(str(self._runs), 1, ""), **different
            )
        )

    def _one(self) -> Wire:
        if not self._changes:
            raise GateError("nothing yet", problem="none")
        return self._random.choice(self._changes[-6:])

    async def _admit(self) -> None:
        await self._shop.admit(self._one())

    async def _close(self) -> None:
        await self._shop.close(self._one(), self._random.choice(list(Result)))

    async def _cancel(self) -> None:
        await cancel.cancel(self._shop.gate, self._one()["id"], "", PIPELINE)

    async def _again(self) -> None:
        change = self._one()
        run = Run(change["run"]["id"], self._random.choice([1, 2]), "")
        different: dict[str, Any] = {
            "service": change["service"],
            "environment": change["environment"],
            "claims": SMALL,
        }
        self._changes.append(await self._shop.submit(change["commit"][0], run=run, **different))

    async def _freeze(self) -> None:
        made = await freezes.add(
            self._shop.gate,
            FreezeCommand("x", stop=True, services=(self._random.choice(["web", "ledger"]),)),
            ADA,
        )
        if self._random.random() < 0.8:
            await freezes.lift(self._shop.gate, made.id, ADA)

    async def _policies(self) -> None:
        await self._shop.adopt(
            parallel=self._random.choice(["allow", "refuse"]),
            valid_for=self._random.choice(["4h", "5h"]),
        )
        await self._shop.round()

    async def _pass(self) -> None:
        await self._shop.let_pass_hours(self._random.choice([1, 5, 25]))
        await self._shop.round()


def table(conn: Connection) -> list[Any]:
    """Every change."""
    return list(conn.execute(select(schema.changes)))


def of_paths(conn: Connection) -> tuple[int, int]:
    """Changes and failures of all places."""
    paths = schema_learning.path_outcomes.c
    query = select(
        func.coalesce(func.sum(paths.changes), 0), func.coalesce(func.sum(paths.failures), 0)
    ).where(paths.path == "")
    changes, failures = conn.execute(query).one()
    return changes, failures


@pytest.mark.parametrize("seed", range(3))
async def test_every_account_of_a_life_is_the_same(shop: Shop, seed: int) -> None:
    await shop.adopt(parallel="allow")
    await Life(shop, seed).live(STEPS)

    changes = await shop.gate.store.read(table)
    measures = await shop.measures()
    entries = await shop.entries()
    states = Counter(change.state for change in changes)
    admitted = [change for change in changes if change.admitted_at is not None]

    def of_kind(kind: str) -> list[Entry]:
        return [entry for entry in entries if entry.kind == kind]

    assert measures["submitted"] == len(changes)
    outcomes = sum(measures.get(outcome, 0) for outcome in ("approved", "pending", "rejected"))
    assert outcomes == len(of_kind("decision")) == len(changes) + measures.get("decided_again", 0)
    assert measures.get("admitted", 0) == len(of_kind("admission")) == len(admitted)
    closed = sum(n for measure, n in measures.items() if measure.startswith("closed_"))
    assert closed == states["closed"] == sum(change.result is not None for change in changes)
    assert measures.get("failed", 0) == sum(change.failed for change in changes)
    assert measures.get("canceled", 0) == states["canceled"] == len(of_kind("cancellation"))
    assert measures.get("expired", 0) == states["expired"] == len(of_kind("expiry"))
    assert await shop.gate.store.read(of_paths) == (len(admitted), measures.get("failed", 0))
    assert all(change.failed == (change.result in FAILED_RESULTS) for change in changes)


@pytest.mark.parametrize("seed", range(10, 12))
async def test_i7_the_ledger_tells_the_life_of_every_change(shop: Shop, seed: int) -> None:
    await Life(shop, seed).live(STEPS)

    for row in await shop.gate.store.read(table):
        story = [
            entry
            for entry in await shop.entries()
            if entry.change == row.id and entry.kind != "refusal"
        ]
        decided = [entry for entry in story if entry.kind == "decision"]
        endings = [
            entry.kind
            for entry in story
            if entry.kind in {"cancellation", "expiry"}
            or (entry.kind == "closure" and entry.fields["matched"])
        ]

        assert story[0].kind == "decision"
        assert [entry.fields["number"] for entry in decided] == list(range(1, row.decision + 1))
        assert decided[-1].fields["subject_digest"] == row.subject_digest
        admissions = [entry for entry in story if entry.kind == "admission"]
        assert len(admissions) == (row.admitted_at is not None)
        assert all(entry.fields["subject_digest"] == row.subject_digest for entry in admissions)
        final = {"canceled": "cancellation", "expired": "expiry", "closed": "closure"}.get(
            row.state
        )
        assert set(endings) == ({final} if final else set())


@pytest.mark.parametrize("seed", range(20, 22))
async def test_every_decision_is_replayed_from_its_record(small_shop: Shop, seed: int) -> None:
    await Life(small_shop, seed).live(STEPS)

    for row in await small_shop.gate.store.read(table):
        query, part = row.id, Part(PAGE_ROWS_MAX)
        for stored in (await small_shop.gate.store.read(decisions.decision_page, query, part)).rows:
            record = read_record(stored.record)
            book = await small_shop.gate.rulebooks.of(record.revisions)
            assert write(record) == stored.record
            assert decide(book.policies, record.case) == record.decision
            digest = subject_digest(
                record.subject, record.asked.planned, record.revisions.policies, record.case.facts
            )
            assert (digest, record.number) == (record.subject_digest, stored.number)
