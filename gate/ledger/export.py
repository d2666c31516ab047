"""An export, line by line: JSON objects of one member each, whose name says what the line is.

    {"export":["change-gate-ledger",1,"gate.example.com/decisions"]}
    {"tile":["0/000","<base64 of its hashes>"]}
        stands before its 256 entries; a higher tile stands after the last one below it
    {"entry":{…}}
        the exact bytes that the tree has the hash of, in their order
    {"record":{…}}
        the record of the decision in the line before, byte for byte
    {"policies":[…]}
        the policies that the line before registers, in the form whose SHA-256 is their revision
    {"removed":17}
        the entry that stood here is not in the database any more
    {"checkpoint":"…"}
        a signed head, after the last entry that it covers
    {"fault":[17,"…"]}
        what the exporter found wrong with a row of the database
    {"end":1000}
        so many entries; without this line the export is not whole

No byte of it is free: each is hashed, or compared with the one form that it may have. So every
changed bit is found.
"""

import base64
import json
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from gate.ledger.tiles import TILE_WIDTH, tile_path
from gate.ledger.tree import HASH_BYTES

FORMAT, VERSION = "change-gate-ledger", 1
FAULTS_MAX = 100
TILE_MARK = b'{"tile":["0/'
"""The beginning of a line at which an interrupted export can be continued."""

_ENTRY, _RECORD, _CLOSE = b'{"entry":', b'{"record":', b"}\n"
_POLICIES = b'{"policies":'
_TILE, _TILE_CLOSE = b'{"tile":["', b'"]}\n'
_BEHIND = (_RECORD, _POLICIES)
"""Lines whose digest is in the entry before them."""


def header_line(origin: str) -> bytes:
    """Return the first line, which names the log."""
    return _line("export", [FORMAT, VERSION, origin])


