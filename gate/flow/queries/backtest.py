"""Other policies tried on what was deployed: what they would have let pass or held up, and what of
that failed.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from gate.core.decision import record as records
from gate.core.learning.backtest import SHARES, BackTest, Count, Past, back_test
from gate.core.policy.set import Policies, read_policies
from gate.errors import Invalid
from gate.flow.answers.backtest import BacktestAnswer, CaughtAnswer, FiredAnswer, OutcomeCount
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.storage.figures.deployed import Deployed, deployed_between

DAYS_DEFAULT = 90
DAYS_MAX = 3_650
CHANGES_MAX = 20_000
"""So many of the newest changes a server looks at for one question: some seconds of one processor,
which it shares with the decisions of that time."""


@dataclass(frozen=True, slots=True)
class BacktestCommand:
    """The files of the candidate, of which only policies count, and the time to try them on.

    Without a beginning it is the last `DAYS_DEFAULT` days.
    """

    files: Mapping[str, str]
    begins: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """Two sets of policies, and the changes that both are tried on: the newest `limit` of a
    time.
    """

    in_force: Policies
    candidate: Policies
    begins: datetime
    ends: datetime
    limit: int = CHANGES_MAX


async def backtest(gate: Gate, command: BacktestCommand, by: Caller) -> BacktestAnswer:
    """Nothing is recorded. Raises `Invalid` with every fault of the files, and for a time that is
    empty or too long; `RateLimited` and `Unavailable` as `Turns.take`.
    """
    # Every signed-in person may read every decision, but none of them may use up the server.
    return await gate.turns.take(by, partial(_backtest, gate, command))


async def _backtest(gate: Gate, command: BacktestCommand) -> BacktestAnswer:
    ends = command.ends or gate.clock()
    begins = command.begins or ends - timedelta(days=DAYS_DEFAULT)
    if not timedelta(0) < ends - begins <= timedelta(days=DAYS_MAX):
        raise Invalid(f"`from` must be earlier than `to`, by at most {DAYS_MAX} days")
    candidate = await asyncio.to_thread(read_policies, command.files)
    in_force = (await gate.rulebooks.current()).policies
    return await gate.store.read_slowly(tried, Trial(in_force, candidate, begins, ends))


def tried(conn: Connection, trial: Trial) -> BacktestAnswer:
    """Decide every change of the time again, by both."""
    found = _Oldest()
    test = back_test(trial.in_force, trial.candidate, found.pasts(conn, trial))
    return BacktestAnswer(
        from_=found.at if test.all.changes == trial.limit and found.at else trial.begins,
        to=trial.ends,
        candidate=trial.candidate.revision,
        in_force=trial.in_force.revision,
        changes=test.all.changes,
        failed=test.all.failed,
        newly_approved=_count(test.newly_approved),
        newly_escalated=_count(test.newly_escalated),
        curve=_curve(test),
        rules=tuple(
            FiredAnswer(one.policy, one.rule, one.count.changes, one.count.failed, one.lift)
            for one in test.rules
        ),
    )


class _Oldest:
    """Reads the changes newest first, and keeps when the last one of them was asked for."""

    def __init__(self) -> None:
        self.at: datetime | None = None

    def pasts(self, conn: Connection, trial: Trial) -> Iterator[Past]:
        for one in deployed_between(conn, trial.begins, trial.ends, trial.limit):
            self.at = one.submitted_at
            yield _past(one)


def _past(one: Deployed) -> Past:
    return Past(records.read(one.record).case, one.failed)


def _count(count: Count) -> OutcomeCount:
    return OutcomeCount(count.changes, count.failed)


def _curve(test: BackTest) -> tuple[CaughtAnswer, ...]:
    return tuple(
        CaughtAnswer(share, test.candidate.recall(share), test.in_force.recall(share))
        for share in SHARES
    )
