"""Reads the keys of a mapping by type and remembers every fault, so that one reading of a file
shows all of them.

After a fault a method answers a harmless value of its type; nobody uses it, because `Faults.stop`
raises first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from heapq import nsmallest

from gate.core import durations
from gate.core.facts import TEXT_LENGTH_MAX
from gate.core.yaml.reader import Mapping, Node, Place, Scalar, Sequence, clip, shown, single_quoted
from gate.errors import Fault, Invalid

FAULTS_MAX = 20
ENTRIES_MAX = 10_000
WORD_LENGTH_MAX = 64
WORDS_COMPARED_MAX = 100
"""Comparing two words takes 20 us. A request may name anything, so of a long list only the
likeliest are compared."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean x?`, or nothing.

    Of near words, the one that begins alike. A long word is not looked up: that is quadratic.
    """
    if len(word) > WORD_LENGTH_MAX:
        return ""
    close = get_close_matches(word, _likeliest(word, list(known)))
    if close:
        return f"; did you mean {max(close, key=lambda name: _alike(name, word))}?"
    return ""


def _likeliest(word: str, known: list[str]) -> list[str]:
    """All of a short list; of a long one those that begin most alike, and then those of about the
    same length.
    """
    if len(known) <= WORDS_COMPARED_MAX:
        return known
    return nsmallest(
        WORDS_COMPARED_MAX,
        known,
        key=lambda name: (-_alike(name, word), abs(len(name) - len(word))),
    )


def _alike(name: str, word: str) -> int:
    """How many characters the two begin with in common."""
    return next(
        (at for at, pair in enumerate(zip(name, word, strict=False)) if pair[0] != pair[1]),
        min(len(name), len(word)),
    )


@dataclass(slots=True)
class Faults:
    """What is wrong with one or several files, in the order of reading; at most `FAULTS_MAX`, then
    it raises.
    """

    found: list[Fault] = field(default_factory=list)

    def add(self, place: Place, detail: str) -> None:
        """Remember one fault."""
        self.found.append(Fault(detail, str(place)))
        if len(self.found) >= FAULTS_MAX:
            self.stop()

    def take(self, error: Invalid) -> None:
        """Remember the faults of an error that somebody else raised."""
        self.found.extend(error.faults or [Fault(error.detail, "")])
        if len(self.found) >= FAULTS_MAX:
            self.stop()

    def stop(self) -> None:
        """Raise `Invalid` with everything found, if anything was."""
        if not self.found:
            return
        first = self.found[0]
        more = f" (and {len(self.found) - 1} more)" if len(self.found) > 1 else ""
        raise Invalid(f"{first.where}: {first.detail}{more}", faults=self.found)


class Fields:
    """The keys of one mapping. Ask for every key there may be, then call `done`."""

    def __init__(self, node: Node, faults: Faults, what: str) -> None:
        self.place = node.place
        self.faults = faults
        self._what = what
        self._whole = isinstance(node, Mapping)
        self._nodes = (
            {str(key.value): (key, value) for key, value in node.entries}
            if isinstance(node, Mapping)
            else {}
        )
        self._asked: set[str] = set()
        if not self._whole:
            faults.add(node.place, f"{what}: found {shown(node)}, allowed is a mapping")

    def has(self, key: str) -> bool:
        """Whether the key is there; an empty value (`key:`) is there too, and is refused by its
        type.
        """
        self._asked.add(key)
        return key in self._nodes

    def node(self, key: str, *, required: bool = True) -> Node | None:
        """What stands under the key, of any kind."""
        if self.has(key):
            return self._nodes[key][1]
        if required and self._whole:
            self.faults.add(self.place, f"{self._what}: found no {key}, it is required")
        return None

    def place_of(self, key: str) -> Place:
        """Where the key's value stands, or the mapping where there is none."""
        if key in self._nodes:
            return self._nodes[key][1].place
        return self.place

    def text(
        self, key: str, default: str | None = None, *, length_max: int = TEXT_LENGTH_MAX
    ) -> str:
        """Text; required without a default."""
        node = self.node(key, required=default is None)
        if node is None:
            return default or ""
        return self._text(node, key, length_max)

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from `low` to `high`."""
        node = self.node(key, required=default is None)
        if node is None:
            return low if default is None else default
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.wrong(node, key, f"a whole number from {low} to {high}")
        return low

    def boolean(self, key: str, *, default: bool) -> bool:
        """`true` or `false`; `no` and `off` are text in YAML 1.2."""
        node = self.node(key, required=False)
        if node is None:
            return default
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.wrong(node, key, "true or false")
        return default

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of a few words."""
        node = self.node(key, required=default is None)
        if node is None:
            return default or choices[0]
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value in choices:
            return node.value
        meant = did_you_mean(node.text, choices) if isinstance(node, Scalar) else ""
        self.wrong(node, key, f"{' or '.join(choices)}{meant}")
        return choices[0]

    def texts(
        self, key: str, default: tuple[str, ...] | None = None, *, choices: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """A list of different texts, each one of `choices` where there are any; required and not
        empty without a default.
        """
        nodes = self.items(key, required=default is None)
        if nodes is None:
            return default or ()
        if not nodes and default is None:
            self.faults.add(
                self.place_of(key), f"{key}: found an empty list, allowed is at least one entry"
            )
        found: list[str] = []
        for node in nodes:
            text = self._text(node, key, TEXT_LENGTH_MAX)
            if text in found:
                self.faults.add(node.place, f"{key}: found {clip(text)} twice; keep one of them")
            if text and choices and text not in choices:
                self.wrong(node, key, f"{', '.join(choices)}{did_you_mean(text, choices)}")
            found.append(text)
        return tuple(found)

    def duration(self, key: str, default: int | None = None) -> int:
        """Whole seconds of a duration such as `30m`."""
        node = self.node(key, required=default is None)
        if node is None:
            return default or 0
        seconds = (
            durations.read_duration(node.value)
            if isinstance(node, Scalar) and isinstance(node.value, str)
            else None
        )
        if seconds is None:
            self.wrong(node, key, durations.ALLOWED)
        return seconds or 0

    def items(
        self, key: str, *, required: bool = True, length_max: int = ENTRIES_MAX
    ) -> tuple[Node, ...] | None:
        """The entries of a list, of any kind; None where the key is absent."""
        node = self.node(key, required=required)
        if node is None:
            return None
        if not isinstance(node, Sequence):
            self.wrong(node, key, "a list")
            return ()
        if len(node.items) > length_max:
            self.faults.add(
                node.place, f"{key}: found {len(node.items)} entries, allowed are {length_max}"
            )
            return ()
        return node.items

    def fields(self, key: str, *, required: bool = True) -> "Fields | None":
        """The mapping under the key."""
        node = self.node(key, required=required)
        return None if node is None else Fields(node, self.faults, key)

    def pairs(self, key: str, *, required: bool = True) -> Iterator[tuple[Scalar, Node]]:
        """Key and value of a mapping whose keys are names of the writer's choice."""
        node = self.node(key, required=required)
        if isinstance(node, Mapping):
            yield from node.entries
        elif node is not None:
            self.wrong(node, key, "a mapping")

    def wrong(self, node: Node, key: str, allowed: str) -> None:
        """Say that a value is not what the key takes."""
        self.faults.add(node.place, f"{key}: found {shown(node)}, allowed is {allowed}")

    def done(self) -> None:
        """Refuse every key that nobody asked for."""
        for name, (key, _) in self._nodes.items():
            if name not in self._asked:
                known = ", ".join(sorted(self._asked))
                meant = did_you_mean(name, sorted(self._asked))
                self.faults.add(
                    key.place,
                    f"{self._what}: found the key {clip(name)}, allowed are {known}{meant}",
                )

    def _text(self, node: Node, key: str, length_max: int) -> str:
        if not isinstance(node, Scalar) or node.value is None:
            self.wrong(node, key, "text")
        elif not isinstance(node.value, str):
            self.wrong(node, key, f"text; write it in quotes: {single_quoted(node.text)}")
        elif not node.value.strip():
            self.faults.add(
                node.place, f"{key}: found an empty text, allowed is one that says something"
            )
        elif len(node.value) > length_max:
            self.faults.add(
                node.place, f"{key}: found {len(node.value)} characters, allowed are {length_max}"
            )
        else:
            return node.value
        return ""
