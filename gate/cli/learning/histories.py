"""Histories of changes and failures, from a table or from the gate's own log."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import MappingProxyType

from gate.cli.database import reading
from gate.cli.learning.files import lines_of, map_in
from gate.core.decision import record as records
from gate.core.decision.evaluate import plan_of, seen_by
from gate.core.facts import Value
from gate.core.learning.backtest import PastRow
from gate.core.learning.map import ColumnMap
from gate.core.learning.slots import Change, judge_of
from gate.core.learning.table import boolean, read_rows
from gate.core.policy.policy import Policy
from gate.core.policy.set import Policies
from gate.errors import Fault, Invalid
from gate.storage.figures.deployed import newest_deployed

CHANGES_MAX = 1_000_000
"""The most changes of a history. Each takes about 200 bytes of memory."""

SERVICE = "service.name"
PRODUCTION_PLACE: Mapping[str, Value] = MappingProxyType(
    {"environment.name": "production", "environment.tier": "production"}
)


@dataclass(frozen=True, slots=True)
class History:
    """Changes in the order of time, and how many had no outcome and were left out."""

    changes: list[Change]
    left_out: int = 0


def of_table(table: Path, column_map: Path, label: str, policy: Policy) -> History:
    """Return the history in a table. `label` is the column that says whether a change failed.

    Raises `Invalid` for a table that cannot be read.
    """
    mapped = map_in(column_map)
    plan, judge = plan_of(policy), judge_of(policy)
    facts = frozenset((*plan.trusted, *plan.doubted, SERVICE))
    keep = (label, *(column for column in (mapped.order, mapped.at, mapped.known_at) if column))
    ordered: list[tuple[Decimal, Change]] = []
    left_out = 0
    for row in read_rows(lines_of(table), str(table), mapped, facts=facts, keep=keep):
        where = f"{table}:{row.line}"
        if not row.kept[0].strip():
            left_out += 1
            continue
        if len(ordered) == CHANGES_MAX:
            raise _refused(where, f"found more than {CHANGES_MAX} changes; leave out the oldest")
        failed = _label(row.kept[0].strip(), label, where)
        cells = dict(zip(keep[1:], row.kept[1:], strict=True))
        order = _time(cells, mapped.order, where)
        at, known_at = _time(cells, mapped.at, where), _known_at(cells, mapped.known_at, where)
        service = str(row.values.get(SERVICE, ""))
        change = Change(
            service,
            judge(row.values),
            failed,
            at=None if mapped.known_at is None or at is None else float(at),
            known_at=None if known_at is None else float(known_at),
        )
        ordered.append((order or Decimal(0), change))
    # The sort is stable: without a column for the order, the rows stay in that of the table.
    ordered.sort(key=lambda one: one[0])
    return History([change for _, change in ordered], left_out)


class PastRows:
    """The rows of a table whose end is known, read one after the other.

    A table that names no environment is of production. `left_out` counts the rows without an
    outcome that were met so far.
    """

    def __init__(
        self, table: Path, column_map: ColumnMap, label: str, sets: Sequence[Policies]
    ) -> None:
        """Prepare to read the table. Nothing is read yet."""
        self._table, self._map, self._label = table, column_map, label
        self._facts = frozenset(
            name for policies in sets for name in (*policies.looked_at, *_facts_of(policies))
        )
        self.left_out = 0

    def __iter__(self) -> Iterator[PastRow]:
        """Yield the rows that have an outcome.

        Raises `Invalid` at the first row that cannot be read.
        """
        table, label = str(self._table), self._label
        lines = lines_of(self._table)
        for row in read_rows(lines, table, self._map, facts=self._facts, keep=(label,)):
            outcome = row.kept[0].strip()
            if outcome:
                failed = _label(outcome, label, f"{table}:{row.line}")
                yield PastRow({**PRODUCTION_PLACE, **row.values}, failed)
            else:
                self.left_out += 1


def _facts_of(policies: Policies) -> Iterator[str]:
    for policy in policies.all:
        plan = plan_of(policy)
        yield from (*plan.trusted, *plan.doubted)


def _label(text: str, label: str, where: str) -> bool:
    try:
        return boolean(text)
    except ValueError as error:
        raise _refused(where, f"--label {label}: found {text}, allowed is {error}") from None


def _time(cells: Mapping[str, str], column: str | None, where: str) -> Decimal | None:
    return None if column is None else _order(cells[column].strip(), column, where)


def _known_at(cells: Mapping[str, str], column: str | None, where: str) -> Decimal | None:
    """Return when the failure became known.

    Returns None for an empty cell, which means no failure or an unknown time.
    """
    if column is None or not cells[column].strip():
        return None
    return _time(cells, column, where)


def _order(text: str, column: str, where: str) -> Decimal:
    """Return a number, or an instant of ISO 8601, which is in UTC if it has no zone."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_finite():
        return number
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _refused(
            where, f"{column}: found {text!r}, allowed is a number, or a time such as 2026-01-31"
        ) from None
    return Decimal((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())


def _refused(where: str, detail: str) -> Invalid:
    return Invalid(f"{where}: {detail}", faults=[Fault(detail, where)])


def of_log(policy: Policy) -> History:
    """Return the history of changes that the policy of this name decided, and that were deployed
    and have ended.

    Facts are those of the decision in force as the policy sees them, so a claim that it does not
    trust is unknown.
    """
    judge, plan = judge_of(policy), plan_of(policy)
    with reading() as conn:
        found = [
            Change(
                f"{one.service} {one.environment}",
                judge(seen_by(plan, records.read(one.record).case.facts)),
                one.failed,
                at=one.admitted_at.timestamp(),
                known_at=one.failed_at.timestamp() if one.failed_at else None,
            )
            for one in newest_deployed(conn, policy.name, CHANGES_MAX)
        ]
    return History(found[::-1])
