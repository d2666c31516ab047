"""Reads YAML 1.2 with the core schema, strictly: whatever the author did not plainly write is
refused, with `file:line:column`.

Refused are duplicate keys, anchors, aliases, merge keys, tags, directives, several documents, and
everything over a limit. Only libyaml's events are used, never a constructor, and every node is
counted while it is read, so that a hostile file costs no more than its size.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from yaml import CSafeLoader, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gate.core.yaml.scalars import BadNumber, Plain, resolve
from gate.errors import Fault, Invalid

FILE_BYTES_MAX = 256 * 1024
LEVELS_MAX = 32
NODES_MAX = 20_000
SHOWN_LENGTH_MAX = 60
LINE_QUOTED_MAX = 300


class Place(NamedTuple):
    """The position of a node: line and column from 1, and offsets into the text of the file.

    This is a plain tuple because every node has one, and reading a large file must stay cheap.
    """

    file: str
    line: int
    column: int
    start: int
    end: int
    text: str

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def raw(self) -> str:
        """The characters of the file, exactly as written."""
        return self.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `text` is what was written, without quotes; `value` is what it means
    in YAML 1.2.
    """

    place: Place
    value: Plain
    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    place: Place
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order of the file. No key occurs twice."""

    place: Place
    entries: tuple[tuple[Scalar, "Node"], ...]

    def get(self, key: str) -> "Node | None":
        """Return the node under a text key, or None."""
        return next((node for found, node in self.entries if found.value == key), None)


Node: TypeAlias = Scalar | Sequence | Mapping


def read(text: str | bytes, name: str, *, number_keys: frozenset[str] = frozenset()) -> Node:
    """Return the document of a file.

    Keys must be text; in the mappings under `number_keys` they may be numbers. Raises `Invalid` and
    nothing else, whatever the input is.
    """
    source = _source(text, name)
    try:
        return _Reader(source, name, number_keys).document()
    except YAMLError as error:
        raise _syntax(error, source, name) from None


def place_of(node: Node, *path: str | int) -> Place:
    """Return the place of the value at the end of a path of keys and numbers.

    If it is absent, it is the place of the nearest node above it.
    """
    for step in path:
        inner: Node | None = None
        if isinstance(node, Mapping) and isinstance(step, str):
            inner = node.get(step)
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            inner = node.items[step]
        if inner is None:
            break
        node = inner
    return node.place


def refuse(place: Place, detail: str) -> Invalid:
    """Return the error for one fault."""
    return Invalid(f"{place}: {detail}", faults=[Fault(detail, str(place))])


def shown(node: Node) -> str:
    """Return a node as an error shows it: short, and on one line."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    if node.value is None:
        return "nothing"
    return clip(f'"{node.text}"' if isinstance(node.value, str) else node.text)


def clip(text: str) -> str:
    """Return the text as one short line, with control characters escaped."""
    line = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    if len(line) <= SHOWN_LENGTH_MAX:
        return line
    return f"{line[:SHOWN_LENGTH_MAX]}…"


def plain(node: Node) -> Any:
    """Return the node as JSON, for a canonical form; decimals and numeric keys become text."""
    if isinstance(node, Scalar):
        if isinstance(node.value, Decimal):
            return _number_text(node.value)
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {
        _number_text(key.value) if isinstance(key.value, Decimal) else str(key.value): plain(value)
        for key, value in node.entries
    }


def _number_text(number: Decimal) -> str:
    return format(number.normalize(), "f")


def _source(text: str | bytes, name: str) -> str:
    size = len(text) if isinstance(text, bytes) else len(text.encode(errors="surrogatepass"))
    if size > FILE_BYTES_MAX:
        raise _at_start(
            name, f"found {size} bytes, allowed are at most {FILE_BYTES_MAX}; split the file"
        )
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        decoded.encode()
    except UnicodeError:
        raise _at_start(
            name, "found bytes that are not UTF-8, allowed is UTF-8 text; save the file as UTF-8"
        ) from None
    return decoded.removeprefix("\ufeff")


def _at_start(name: str, detail: str) -> Invalid:
    return refuse(Place(name, 1, 1, 0, 0, ""), detail)


