"""An export, line by line: JSON objects of one member each, whose name says what the line is.

    {"export":["change-gate-ledger",1,"gate.example.com/decisions"]}
    {"tile":["0/000","<base64 of its hashes>"]}     before its 256 entries; a higher tile after the
    last one below it
    {"entry":{…}}                                   the exact bytes that the tree has the hash of,
    in their order
    {"record":{…}}                                  the record of the decision in the line before,
    byte for byte
    {"policies":[…]}                                the policies that the line before registers, in
    the form whose SHA-256 is their revision
    {"removed":17}                                  the entry that stood here is not in the database
    any more
    {"checkpoint":"…"}                              a signed head, after the last entry that it
    covers
    {"fault":[17,"…"]}                              what the exporter found wrong with a row of the
    database
    {"end":1000}                                    so many entries; without this line the export is
    not whole

No byte of it is free: each is hashed, or compared with the one form that it may have. So every
changed bit is found.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from gate.ledger.tiles import TILE_WIDTH, tile_path
from gate.ledger.tree import HASH_BYTES

FORMAT, VERSION = "change-gate-ledger", 1
FAULTS_MAX = 100
TILE_MARK = b'{"tile":["0/'
"""The beginning of a line at which an interrupted export can be continued."""

_ENTRY, _RECORD, _CLOSE = b'{"entry":', b'{"record":', b"}\n"
_POLICIES = b'{"policies":'
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
    return _ENTRY + body + _CLOSE


def record_line(record: bytes) -> bytes:
    """Return the line of the record of the decision before it, unchanged."""
    return _RECORD + record + _CLOSE


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
    """Collects what is wrong by place in the ledger; only the first `FAULTS_MAX` are kept."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str]] = []

    def add(self, index: int, what: str) -> None:
        """Add a fault of the entry with this index."""
        if len(self._found) < FAULTS_MAX:
            self._found.append((index, what))

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Yield the faults by place."""
        return iter(sorted(self._found, key=lambda fault: fault[0]))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._found)


class Check(Protocol):
    """A check gets all parts of an export in their order."""

    def begin(self, origin: str) -> None:
        """Take the name of the log."""

    def tile(self, path: str, encoded: str) -> None:
        """Take a tile."""

    def entry(self, index: int, body: bytes) -> None:
        """Take an entry."""

    def removed(self, index: int) -> None:
        """Take the place of an entry that is gone. Its fault was added already."""

    def record(self, index: int, body: bytes) -> None:
        """Take the record of the decision at that index."""

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
    index, end, number = 0, 0, 0
    entries = [check.entry for check in checks]
    for number, line in enumerate(lines, 1):
        if line.startswith(_ENTRY) and line.endswith(_CLOSE):
            body = line[len(_ENTRY) : -len(_CLOSE)]
            for entry in entries:
                entry(index, body)
            index += 1
        elif line.startswith(_BEHIND) and line.endswith(_CLOSE):
            _behind_entry(line, index - 1, checks)
        elif line == end_line(index):
            end = end or number
        else:
            index += _other(line, number, index, checks, faults)
    if not end or end != number:
        faults.add(
            index,
            f"the export ends with line {number}, which is not its end: go on with `gate "
            "ledger export`",
        )
    for check in checks:
        check.end(index)
    return index


def _behind_entry(line: bytes, index: int, checks: tuple[Check, ...]) -> None:
    """Give a line whose digest is in the entry before it to the checks."""
    name = _RECORD if line.startswith(_RECORD) else _POLICIES
    body = line[len(name) : -len(_CLOSE)]
    for check in checks:
        if name is _RECORD:
            check.record(index, body)
        else:
            check.policies(index, body)


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
        case "tile", [str(path), str(encoded)]:
            _each(checks, "tile", path, encoded)
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
