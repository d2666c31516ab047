"""Reads the keys of a mapping by type and collects every fault, so that an author sees all at once.

After a fault a method returns a harmless value of its type. The value is never used, because
`Faults.stop` raises before.
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
"""Comparing two words takes 20 us, and a request may name anything. So only the likeliest words of
a long list are compared."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean x?`, or an empty text.

    Of several near words it is the one that begins most alike. A long word is not compared, because
    the time grows with the square of its length.
    """
    if len(word) > WORD_LENGTH_MAX:
        return ""
    close = get_close_matches(word, _likeliest(word, list(known)))
    if close:
        return f"; did you mean {max(close, key=lambda name: _alike(name, word))}?"
    return ""


def _likeliest(word: str, known: list[str]) -> list[str]:
    """Return the words of a short list, or the likeliest ones of a long list.

    Those are the words that begin most alike, and then those of about the same length.
    """
    if len(known) <= WORDS_COMPARED_MAX:
        return known
    return nsmallest(
        WORDS_COMPARED_MAX,
        known,
        key=lambda name: (-_alike(name, word), abs(len(name) - len(word))),
    )


def _alike(name: str, word: str) -> int:
    """Return how many characters at the beginning are equal."""
    return next(
        (at for at, pair in enumerate(zip(name, word, strict=False)) if pair[0] != pair[1]),
        min(len(name), len(word)),
    )


@dataclass(slots=True)
class Faults:
    """Collects the faults of one or several files, in the order of reading.

    After `FAULTS_MAX` of them it raises.
    """

    found: list[Fault] = field(default_factory=list)

    def add(self, place: Place, detail: str) -> None:
        """Add one fault."""
        self.found.append(Fault(detail, str(place)))
        if len(self.found) >= FAULTS_MAX:
            self.stop()

    def take(self, error: Invalid) -> None:
        """Add the faults of an error that was raised elsewhere."""
        self.found.extend(error.faults or [Fault(error.detail, "")])
        if len(self.found) >= FAULTS_MAX:
            self.stop()

    def stop(self) -> None:
        """Raise `Invalid` with all faults, if there are any."""
        if not self.found:
            return
        first = self.found[0]
        more = f" (and {len(self.found) - 1} more)" if len(self.found) > 1 else ""
        raise Invalid(f"{first.where}: {first.detail}{more}", faults=self.found)


class Fields:
    """The keys of one mapping. Read every key that is allowed, then call `done`."""

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
        """Return whether the key is there, even with an empty value, which its type refuses."""
        self._asked.add(key)
        return key in self._nodes

    def node(self, key: str, *, required: bool = True) -> Node | None:
        """Return the node under the key, of any kind."""
        if self.has(key):
            return self._nodes[key][1]
        if required and self._whole:
            self.faults.add(self.place, f"{self._what}: found no {key}, it is required")
        return None

    def place_of(self, key: str) -> Place:
        """Return the place of the key's value, or of the mapping if there is none."""
        if key in self._nodes:
            return self._nodes[key][1].place
        return self.place

    def text(
        self, key: str, default: str | None = None, *, length_max: int = TEXT_LENGTH_MAX
    ) -> str:
        """Return a text. Without a default it is required, and so with all methods below."""
        node = self.node(key, required=default is None)
        if node is None:
            return default or ""
        return self._text(node, key, length_max)

    def integer(self, key: str, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, which is required."""
        node = self.node(key, required=True)
        if node is None:
            return low
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.wrong(node, key, f"a whole number from {low} to {high}")
        return low

    def boolean(self, key: str, *, default: bool) -> bool:
        """Return `true` or `false`; `no` and `off` are text in YAML 1.2."""
        node = self.node(key, required=False)
        if node is None:
            return default
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.wrong(node, key, "true or false")
        return default

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """Return one of these words."""
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
        """Return a list of different texts, each one of `choices` if there are any.

        Without a default the list is required and may not be empty.
        """
        nodes = self.items(key, required=default is None)
        if nodes is None:
            return default or ()
        if not nodes and default is None:
            self.faults.add(
                self.place_of(key), f"{key}: found an empty list, allowed is at least one entry"
            )
        # The keys of a dictionary, because a list of thousands would be searched for each of them.
        found: dict[str, None] = {}
        for node in nodes:
            text = self._text(node, key, TEXT_LENGTH_MAX)
            if text in found:
                self.faults.add(node.place, f"{key}: found {clip(text)} twice; keep one of them")
            if text and choices and text not in choices:
                self.wrong(node, key, f"{', '.join(choices)}{did_you_mean(text, choices)}")
            found[text] = None
        return tuple(found)

    def duration(self, key: str, default: int | None = None) -> int:
        """Return the whole seconds of a duration such as `30m`."""
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
        """Return the entries of a list, of any kind, or None if the key is absent."""
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
        """Return the fields of the mapping under the key."""
        node = self.node(key, required=required)
        return None if node is None else Fields(node, self.faults, key)

    def pairs(self, key: str, *, required: bool = True) -> Iterator[tuple[Scalar, Node]]:
        """Yield key and value of a mapping whose keys are names that the author chose."""
        node = self.node(key, required=required)
        if isinstance(node, Mapping):
            yield from node.entries
        elif node is not None:
            self.wrong(node, key, "a mapping")

    def wrong(self, node: Node, key: str, allowed: str) -> None:
        """Add the fault that a value is not what the key allows."""
        self.faults.add(node.place, f"{key}: found {shown(node)}, allowed is {allowed}")

    def done(self) -> None:
        """Add a fault for every key that was not read, because the mapping may not have it."""
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