def tile_line(level: int, number: int, hashes: bytes) -> bytes:
    """Return the line of a tile, with as many hashes as it has."""
    path = tile_path(level, number, min(len(hashes) // HASH_BYTES, TILE_WIDTH))
    return _line("tile", [path, base64.b64encode(hashes).decode()])


def entry_line(body: bytes) -> bytes:
    """Return the line of an entry, whose bytes are unchanged."""
    return b"".join((_ENTRY, body, _CLOSE))


def record_line(record: bytes) -> bytes:
    """Return the line of the record of the decision before it, unchanged."""
    return b"".join((_RECORD, record, _CLOSE))


def policies_line(content: bytes) -> bytes:
    """Return the line of the policies that the entry before it registers, in canonical form."""
    return _POLICIES + content + _CLOSE


def checkpoint_line(note: bytes) -> bytes:
    """Return the line of a signed head."""
    return _line("checkpoint", note.decode())


def removed_line(index: int) -> bytes:
    """Return the line in the place of an entry that is gone."""
    return _line("removed", index)


def fault_line(index: int, what: str) -> bytes:
    """Return the line of a row of the database that contradicts its own entry."""
    return _line("fault", [index, what])


def end_line(entries: int) -> bytes:
    """Return the last line."""
    return _line("end", entries)


class Faults:
    """Collects what is wrong, by place in the ledger. Of more than `FAULTS_MAX` the first by place
    are kept, whichever check finds them first.
    """

    def __init__(self) -> None:
        self._found: list[tuple[int, str]] = []

    def add(self, index: int, what: str) -> None:
        """Add a fault of the entry with this index."""
        insort(self._found, (index, what), key=itemgetter(0))
        del self._found[FAULTS_MAX:]

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Yield the faults by place."""
        return iter(self._found)

    def __bool__(self) -> bool:
        """Return whether there are any faults."""
        return bool(self._found)


class Check:
    """A check gets all parts of an export in their order, and ignores those that it does not
    override.
    """

    def begin(self, origin: str) -> None:
        """Take the name of the log."""

    def tile(self, path: str, encoded: str) -> None:
        """Take a tile, whose texts may be anything."""

    def entries(self, index: int, bodies: Sequence[bytes], records: Mapping[int, bytes]) -> None:
        """Take entries that follow each other, the first of them at this index, and the record
        behind each that has one, by the index of the entry.
        """

    def removed(self, index: int) -> None:
        """Take the place of an entry that is gone. Its fault was added already."""

    def record(self, index: int, body: bytes) -> None:
        """Take a record that stands alone, behind the entry at that index."""

    def policies(self, index: int, body: bytes) -> None:
        """Take the policies that the entry at that index registers."""

    def checkpoint(self, size: int, note: bytes) -> None:
        """Take a signed head that covers `size` entries."""

    def end(self, entries: int) -> None:
        """Take the end of the export, which had so many entries."""


def read_export(lines: Iterable[bytes], checks: tuple[Check, ...], faults: Faults) -> int:
    """Give every part to each check, and return how many entries there were.

    A line of no known form is a fault of the entry where it is.
    """
    reader = _Reader(checks, faults)
    reader.read(lines)
    return reader.end()


class _Reader:
    """Reads an export line by line.

    Entries that follow each other, with their records, are given away together, because nearly all
    lines are such, and calling each check for each of them takes longer than hashing it.
    """

    def __init__(self, checks: tuple[Check, ...], faults: Faults) -> None:
        self._checks = checks
        self._faults = faults
        self._index = 0
        self._lines = 0
        # The number of the line that says that the export ends.
        self._end_line = 0
        # Entries that follow each other, and the records behind them by the index of the entry.
        self._bodies: list[bytes] = []
        self._records: dict[int, bytes] = {}

    def read(self, lines: Iterable[bytes]) -> None:
        """Collect entries and their records until another line comes, or a tile would be full."""
        bodies, records = self._bodies, self._records
        for line in lines:
            if line.startswith(_ENTRY) and line.endswith(_CLOSE):
                if len(bodies) == TILE_WIDTH:
                    bodies, records = self._give_away()
                bodies.append(line[len(_ENTRY) : -len(_CLOSE)])
                continue
            if bodies and line.startswith(_RECORD) and line.endswith(_CLOSE):
                place = self._index + len(bodies) - 1
                if place not in records:
                    records[place] = line[len(_RECORD) : -len(_CLOSE)]
                    continue
            bodies, records = self._give_away()
            self._line(line)

    def end(self) -> int:
        """Judge the export as a whole, and return how many entries it has."""
        self._give_away()
        if not self._end_line or self._end_line != self._lines:
            self._faults.add(
                self._index,
                f"the export ends with line {self._lines}, which is not its end: go on with `gate "
                "ledger export`",
            )
        for check in self._checks:
            check.end(self._index)
        return self._index

    def _give_away(self) -> tuple[list[bytes], dict[int, bytes]]:
        """Give the entries that were collected to the checks, and return where to collect more."""
        if self._bodies:
            for check in self._checks:
                check.entries(self._index, self._bodies, self._records)
            self._lines += len(self._bodies) + len(self._records)
            self._index += len(self._bodies)
            self._bodies, self._records = [], {}
        return self._bodies, self._records

    def _line(self, line: bytes) -> None:
        """Give a line to the checks that is no entry, and no record behind its entry."""
        self._lines += 1
        if line.startswith(_BEHIND) and line.endswith(_CLOSE):
            _behind_entry(line, self._index - 1, self._checks)
        elif line.startswith(_TILE) and line.endswith(_TILE_CLOSE) and self._lines > 1:
            _tile(line, self._checks)
        elif line == end_line(self._index):
            self._end_line = self._end_line or self._lines
        else:
            self._index += _other(line, self._lines, self._index, self._checks, self._faults)


def _behind_entry(line: bytes, index: int, checks: tuple[Check, ...]) -> None:
    """Give a line whose digest is in the entry before it to the checks."""
    name = _RECORD if line.startswith(_RECORD) else _POLICIES
    body = line[len(name) : -len(_CLOSE)]
    for check in checks:
        if name is _RECORD:
            check.record(index, body)
        else:
            check.policies(index, body)


def _tile(line: bytes, checks: tuple[Check, ...]) -> None:
    """Give a tile to the checks. It is not read as JSON, because tiles are long, and because what
    checks it compares every byte with the one form that it may have.
    """
    path, _, encoded = line[len(_TILE) : -len(_TILE_CLOSE)].partition(b'","')
    _each(checks, "tile", path.decode("ascii", "replace"), encoded.decode("ascii", "replace"))


def _other(line: bytes, number: int, index: int, checks: tuple[Check, ...], faults: Faults) -> int:
    """Read a line that is neither entry nor record, and return how many entries it stands for.

    It must have exactly the bytes that this module would write.
    """
    try:
        ((name, value),) = json.loads(line).items()
        written = _line(name, value) if (name == "export") == (number == 1) else b""
    except (ValueError, AttributeError, RecursionError):
        name, value, written = "", None, b""
    match name, value:
        case _ if written != line:
            faults.add(index, f"line {number} of the export is none: {line[:80]!r}")
        case "export", [str(kind), int(version), str(origin)] if (kind, version) == (
            FORMAT,
            VERSION,
        ):
            _each(checks, "begin", origin)
        case "checkpoint", str(note):
            _each(checks, "checkpoint", index, note.encode())
        case "fault", [int(place), str(what)]:
            faults.add(place, what)
        case "removed", int(place) if place == index:
            faults.add(index, "the entry was removed from the database")
            _each(checks, "removed", index)
            return 1
        case _:
            faults.add(index, f"line {number} of the export is of no known form: {line[:80]!r}")
    return 0


def _each(checks: tuple[Check, ...], act: str, *parts: Any) -> None:
    for check in checks:
        getattr(check, act)(*parts)


def _line(name: str, value: Any) -> bytes:
    return json.dumps({name: value}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
