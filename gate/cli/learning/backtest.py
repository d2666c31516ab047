"""`gate policy backtest`: what a folder of policies would have decided about what was deployed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gate.cli.database import reading
from gate.cli.learning.files import map_in
from gate.cli.learning.histories import CHANGES_MAX, PastRows
from gate.core.counting import counted
from gate.core.durations import ALLOWED, read_duration
from gate.core.learning.backtest import back_test_rows
from gate.core.policy.set import Policies, read_policies
from gate.errors import Invalid
from gate.flow.answers.backtest import BacktestAnswer, FiredAnswer, OutcomeCount, TriedOn
from gate.flow.answers.written import indented, named
from gate.flow.folder import read_folder
from gate.flow.queries.backtest import DAYS_MAX, Trial, tried, written
from gate.flow.rulebooks import current_rulebook


def of_records(candidate: Path, since: str, *, imported: bool) -> BacktestAnswer:
    """Try the candidate on the gate's own log, or on what was imported.

    Raises `Invalid` for a folder or a time that cannot be understood, and `NotFound` where there is
    no database.
    """
    seconds = read_duration(since)
    if seconds is None:
        raise Invalid(f"--since: found {since}, allowed is {ALLOWED}")
    policies = read_policies(read_folder(candidate))
    ends = datetime.now(UTC)
    begins = ends - min(timedelta(seconds=seconds), timedelta(days=DAYS_MAX))
    history = TriedOn.IMPORTED if imported else TriedOn.LOG
    with reading() as conn:
        book = current_rulebook(conn)
        return tried(conn, Trial(book, policies, begins, ends, CHANGES_MAX, history))


def of_table(
    candidate: Path, against: Path | None, table: Path, column_map: Path, label: str
) -> BacktestAnswer:
    """Try the candidate on the rows of a table, read one after the other.

    Raises `Invalid` for what cannot be read, and `NotFound` where neither a folder to compare with
    nor a database is there.
    """
    policies = read_policies(read_folder(candidate))
    in_force = _in_force() if against is None else read_policies(read_folder(against))
    rows = PastRows(table, map_in(column_map), label, (in_force, policies))
    test = back_test_rows(in_force, policies, rows)
    return written(test, in_force, policies, TriedOn.TABLE)


def _in_force() -> Policies:
    with reading() as conn:
        return current_rulebook(conn).policies


def say(found: BacktestAnswer, candidate: Path, *, as_json: bool) -> None:
    """Print the figures."""
    if as_json:
        print(indented(named(found)))
        return
    for line in _lines(found, candidate):
        print(line)


def _lines(found: BacktestAnswer, candidate: Path) -> Iterator[str]:
    since = f"since {found.from_:%Y-%m-%d} " if found.from_ else ""
    what = {
        TriedOn.LOG: f"that were deployed {since}and have ended",
        TriedOn.IMPORTED: f"that were imported, deployed {since}and never admitted by the gate",
        TriedOn.TABLE: "of the table; facts that it does not name are unknown",
    }
    yield (
        f"{candidate} against what is in force, on {counted(found.changes, 'change')} "
        f"{what[found.history]}; {found.failed} of them failed"
    )
    if not found.changes:
        return
    yield ""
    yield f"newly approved by itself:  {_counted(found.newly_approved)}"
    yield f"newly escalated to people: {_counted(found.newly_escalated)}"
    yield ""
    yield "failures caught when the riskiest changes are escalated"
    yield "  escalated  candidate  in force"
    for point in found.curve:
        yield (
            f"  {point.escalated_share:>8.0%}  {_share(point.caught_share):>9}"
            f"  {_share(point.caught_share_in_force):>8}"
        )
    yield ""
    yield "rules of the candidate: how often each gave points, and what came of it"
    for rule in found.rules:
        yield f"  {_rule(rule)}"


def _counted(count: OutcomeCount) -> str:
    return f"{counted(count.count, 'change')}, of which {count.failed} failed"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _rule(rule: FiredAnswer) -> str:
    name = f"{rule.policy}/{rule.rule}"
    if not rule.fired:
        return f"{name}: never"
    lift = "" if rule.lift is None else f", {rule.lift:.2f} x the rate of all"
    well = rule.fired - rule.failed
    return f"{name}: {counted(rule.fired, 'change')}, {rule.failed} failed{lift}; {well} went well"
