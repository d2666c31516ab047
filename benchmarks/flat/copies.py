"""Fills a database with copies of the lives in it, as if a gate had decided them over forty days.

Rows of changes are copied, sums are added up, everything else stays as it is. A copy is no row that
a gate wrote, but its bytes are those that it would have written: `gate ledger verify` finds nothing
wrong with them, and the figures are those of so many lives. Two things are otherwise: a copy's
facts say what the history of its place was at the pattern's decision, and `idempotency` holds the
keys of the last day alone, with the digest of the pattern's body, because older ones are forgotten.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Table, func, select, table, text, update

from benchmarks.flat.rows import WORDS, Rows, insert_rows
from benchmarks.flat.templates import Copy, Holes
from gate.core.canonical import canonical, digest
from gate.core.instants import from_us
from gate.core.learning.weeks import week_of
from gate.flow.changes.submit import RUN_KEY_DIGITS
from gate.flow.ids import new_id
from gate.storage.database.randomness import random_bytes
from gate.storage.tables import schema, schema_delivery, schema_learning, schema_work
from gate.storage.tables.columns import Digest, Instant, as_stored
from gate.storage.tables.packed import Packed, pack, unpack

DAYS = 40
"""Copies lie in so many days before the pattern's, oldest first."""

DAY_US = 86_400_000_000
_MORNING_US, _WORKDAY_US = DAY_US // 4, DAY_US // 2

COPIED = (
    schema.changes,
    schema.decisions,
    schema.approvals,
    schema.closures,
    schema.standard_matches,
    schema.texts,
    schema.ledger_entries,
    schema_delivery.outcomes,
    schema_learning.waits,
    schema_work.idempotency,
)
"""In the order in which they may be inserted."""

SUMMED_BY_DAY = {
    schema_work.rollups: ("n",),
    schema_delivery.delivery_days: ("deployments", "failed", "rework"),
    schema_delivery.delivery_totals: ("deployments", "failed"),
    schema_delivery.delivery_rules: ("deployments", "failed"),
    schema_delivery.delivery_times: ("n",),
}
"""Their columns that count."""

SUMMED_BY_WEEK = {schema_learning.wait_sums: ("changes", "seconds")}
SUMMED = {
    schema_learning.path_outcomes: ("changes", "failures"),
    schema_learning.similar_outcomes: ("changes", "failures"),
}

_CHANGE = len("chg_")
_MARKER = re.compile(r"m\d{9}")
_AT_ONCE = 25


class Plan(NamedTuple):
    """When one copy was: its number, how far it is moved, and its day."""

    number: int
    shift_us: int
    day: int


