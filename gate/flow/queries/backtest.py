"""Backtests: a candidate's policies are tried on past deployments, to see which it would have
approved or held up, and which of those failed.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from gate.core.decision import record as records
from gate.core.learning.backtest import SHARES, BackTest, Count, Past, back_test
from gate.core.policy.set import Policies, read_policies
from gate.flow.answers.backtest import (
    BacktestAnswer,
    CaughtAnswer,
    FiredAnswer,
    OutcomeCount,
    TriedOn,
)
from gate.flow.caller import Caller
from gate.flow.gate import Gate
from gate.flow.queries.rehearsal import rehearse
from gate.flow.queries.times import short_time_of
from gate.flow.rulebooks import Rulebook
from gate.storage.figures import past
from gate.storage.figures.deployed import deployed_between
from gate.storage.figures.past import DEPLOYMENTS_MAX

DAYS_DEFAULT = 90
DAYS_MAX = 3_650
CHANGES_MAX = 20_000
"""The most changes one backtest looks at, newest first. They take some seconds of one processor,
which decisions need at the same time."""

PLACES_MAX = CHANGES_MAX // DEPLOYMENTS_MAX
"""The most places of an imported history that are replayed, those with the newest deployments."""


@dataclass(frozen=True, slots=True)
class BacktestCommand:
    """The files of the candidate, and what to try them on. Only the policies among the files count.

    Without a beginning, the time is the last `DAYS_DEFAULT` days.
    """

    files: Mapping[str, str]
    begins: datetime | None = None
    ends: datetime | None = None
    history: TriedOn = TriedOn.LOG


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate, the rules in force, and the changes on which both are tried: the newest `limit`
    of a time.
    """

    book: Rulebook
    candidate: Policies
    begins: datetime
    ends: datetime
    limit: int = CHANGES_MAX
    history: TriedOn = TriedOn.LOG


async def backtest(gate: Gate, command: BacktestCommand, by: Caller) -> BacktestAnswer:
    """Return how the candidate compares with the policies in force. Nothing is recorded.

    Raises `Invalid` with every fault of the files, or for a time that is empty or too long, and
    `RateLimited` or `Unavailable` as `Turns.take` does.
    """
    # Every signed-in person may read every decision, but none of them may use up the server.
    return await gate.turns.take(by, partial(_backtest, gate, command))


async def _backtest(gate: Gate, command: BacktestCommand) -> BacktestAnswer:
    now = gate.clock()
    begins, ends = short_time_of(command, now, usual_days=DAYS_DEFAULT, days_max=DAYS_MAX)
    candidate = await asyncio.to_thread(read_policies, command.files)
    book = await gate.rulebooks.current()
    trial = Trial(book, candidate, begins, ends, history=command.history)
    return await gate.store.read_slowly(tried, trial)


def tried(conn: Connection, trial: Trial) -> BacktestAnswer:
    """Return the backtest of all changes of the time, each decided again by both policy sets."""
    found = _Oldest()
    pasts = imported if trial.history is TriedOn.IMPORTED else found.pasts
    in_force = trial.book.policies
    test = back_test(in_force, trial.candidate, pasts(conn, trial))
    whole = written(test, in_force, trial.candidate, trial.history)
    begins = found.at if test.all.changes == trial.limit and found.at else trial.begins
    return replace(whole, from_=begins, to=trial.ends)


def written(
    test: BackTest, in_force: Policies, candidate: Policies, history: TriedOn
) -> BacktestAnswer:
    """Return the backtest as an answer, without the time that it covers."""
    return BacktestAnswer(
        history=history,
        from_=None,
        to=None,
        candidate=candidate.revision,
        in_force=in_force.revision,
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
    """A reader of changes, newest first, that keeps when the last one it read was submitted."""

    def __init__(self) -> None:
        self.at: datetime | None = None

    def pasts(self, conn: Connection, trial: Trial) -> Iterator[Past]:
        for one in deployed_between(conn, trial.begins, trial.ends, trial.limit):
            self.at = one.submitted_at
            yield Past(records.read(one.record).case, one.failed)


def imported(conn: Connection, trial: Trial) -> Iterator[Past]:
    """Yield the imported deployments of the time, place after place.

    Each deployment is decided with the history before it, by the policies in force, as if the gate
    had been asked. It was never admitted, so no standard change is earned and nothing is recorded.
    """
    for service, environment in past.places(conn, PLACES_MAX):
        deployments = past.deployments(conn, service, environment, trial.ends)
        incidents = past.incidents(conn, service, environment)
        for one in rehearse(trial.book, deployments, incidents).done:
            if one.deployment.began_at >= trial.begins:
                yield Past(one.case, one.failed_at is not None)


def _count(count: Count) -> OutcomeCount:
    return OutcomeCount(count.changes, count.failed)


def _curve(test: BackTest) -> tuple[CaughtAnswer, ...]:
    return tuple(
        CaughtAnswer(share, test.candidate.recall(share), test.in_force.recall(share))
        for share in SHARES
    )
