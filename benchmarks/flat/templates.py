"""Bytes of a life that a gate decided, with holes where a copy of the life has something else.

A copy is not decided: its ids, commits, markers, texts and instants are others, and every digest
over them is computed anew, in the order in which one digest contains the other.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from gate.core.instants import from_us, to_us
from gate.ledger.format import instant

Make: TypeAlias = Callable[["Copy"], bytes]
"""What a hole holds in one copy."""

_FOUND = re.compile(
    rb"[0-9a-f]{64}|[0-9a-f]{40}|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"
    rb"|01[0-9a-hjkmnp-tv-z]{24}|m\d{9}"
    rb"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6}Z|\+00:00)|(?<!\d)1\d{15}(?!\d)"
)
"""What may be a hole: digests and ids of texts, commits, salts, ids, markers, instants."""


@dataclass(slots=True)
class Copy:
    """One copy of all lives: which one it is, how far it is moved in time, what is in its holes."""

    number: int
    shift_us: int
    values: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Template:
    """Literal bytes, and in between the holes: where in `pieces`, and which one."""

    pieces: tuple[bytes, ...]
    holes: tuple[tuple[int, int], ...]

    def of(self, copy: Copy) -> bytes:
        """The bytes of this copy."""
        if not self.holes:
            return self.pieces[0]
        pieces = list(self.pieces)
        for place, hole in self.holes:
            pieces[place] = copy.values[hole]
        return b"".join(pieces)


class Holes:
    """Everything that differs between copies, in the order in which it is made."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._makes: list[Make] = []

    def add(self, found: bytes, make: Make) -> None:
        """Wherever these bytes occur, a copy has what `make` returns.

        What is made of other holes is added after them.
        """
        if found not in self._numbers:
            self._numbers[found] = len(self._makes)
            self._makes.append(make)

    def add_digest(self, found: bytes, content: bytes, digest: Callable[[bytes], str]) -> None:
        """The digest of this content, which has holes itself.

        Raises `ValueError` if that is not what the gate wrote: then it digests something else by
        now, and the filler has to follow.
        """
        if digest(content).encode() != found:
            raise ValueError(f"{found.decode()} is not the digest of {content[:80]!r}…")
        template = self.template(content)
        self.add(found, lambda copy: digest(template.of(copy)).encode())

    def template(self, content: bytes) -> Template:
        """The content with its holes; of instants each is one, too."""
        pieces: list[bytes] = []
        holes: list[tuple[int, int]] = []
        end = 0
        for match in _FOUND.finditer(content):
            number = self._number(match.group())
            if number is None:
                continue
            pieces += (content[end : match.start()], b"")
            holes.append((len(pieces) - 1, number))
            end = match.end()
        return Template((*pieces, content[end:]), tuple(holes))

    def copies(self, which: Iterable[tuple[int, int]]) -> Iterable[Copy]:
        """Copies by their number and their shift, with every hole filled."""
        for number, shift_us in which:
            copy = Copy(number, shift_us)
            for make in self._makes:
                copy.values.append(make(copy))
            yield copy

    def _number(self, found: bytes) -> int | None:
        if found not in self._numbers:
            make = _moved(found)
            if make is None:
                return None
            self.add(found, make)
        return self._numbers[found]


def _moved(found: bytes) -> Make | None:
    """The same instant in the time of the copy; None for what is none."""
    if b"T" in found:
        text = found.decode()
        at = to_us(datetime.fromisoformat(text))
        if text.endswith("Z"):
            return lambda copy: instant(from_us(at + copy.shift_us)).encode()
        return lambda copy: from_us(at + copy.shift_us).isoformat(timespec="seconds").encode()
    if found.isdigit() and len(found) == len("1700000000000000"):
        us = int(found)
        return lambda copy: b"%d" % (us + copy.shift_us)
    return None