def fill(conn: Connection, copies: int) -> None:
    """Add so many copies of all lives; those that wait for somebody must not be there yet."""
    pattern = _Pattern(conn)
    plans = list(_plans(pattern.begins_us, copies))
    for begin in range(0, len(plans), _AT_ONCE):
        some = plans[begin : begin + _AT_ONCE]
        made = pattern.holes.copies([plan[:2] for plan in some])
        rows = [
            (one, row)
            for copy, plan in zip(made, some, strict=True)
            for one, row in pattern.rows(copy, plan, is_newest=plan.day == plans[-1].day)
        ]
        for one in COPIED:
            insert_rows(conn, one, [row for whose, row in rows if whose is one])
        conn.commit()
    _sum(conn, Counter(plan.day for plan in plans), pattern.begins_us // DAY_US)
    conn.commit()


def _plans(begins_us: int, copies: int) -> Iterator[Plan]:
    """From the oldest day on; the copies of one day follow each other in its working hours."""
    today, a_day = begins_us // DAY_US, -(-copies // DAYS)
    for number in range(copies):
        ago = DAYS - number * DAYS // copies
        first = -(-(DAYS - ago) * copies // DAYS)
        place = _MORNING_US + (number - first) * (_WORKDAY_US // a_day)
        yield Plan(number + 1, (today - ago) * DAY_US + place - begins_us, today - ago)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One column of one row: where, and what a copy has there."""

    place: int
    value: Callable[[Copy, Plan], Any]


class _Pattern:
    """The rows of the lives as they are, with their holes."""

    def __init__(self, conn: Connection) -> None:
        self.holes = Holes()
        self._found = {one: _read(conn, one) for one in COPIED}
        changes = self._found[schema.changes]
        times = changes.column("submitted_at")
        self.begins_us: int = min(times)
        if max(changes.column("ended_at")) // DAY_US != self.begins_us // DAY_US:
            raise RuntimeError("the pattern lies on two days; begin again after midnight, UTC")
        self._next = {
            one: conn.execute(select(func.max(one.c.id))).scalar_one() + 1
            for one in (schema.decisions, schema.ledger_entries)
        }
        self._dig()
        self._rows = {one: list(self._templates(one)) for one in COPIED}

    def rows(self, copy: Copy, plan: Plan, *, is_newest: bool) -> Iterator[tuple[Table, list[Any]]]:
        """Every row of one copy."""
        for one, rows in self._rows.items():
            if one is schema_work.idempotency and not is_newest:
                continue
            for constant, cells in rows:
                row = list(constant)
                for cell in cells:
                    row[cell.place] = cell.value(copy, plan)
                if one in self._next:
                    row[0] = self._next[one]
                    self._next[one] += 1
                yield one, row

    def _dig(self) -> None:
        """Say what differs: first what is new in every copy, then what is computed from that."""
        add, changes = self.holes.add, self._found[schema.changes]
        begun = changes.columns("id", "submitted_at", "commit_sha", "run_id")
        for number, (id_, at, commit, run) in enumerate(begun):
            add(id_[_CHANGE:].encode(), _new_id(at))
            add(commit.encode(), lambda _: (random_bytes() + random_bytes()[:4]).hex().encode())
            add(run.encode(), _new_marker(run, number, len(changes.rows)))
        for id_, salt, said in self._found[schema.texts].columns("id", "salt", "text"):
            add(salt.encode(), lambda _: random_bytes().hex().encode())
            self._add_text(id_, salt, said)
        runs = changes.columns("run_key", "run_id", "run_step", "service", "environment")
        for key, *parts in runs:
            self.holes.add_digest(key.encode(), canonical([None, *parts]), _run_key)
        for record_sha256, content in self._found[schema.decisions].columns(
            "record_sha256", "record"
        ):
            self._add_record(record_sha256.hex(), unpack(content))

    def _add(self, found: str, value: object) -> None:
        self.holes.add_digest(found.encode(), canonical(value), digest)

    def _add_text(self, id_: str, salt: str, said: str) -> None:
        """Its id is the digest of its salt, as bytes, and the text."""

        def salted(both: bytes) -> str:
            length = len(salt)
            return digest(bytes.fromhex(both[:length].decode()) + both[length + 1 :])

        self.holes.add_digest(id_.encode(), f"{salt} {said}".encode(), salted)

    def _add_record(self, found: str, content: bytes) -> None:
        """What was approved, and the record of it, which names that."""
        record = orjson.loads(content)
        changes = self._found[schema.changes]
        self._add(changes.of("subject_key", id=record["change"]).hex(), record["subject"])
        shown = {
            "subject": record["subject"],
            "planned": record["asked"]["planned"],
            "policy_revision": record["revisions"][0],
            "facts": record["case"]["facts"],
        }
        self._add(record["subject_digest"], shown)
        self.holes.add_digest(found.encode(), content, digest)

    def _templates(self, one: Table) -> Iterator[tuple[list[Any], list[_Cell]]]:
        found = self._found[one]
        for row in found.rows:
            cells = [
                cell
                for place, column in enumerate(found.names)
                if (cell := self._cell(one, column, place, row[place])) is not None
            ]
            yield list(row), cells

    def _cell(self, one: Table, name: str, place: int, value: Any) -> _Cell | None:
        """What a copy has in a column; None where it has the same."""
        if value is None or (one is schema_work.idempotency and name == "expires_at"):
            return None
        if name in {"day", "week"}:
            return _Cell(place, lambda _, plan: plan.day if name == "day" else _week(plan.day))
        kind = None if name == WORDS else one.c[name].type
        if isinstance(kind, Instant) or (one is schema.ledger_entries and name == "at"):
            return _Cell(place, lambda copy, _: value + copy.shift_us)
        if isinstance(kind, Packed):
            packed = self.holes.template(unpack(value))
            return _Cell(place, lambda copy, _: pack(packed.of(copy)))
        if isinstance(kind, Digest):
            written = self.holes.template(value.hex().encode())
            return _Cell(place, lambda copy, _: bytes.fromhex(written.of(copy).decode()))
        return self._text(place, value) if isinstance(value, str) else None

    def _text(self, place: int, value: str) -> _Cell | None:
        written = self.holes.template(value.encode())
        return _Cell(place, lambda copy, _: written.of(copy).decode()) if written.holes else None


def _run_key(content: bytes) -> str:
    return digest(content)[:RUN_KEY_DIGITS]


def _new_id(at_us: int) -> Callable[[Copy], bytes]:
    return lambda copy: new_id("", from_us(at_us + copy.shift_us))[1:].encode()


def _new_marker(run: str, number: int, lives: int) -> Callable[[Copy], bytes]:
    first = int(run[1:]) - number
    return lambda copy: b"m%d" % (first + number + copy.number * (lives + _BETWEEN))


_BETWEEN = 1_000
"""Markers between two copies, for the lives that are no part of the pattern."""


def _read(conn: Connection, one: Table) -> Rows:
    """The rows to copy as the database keeps them, the words of a decision beside it."""
    names = list(one.columns.keys())
    query = select(*map(as_stored, one.columns))
    if one is schema.decisions:
        names.append(WORDS)
        if conn.dialect.name == "postgresql":
            query = query.add_columns(text("decisions.words"))
        else:
            index = table("decision_words")
            query = query.add_columns(text("decision_words.words")).join(
                index, text("decision_words.rowid = decisions.id")
            )
    if one is schema.ledger_entries:
        query = query.where(one.c.change_id.is_not(None))
    rows = [list(row) for row in conn.execute(query.order_by(*one.primary_key.columns))]
    if one is schema.texts:
        # The names of people stay as they are; what was written of one life has its marker.
        rows = [row for row in rows if _MARKER.search(row[names.index("text")])]
    if one is schema.ledger_entries:
        for row in rows:
            row[names.index("index")] = None  # the sealer gives it its place
    return Rows(names, rows)


def _sum(conn: Connection, copies_of_day: Counter[int], today: int) -> None:
    """What so many copies have added to the sums."""
    copies = copies_of_day.total()
    for one, totals in SUMMED.items():
        more = {name: one.c[name] * (copies + 1) for name in totals}
        conn.execute(update(one).values(more))
    of_week: Counter[str] = Counter()
    for day, times in copies_of_day.items():
        of_week[_week(day)] += times
    _sum_by(conn, "day", SUMMED_BY_DAY, copies_of_day, today)
    _sum_by(conn, "week", SUMMED_BY_WEEK, of_week, _week(today))


def _sum_by(
    conn: Connection,
    name: str,
    tables: Mapping[Table, Sequence[str]],
    copies: Mapping[Any, int],
    today: object,
) -> None:
    """What so many copies have added on each day, or in each week; the pattern is of today's."""
    for one, counting in tables.items():
        query = select(*map(as_stored, one.columns)).where(one.c[name] == today)
        pattern = [dict(row._mapping) for row in conn.execute(query)]  # noqa: SLF001 - the documented way to a row as a mapping
        again = {column: one.c[column] * (copies.get(today, 0) + 1) for column in counting}
        conn.execute(update(one).where(one.c[name] == today).values(again))
        rows: Sequence[dict[str, Any]] = [
            {**row, name: when, **{column: row[column] * times for column in counting}}
            for when, times in sorted(copies.items())
            if when != today
            for row in pattern
        ]
        insert_rows(conn, one, [[row[column.name] for column in one.columns] for row in rows])


def _week(day: int) -> str:
    return week_of(from_us(day * DAY_US), UTC).name
