"""Which lines of files differ, for the page of a policy set.

Comparing two texts takes time that grows with the product of their lengths if hardly a line has a
neighbour in common. Whoever registers files could choose such texts, and everybody who looks at the
page would keep the server busy for minutes. So the search for equal lines ends after some work, and
what is left is shown as replaced.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from itertools import accumulate

COMPARISONS_MAX = 2_000_000
"""The most comparisons of two lines for all files of a page, about half a second. A catalogue of a
thousand services, of which every one has changed, takes half of that."""

AROUND = 3
"""How many equal lines are shown before and after what differs."""


@dataclass(frozen=True)
class Line:
    """A line with its mark in front. `kind` is add, cut, or empty for one that only gives the
    place.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class ChangedFile:
    """A file that differs, with the lines that do."""

    file: str
    lines: tuple[Line, ...]


def changed_files(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[ChangedFile, ...]:
    """Return every file that differs, in the order of their names."""
    left = COMPARISONS_MAX
    found = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name, "").splitlines(), now.get(name, "").splitlines()
        if old != new:
            matcher = _Matcher(old, new, left)
            found.append(ChangedFile(name, tuple(_lines(matcher, old, new))))
            left = matcher.left
    return tuple(found)


class _Matcher(SequenceMatcher[str]):
    """Finds equal lines until it has compared `left` times."""

    # Where each line stands in the second text; lines that stand everywhere are left out.
    b2j: dict[str, list[int]]

    def __init__(self, before: Sequence[str], now: Sequence[str], left: int) -> None:
        super().__init__(None, before, now)
        self.left = left
        # What it costs to look for each line of `before` among those of `now`, summed.
        costs = (1 + len(self.b2j.get(line, ())) for line in before)
        self._costs = tuple(accumulate(costs, initial=0))

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        """Return the longest block of equal lines, or an empty one if there is none, or no time."""
        self.left -= self._costs[ahi] if ahi is not None else self._costs[-1]
        self.left += self._costs[alo]
        if self.left < 0:
            return Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)


def _lines(matcher: _Matcher, before: Sequence[str], now: Sequence[str]) -> Iterator[Line]:
    for group in matcher.get_grouped_opcodes(AROUND):
        first, last = group[0], group[-1]
        yield Line("", f"@@ {_range('-', first[1], last[2])} {_range('+', first[3], last[4])} @@")
        for tag, begins, ends, new_begins, new_ends in group:
            if tag == "equal":
                yield from (Line("", f" {line}") for line in before[begins:ends])
                continue
            yield from (Line("cut", f"-{line}") for line in before[begins:ends])
            yield from (Line("add", f"+{line}") for line in now[new_begins:new_ends])


def _range(mark: str, begins: int, ends: int) -> str:
    return f"{mark}{begins + 1},{ends - begins}"