def _syntax(error: YAMLError, source: str, name: str) -> Invalid:
    """Return the parser's error with its place, and how such a line is usually mended."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    place = Place(name, line, column, 0, 0, "")
    return refuse(place, f"found no valid YAML ({clip(str(problem))}); {_quoting(source, line)}")


def _quoting(source: str, line: int) -> str:
    """Return how to write the line if it is an entry of a list, else what to look for."""
    lines = source.splitlines()
    entry = (
        _ENTRY.fullmatch(lines[line - 1].strip()[:LINE_QUOTED_MAX])
        if 0 < line <= len(lines)
        else None
    )
    text = entry and (entry["block"] or entry["flow"])
    if not text or text[0] in "'\"[{":
        return "a text that holds `#`, `,`, `: `, `[` or `{` is written in single quotes"
    return f"write it in single quotes: {single_quoted(text)}"


def single_quoted(text: str) -> str:
    """Return the text as a single-quoted YAML scalar."""
    return f"'{text.strip().replace(chr(39), chr(39) * 2)}'"


_ENTRY = re.compile(r"- +(?P<block>.+)|[a-z_]+: +\[(?P<flow>.+)\]")


class _Reader:
    """Walks once over the parser's events, and stops at the first fault."""

    def __init__(self, source: str, name: str, number_keys: frozenset[str]) -> None:
        # Only the parser of this loader is used.
        self._parser = CSafeLoader(source)
        self._source = source
        self._name = name
        self._number_keys = number_keys
        self._nodes = 0

    def document(self) -> Node:
        """Return the only document of the stream."""
        # The first event is the start of the stream.
        self._next()
        start = self._next()
        if not isinstance(start, DocumentStartEvent):
            raise _at_start(self._name, "found an empty file, allowed is one document")
        if start.version or start.tags:
            raise refuse(
                self._place(start),
                "found a directive, allowed is a document without any; remove the line "
                "that begins with %",
            )
        root = self._node(self._next(), 1, number_keys=False)
        # The next event is the end of the document.
        self._next()
        after = self._next()
        if not isinstance(after, StreamEndEvent):
            raise refuse(
                self._place(after),
                "found a second document, allowed is one a file; remove `---` and what follows",
            )
        if isinstance(root, Scalar) and root.value is None:
            raise _at_start(self._name, "found an empty document, allowed is one with content")
        return root

    def _next(self) -> Any:
        return self._parser.get_event()

    def _place(self, start: Any, end: Any = None) -> Place:
        mark = start.start_mark
        return Place(
            self._name,
            mark.line + 1,
            mark.column + 1,
            mark.index,
            (end or start).end_mark.index,
            self._source,
        )

    def _node(self, event: Any, level: int, *, number_keys: bool) -> Node:
        place = self._checked(event)
        if isinstance(event, ScalarEvent):
            return _scalar(event, place)
        if level > LEVELS_MAX:
            raise refuse(place, f"found more than {LEVELS_MAX} levels, allowed are {LEVELS_MAX}")
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, level)
        return self._mapping(event, level, number_keys=number_keys)

    def _checked(self, event: Any) -> Place:
        """Return the place of a node; raises `Invalid` for a kind that is not allowed at all."""
        place = self._place(event)
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise refuse(
                place, f"found more than {NODES_MAX} values, allowed are {NODES_MAX} a file"
            )
        if event.anchor is None and not isinstance(event, AliasEvent) and event.tag is None:
            return place
        if isinstance(event, AliasEvent):
            raise refuse(
                place,
                f"found the alias *{clip(str(event.anchor))}, aliases are not allowed; "
                "write the value out",
            )
        if event.anchor is not None:
            raise refuse(
                place,
                f"found the anchor &{clip(event.anchor)}, anchors are not allowed; write "
                "the value without it",
            )
        raise refuse(
            place,
            f"found the tag {clip(event.tag)}, tags are not allowed; write the value without it",
        )

    def _sequence(self, start: Any, level: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._node(event, level + 1, number_keys=False))
        return Sequence(self._place(start, event), tuple(items))

    def _mapping(self, start: MappingStartEvent, level: int, *, number_keys: bool) -> Mapping:
        entries: list[tuple[Scalar, Node]] = []
        seen: dict[Plain, Place] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            key = self._key(
                self._node(event, level + 1, number_keys=False), number_keys=number_keys
            )
            if key.value in seen:
                raise refuse(
                    key.place,
                    f"found the key {shown(key)} twice, first in line "
                    f"{seen[key.value].line}; keep one of them",
                )
            seen[key.value] = key.place
            entries.append(
                (
                    key,
                    self._node(self._next(), level + 1, number_keys=key.value in self._number_keys),
                )
            )
        return Mapping(self._place(start, event), tuple(entries))

    @staticmethod
    def _key(key: Node, *, number_keys: bool) -> Scalar:
        if isinstance(key, Scalar) and not key.quoted and key.text == "<<":
            raise refuse(
                key.place, "found a merge key, merge keys are not allowed; write the keys out"
            )
        number = (
            isinstance(key, Scalar)
            and isinstance(key.value, int | Decimal)
            and not isinstance(key.value, bool)
        )
        if not isinstance(key, Scalar) or not (
            isinstance(key.value, str) or (number and number_keys)
        ):
            raise refuse(
                key.place,
                f"found the key {shown(key)}, allowed is "
                f"{'a number' if number_keys else 'text'}{_if_text(key)}",
            )
        return key


def _scalar(event: ScalarEvent, place: Place) -> Scalar:
    text = event.value
    if event.style:
        return Scalar(place, text, text, quoted=True)
    try:
        return Scalar(place, resolve(text), text, quoted=False)
    except BadNumber as error:
        raise refuse(place, f"found {clip(text)}, {error}") from None


def _if_text(key: Node) -> str:
    if isinstance(key, Scalar) and key.text:
        return f"; write it in quotes if it is meant as text: {single_quoted(key.text)}"
    return ""
