"""The ledger as lines of an export, block by block; and what rows of the database have to say
against their entries.

An entry's bytes are what was sealed. The columns beside them, and the rows of decisions and
approvals, are there to be searched: if somebody changed one, the export says so, at the entry that
it belongs to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson
from sqlalchemy import BindParameter, Connection, Row, bindparam, exists, not_, select, tuple_

from gate.core.canonical import digest
from gate.core.decision.values import Band
from gate.core.instants import from_us, to_us
from gate.core.policy.set import read_policies
from gate.errors import Invalid, Unavailable
from gate.ledger.export import (
    checkpoint_line,
    entry_line,
    fault_line,
    policies_line,
    record_line,
    removed_line,
    tile_line,
)
from gate.ledger.format import instant
from gate.ledger.note import VerifierKey
from gate.ledger.tiles import TILE_BYTES, TILE_HEIGHT, TILE_WIDTH, ReadTile, tile_path, tile_root
from gate.ledger.tree import HASH_BYTES, hash_leaf
from gate.storage.ledger import heads
from gate.storage.ledger.tree import tile_reader
from gate.storage.policies import policy_sets
from gate.storage.tables.columns import as_stored
from gate.storage.tables.schema import approvals, decisions, ledger_entries
from gate.storage.tables.schema_ledger import checkpoints

ROWS_AT_ONCE = 5_000
_E, _D, _A, _C = ledger_entries.c, decisions.c, approvals.c, checkpoints.c
_BEGIN: BindParameter[int] = bindparam("begin")
_END: BindParameter[int] = bindparam("end")
_ENTRIES = select(_E.index, _E.at, _E.kind, _E.change_id, _E.body).where(
    _E.index >= _BEGIN, _E.index < _END
)
_SIGNED = select(_C.size, _C.note).where(_C.size > _BEGIN, _C.size <= _END)
_SAME: Mapping[str, str] = {
    "outcome": "outcome",
    "type": "type",
    "route": "route",
    "score": "score",
    "policy": "policy",
    "revision": "policy_revision",
    "standard_change": "standard_change",
    "subject_digest": "subject_digest",
    "service": "service",
    "environment": "environment",
    "record_sha256": "record",
    "running_change": "running_change",
}
"""Columns of a decision, and the fields of its entry that say the same."""

_COLUMNS = ("change_id", "number", "record", "at", "band", *_SAME)
_CHANGES: BindParameter[list[str]] = bindparam("changes", expanding=True)
_CONVERTED = {"record", "record_sha256", "subject_digest"}
# By the change alone, because SQLite reads the whole table for `(change_id, number) IN`.
_DECISIONS = select(
    *(_D[name] if name in _CONVERTED else as_stored(_D[name]) for name in _COLUMNS)
).where(_D.change_id.in_(_CHANGES))
_APPROVALS = select(*map(as_stored, _A)).where(_A.change_id.in_(_CHANGES))
_RECORDED = (
    (decisions, as_stored(_D.at), ("decision",)),
    (approvals, as_stored(_A.at), ("approval", "rejection")),
    (approvals, as_stored(_A.lapsed_at), ("lapse",)),
)
"""Tables whose every row an entry of these kinds tells of, at that very time."""

_SAID_FROM = _COLUMNS.index("at")
_RANKS: Mapping[str, int] = {band.word: int(band) for band in Band}

_OF_PERSON = (("change", str), ("number", int), ("by", str), ("subject_digest", str))
_LEADING: Mapping[str, tuple[tuple[str, type], ...]] = {
    "decision": (("change", str), ("number", int)),
    "approval": _OF_PERSON,
    "rejection": _OF_PERSON,
    "lapse": _OF_PERSON,
    "registration": (("part", str), ("revision", str)),
}
"""The fields by which the rows of an entry are found, by its kind."""

_OF_PEOPLE = frozenset({"approval", "rejection", "lapse"})

_DAMAGED: dict[str, Any] = {"at": -1}
"""The fields of a damaged entry: only a time that no row has."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The extent of an export: the log's name, and the number of entries that a signed
    head covers.
    """

    origin: str
    size: int

    @property
    def blocks(self) -> int:
        """The number of blocks of up to 256 entries."""
        return -(-self.size // TILE_WIDTH)


def extent(conn: Connection) -> Extent:
    """Return the extent of the ledger as of now. Raises `Unavailable` while nothing is signed."""
    head, newest = heads.head(conn), heads.newest_checkpoint(conn)
    if head.key is None or newest is None:
        raise Unavailable(
            "nothing of the ledger is signed yet; start the gate with its signing key, and ask "
            "again",
            problem="signing_unavailable",
        )
    return Extent(VerifierKey.parse(head.key).name, newest[0])


def block_lines(conn: Connection, whole: Extent, block: int) -> list[bytes]:
    """Return the lines of up to 256 entries, with their tile, their records, and the heads signed
    among them.
    """
    begin, end = block * TILE_WIDTH, min((block + 1) * TILE_WIDTH, whole.size)
    read = tile_reader(conn)
    stored = _StoredRows(conn, begin, end)
    lines = [tile_line(0, block, read(0, block)[: (end - begin) * HASH_BYTES])]
    for place in range(begin, end):
        lines += stored.lines(place)
    return lines + list(_higher_tiles(read, end, last=end == whole.size))


def faults_of_block(conn: Connection, size: int, block: int) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with up to 256 sealed entries: their bytes, records, columns and tile."""
    begin, end = block * TILE_WIDTH, min((block + 1) * TILE_WIDTH, size)
    stored = _StoredRows(conn, begin, end)
    read = tile_reader(conn)
    hashes = read(0, block)
    for place in range(begin, end):
        sealed = hashes[(place - begin) * HASH_BYTES :][:HASH_BYTES]
        yield from ((place, what) for what in stored.faults(place, sealed))
    level, number = 0, block
    while len(hashes) == TILE_BYTES:
        above = read(level + 1, number // TILE_WIDTH)
        place = number % TILE_WIDTH * HASH_BYTES
        if above[place : place + HASH_BYTES] != tile_root(hashes):
            yield (
                number << TILE_HEIGHT * (level + 1),
                f"tile {tile_path(level, number)} does not lead to the one above it",
            )
        level, number = level + 1, number // TILE_WIDTH
        hashes = read(level, number)


def unknown_lines(conn: Connection, whole: Extent) -> Iterator[bytes]:
    """Yield a line for each row that no entry records: somebody inserted it, or removed
    its entry.
    """
    for table, at, kinds in _RECORDED:
        keys = tuple(map(as_stored, table.primary_key))
        recorded = exists().where(
            _E.change_id == table.c.change_id, _E.kind.in_(kinds), _E.at == at
        )
        query = (
            select(table.c.change_id, at, *keys)
            .where(at.is_not(None), not_(recorded))
            .order_by(*keys)
        )
        left = query
        while True:
            rows = conn.execute(left.limit(ROWS_AT_ONCE)).all()
            for change, instant_us, *_ in rows:
                when = instant(from_us(instant_us))
                yield fault_line(
                    whole.size,
                    f"{table.name} has a row of {change} at {when}, of which the ledger has no "
                    "entry",
                )
            if len(rows) < ROWS_AT_ONCE:
                break
            last = rows[-1][-len(keys) :]
            left = query.where(tuple_(*keys) > tuple_(*last, types=[key.type for key in keys]))


class _StoredRows:
    """The rows of the database about some entries."""

    def __init__(self, conn: Connection, begin: int, end: int) -> None:
        self._conn = conn
        rows = conn.execute(_ENTRIES, {"begin": begin, "end": end}).all()
        self._rows = {row[0]: row for row in rows}
        self._fields = {row[0]: _fields(row.body) for row in rows}
        self._decisions = self._read_decisions(conn)
        self._approvals = self._read_approvals(conn)
        signed = conn.execute(_SIGNED, {"begin": begin, "end": end})
        self._notes = {size: bytes(note) for size, note in signed}

    def lines(self, place: int) -> list[bytes]:
        """Return the lines of one entry: the entry, its record, where rows differ from it, and the
        head that was signed after it.
        """
        row = self._rows.get(place)
        if row is None:
            return [removed_line(place)]
        lines = [entry_line(row.body)]
        fields = self._fields[place]
        decision, registered = self._decision(place), self._policies(place)
        if decision is not None:
            lines.append(record_line(decision.record))
        if registered is not None:
            lines.append(policies_line(registered))
        # Most entries are decisions without a difference, and seeing that takes least.
        if decision is None or not (_is_as_said(row, fields) and _is_decided(decision, fields)):
            lines += [fault_line(place, what) for what in self._differences(place)]
        if place + 1 in self._notes:
            lines.append(checkpoint_line(self._notes[place + 1]))
        return lines

    def faults(self, place: int, sealed: bytes) -> Iterator[str]:
        """Yield what is wrong with one entry, whose hash was sealed as `sealed`."""
        row = self._rows.get(place)
        if row is None:
            yield "the entry was removed from the database"
            return
        if hash_leaf(row.body) != sealed:
            yield "this is not the entry that was sealed here"
        decision = self._decision(place)
        if decision is not None and digest(decision.record) != self._fields[place].get("record"):
            yield "the record of this decision is not the one that was decided"
        yield from self._differences(place)

    def _differences(self, place: int) -> Iterator[str]:
        """Yield where the rows of an entry differ from its bytes."""
        row, fields = self._rows[place], self._fields[place]
        kind = fields.get("kind")
        if not _is_as_said(row, fields):
            said = {"at": fields["at"], "kind": kind, "change_id": fields.get("change")}
            yield from _differences("ledger_entries", row, said)
        if kind == "decision":
            yield from _decision_differences(self._decision(place), fields)
        elif kind in _OF_PEOPLE:
            yield from self._approval_differences(fields)

    def _decision(self, place: int) -> Row[Any] | None:
        fields = self._fields[place]
        if fields.get("kind") == "decision":
            return self._decisions.get((fields["change"], fields["number"]))
        return None

    def _policies(self, place: int) -> bytes | None:
        """Return the stored policies that an entry registers, or None if it registers none."""
        fields = self._fields[place]
        if fields.get("kind") != "registration" or fields.get("part") != "policies":
            return None
        return kept_policies(self._conn, str(fields["revision"]))

    def _read_decisions(self, conn: Connection) -> dict[tuple[str, int], Row[Any]]:
        wanted = {one["change"] for one in self._fields.values() if one.get("kind") == "decision"}
        found = conn.execute(_DECISIONS, {"changes": list(wanted)}) if wanted else ()
        return {(row.change_id, row.number): row for row in found}

    def _read_approvals(self, conn: Connection) -> dict[tuple[str, str, int, bool], list[Row[Any]]]:
        wanted = {one["change"] for one in self._fields.values() if one.get("kind") in _OF_PEOPLE}
        found = conn.execute(_APPROVALS, {"changes": list(wanted)}) if wanted else ()
        rows: dict[tuple[str, str, int, bool], list[Row[Any]]] = {}
        for row in found:
            key = (row.change_id, row.person, row.decision, bool(row.rejected))
            rows.setdefault(key, []).append(row)
        return rows

    def _approval_differences(self, fields: Mapping[str, Any]) -> Iterator[str]:
        rejected, lapsed = fields["kind"] == "rejection", fields["kind"] == "lapse"
        key = (fields["change"], fields["by"], fields["number"], rejected)
        rows = self._approvals.get(key, [])
        if not rows:
            yield f"the {fields['kind']} was removed from the database"
            return
        column, at = "lapsed_at" if lapsed else "at", fields["at"]
        # An approval that was taken back may have been given again. The time tells which is meant.
        row = next((one for one in rows if one._mapping[column] == at), rows[0])  # noqa: SLF001 - the documented way to a column by its name
        said = {"subject_digest": fields["subject_digest"], column: at}
        said |= {} if lapsed else {"comment": fields.get("comment", "")}
        yield from _differences("approvals", row, said)


def kept_policies(conn: Connection, revision: str) -> bytes | None:
    """Return the canonical form of the policies stored under a revision, or None if they cannot be
    read.

    If somebody changed them, their form has another digest, which readers compare.
    """
    found = policy_sets.named(conn, revision)
    files = policy_sets.read(conn, found[0].id) if found else None
    try:
        return None if files is None else read_policies(files.files).content
    except Invalid:
        return None


def _decision_differences(row: Row[Any] | None, fields: Mapping[str, Any]) -> Iterator[str]:
    if row is None:
        yield "the decision was removed from the database"
        return
    if not _is_decided(row, fields):
        columns = _COLUMNS[_SAID_FROM:]
        said = dict(zip(columns, _said_of_decision(fields), strict=True))
        yield from _differences("decisions", row, said)


def _is_decided(row: Row[Any], fields: Mapping[str, Any]) -> bool:
    """Whether the row of a decision says what its entry says."""
    return bool(row[_SAID_FROM:] == _said_of_decision(fields))


def _said_of_decision(fields: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what an entry says of a decision, in the order of `_COLUMNS` from `at` on."""
    rank = _RANKS.get(str(fields.get("band")))
    return (fields["at"], rank, *map(fields.get, _SAME.values()))


def _is_as_said(row: Row[*tuple[Any, ...]], fields: Mapping[str, Any]) -> bool:
    """Whether the columns beside an entry say what its bytes say."""
    _, at, kind, change, _ = row
    return bool(
        at == fields["at"] and kind == fields.get("kind") and change == fields.get("change")
    )


def _differences(table: str, row: Row[*tuple[Any, ...]], said: Mapping[str, Any]) -> Iterator[str]:
    columns = row._mapping  # noqa: SLF001 - the documented way to a column by its name
    for column, value in said.items():
        if columns[column] != value:
            yield f"{table}.{column} is {columns[column]!r}, the entry says {value!r}"


def _fields(body: bytes) -> dict[str, Any]:
    """Return the fields of an entry, with its time as the database keeps it.

    They are compared with rows, so an entry without the fields that lead to its rows is damaged.
    Whether the bytes have the one allowed form is left to whoever verifies the export.
    """
    try:
        fields = orjson.loads(body)
        fields["at"] = to_us(datetime.fromisoformat(fields["at"]))
        for name, kind in _LEADING.get(fields["kind"], ()):
            if type(fields[name]) is not kind:
                return _DAMAGED
    except (ValueError, TypeError, KeyError):
        return _DAMAGED
    return cast("dict[str, Any]", fields)


def _higher_tiles(read: ReadTile, end: int, *, last: bool) -> Iterator[bytes]:
    """Yield the tiles that the block completes, and after the last block also those that are not
    full.
    """
    level = 1
    while hashes := end >> TILE_HEIGHT * level:
        number = (hashes - 1) // TILE_WIDTH
        width = hashes - number * TILE_WIDTH
        full = width == TILE_WIDTH and end == hashes << TILE_HEIGHT * level
        if full or last:
            yield tile_line(level, number, read(level, number)[: width * HASH_BYTES])
        level += 1
