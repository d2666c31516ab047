"""A map says which column of a table of changes holds which fact: column → fact, in YAML.

A value is a fact's name, or a mapping of `fact` and `scale`. Three words stand for no fact: by the
column of `order` the changes of one service are put into the order of time; those of `at` and
`known_at` say when a change was made, and when it became known that it failed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from gate.core.facts import FACTS, FactDef, FactType, definition
from gate.core.yaml.fields import Faults, Fields, did_you_mean
from gate.core.yaml.reader import Mapping, Node, Place, Scalar, clip, read, shown

ORDER, AT, KNOWN_AT = "order", "at", "known_at"
WORDS = (ORDER, AT, KNOWN_AT)
LISTED = ", ".join(WORDS)
COLUMNS_MAX = 200
SCALE_DIGITS_MAX = 12

_NUMBERS = frozenset({FactType.INTEGER, FactType.DECIMAL})


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """One column, the fact it holds, and what its numbers are multiplied by.

    `place` is where the map says so.
    """

    column: str
    fact: FactDef
    place: Place
    scale: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The columns of a table: those that hold facts, the one by which the changes of a service are
    ordered, and those with the time of the change and the time when its failure became known.
    """

    name: str
    columns: tuple[MappedColumn, ...]
    order: str | None = None
    at: str | None = None
    known_at: str | None = None


def read_map(text: str | bytes, name: str) -> ColumnMap:
    """Return the map of a file. Raises `Invalid` with every fault."""
    faults = Faults()
    node = read(text, name)
    fields = Fields(node, faults, "the map")
    if isinstance(node, Mapping) and not 1 <= len(node.entries) <= COLUMNS_MAX:
        faults.add(
            node.place,
            f"the map: found {len(node.entries)} columns, allowed are 1 to {COLUMNS_MAX}",
        )
    faults.stop()
    columns: list[MappedColumn] = []
    words: dict[str, Scalar] = {}
    for key, value in node.entries if isinstance(node, Mapping) else ():
        fields.has(str(key.value))
        word = value.value if isinstance(value, Scalar) else None
        if isinstance(word, str) and word in WORDS:
            if word in words:
                faults.add(
                    key.place, f"found {word} twice, first for the column {words[word].text}"
                )
            words.setdefault(word, key)
        else:
            mapped = _column(key, value, faults)
            columns += [mapped] if mapped else []
    _once(columns, faults)
    faults.stop()
    if KNOWN_AT in words and AT not in words:
        faults.add(
            words[KNOWN_AT].place,
            f"found {KNOWN_AT} without {AT}: nobody can say what was known when a change was made",
        )
        faults.stop()
    order = words.get(ORDER) or words.get(AT)
    at, known_at = (words[word].text if word in words else None for word in (AT, KNOWN_AT))
    return ColumnMap(name, tuple(columns), None if order is None else order.text, at, known_at)


def _column(key: Scalar, value: Node, faults: Faults) -> MappedColumn | None:
    """Return the column of one entry, or None after adding a fault."""
    if isinstance(value, Mapping):
        fields = Fields(value, faults, f"the column {clip(key.text)}")
        named, scale = fields.node("fact"), fields.node("scale", required=False)
        fields.done()
    else:
        named, scale = value, None
    if named is None:
        return None
    fact = _fact(named, key, faults)
    if fact is None:
        return None
    return MappedColumn(key.text, fact, key.place, _scale(scale, fact, faults))


def _fact(node: Node, key: Scalar, faults: Faults) -> FactDef | None:
    column = clip(key.text)
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        faults.add(
            node.place,
            f"{column}: found {shown(node)}, allowed is the name of a fact, {LISTED}, or "
            "{fact: NAME, scale: NUMBER}",
        )
        return None
    fact = definition(node.value)
    if fact is None:
        known = [*FACTS, *WORDS]
        meant = did_you_mean(node.value, known) or "; they are listed in docs/reference/facts.md"
        faults.add(
            node.place,
            f"{column}: found {clip(node.value)}, allowed is the name of a fact, or "
            f"{LISTED}{meant}",
        )
    elif fact.type is FactType.TEXTS:
        faults.add(
            node.place,
            f"{column}: found {fact.name}, which is a list, allowed are facts with one value",
        )
        return None
    return fact


def _scale(node: Node | None, fact: FactDef, faults: Faults) -> Decimal | None:
    if node is None:
        return None
    value = node.value if isinstance(node, Scalar) else None
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    scale = Decimal(value) if number and isinstance(value, int | Decimal) else Decimal(0)
    if not 0 < scale < 10**SCALE_DIGITS_MAX or len(scale.as_tuple().digits) > SCALE_DIGITS_MAX:
        faults.add(
            node.place,
            f"scale: found {shown(node)}, allowed is a number over 0 of at most "
            f"{SCALE_DIGITS_MAX} digits",
        )
    elif fact.type not in _NUMBERS:
        faults.add(node.place, f"scale: {fact.name} is {fact.type}, allowed for numbers only")
    return scale


def _once(columns: Iterable[MappedColumn], faults: Faults) -> None:
    """Add a fault for two columns of one fact, because a change could then have two
    values of it.
    """
    first: dict[str, str] = {}
    for one in columns:
        if one.fact.name in first:
            faults.add(
                one.place,
                f"{clip(one.column)}: {one.fact.name} is the column {first[one.fact.name]} "
                "already; keep one of them",
            )
        first.setdefault(one.fact.name, clip(one.column))
