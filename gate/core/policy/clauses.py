"""Reads a list of conditions from a policy file into one clause.

All conditions of a list must hold; `any_of`, `all_of` and `none_of` nest. A fault is remembered
with its place and reading goes on, so that the author sees all faults at once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeAlias

from gate.core.facts import Value, Values
from gate.core.policy.compile import Checked, check
from gate.core.policy.grammar import BadCondition, parse
from gate.core.policy.policy import CONDITIONS_MAX, NESTING_MAX, Check, Clause, Part
from gate.core.policy.spoken import spoken, spoken_group
from gate.core.yaml.fields import Faults, Fields
from gate.core.yaml.reader import Mapping as YamlMapping
from gate.core.yaml.reader import Node, Place, Scalar, Sequence, clip, shown, single_quoted

LIST_CONDITIONS_MAX = 200
EXPRESSIONS_MAX = 50
"""Both limits are for one file, because a list may have thousands of items and an expression is run
for each of them."""

GROUPS = ("any_of", "all_of", "none_of")


@dataclass(slots=True)
class Costs:
    """Counts the costly conditions of one file while they are read."""

    over_lists: int = 0
    expressions: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """A clause that was read, and the facts that must have one exact value for it to hold."""

    clause: Clause
    equal: Mapping[str, Value] = field(default_factory=dict)
    contradiction: str | None = None


def read_clause(fields: Fields, key: str, costs: Costs, *, helps: bool | None) -> Read | None:
    """Return the clause under the key, or None if the key is absent or a condition has a fault.

    `helps` says whether holding helps the change (see `compile.check`).
    """
    node = fields.node(key, required=False)
    if node is None:
        return None
    before = len(fields.faults.found)
    reader = _ClauseReader(fields.faults, costs, key)
    parts = reader.all_of(node, helps=helps)
    if reader.conditions > CONDITIONS_MAX:
        fields.faults.add(
            node.place, f"{key}: found {reader.conditions} conditions, allowed are {CONDITIONS_MAX}"
        )
    if len(fields.faults.found) > before:
        return None
    clause = Clause(
        text=" and ".join(part.text for part in parts),
        facts=_facts(parts),
        check=_KLEENE["all_of"](tuple(part.check for part in parts)),
        conditions=reader.conditions,
        parts=tuple(parts),
    )
    return Read(clause, MappingProxyType(reader.equal), reader.contradiction)


class _ClauseReader:
    """Reads the conditions of one clause, adds their faults to `faults`, and counts them."""

    def __init__(self, faults: Faults, costs: Costs, key: str) -> None:
        self.conditions = 0
        self.equal: dict[str, Value] = {}
        self.contradiction: str | None = None
        self._faults = faults
        self._costs = costs
        self._key = key

    def all_of(self, node: Node, *, helps: bool | None) -> list[Part]:
        """Return the entries of the clause, which is a list or one group."""
        if isinstance(node, YamlMapping) and any(node.get(group) for group in GROUPS):
            part = self._entry(node, helps=helps, depth=0)
            return [] if part is None else [part]
        return self._list(node, self._key, helps=helps, depth=0)

    def _list(self, node: Node, key: str, *, helps: bool | None, depth: int) -> list[Part]:
        if not isinstance(node, Sequence):
            form = (
                f": [{single_quoted(node.place.raw)}]"
                if isinstance(node, Scalar) and node.value is not None
                else ""
            )
            self._fault(
                node.place, f"{key}: found {shown(node)}, allowed is a list of conditions{form}"
            )
            return []
        if not node.items:
            self._fault(
                node.place, f"{key}: found an empty list, allowed is at least one condition"
            )
        parts: list[Part] = []
        covered = 0
        for item in node.items:
            if item.place.start < covered:
                # A piece of a condition that YAML has cut; its beginning was already reported.
                continue
            whole = _before_yaml_cut_it(item)
            if whole is not None:
                covered = item.place.start + len(whole)
                self._fault(
                    item.place,
                    f"{key}: YAML cuts this condition at {shown(item)}; write it in single "
                    f"quotes: {_written(whole)}",
                )
                continue
            part = self._entry(item, helps=helps, depth=depth)
            parts += [] if part is None else [part]
        return parts

    def _entry(self, node: Node, *, helps: bool | None, depth: int) -> Part | None:
        if isinstance(node, YamlMapping):
            return self._group(node, helps=helps, depth=depth + 1)
        if isinstance(node, Sequence):
            self._fault(
                node.place,
                f"{self._key}: found a list where a condition stands; nest with all_of:, or "
                f"write {single_quoted(node.place.raw)}",
            )
            return None
        if not isinstance(node.value, str):
            self._fault(
                node.place,
                f"{self._key}: found {shown(node)}, allowed is a condition such as "
                "'checks.failed == 0'",
            )
            return None
        return self._condition(node.value, node.place, helps=helps, top=depth == 0)

    def _condition(self, text: str, place: Place, *, helps: bool | None, top: bool) -> Part | None:
        self.conditions += 1
        try:
            condition = parse(text)
            checked = check(condition, helps=helps)
        except BadCondition as error:
            self._fault(place, f"{self._key}: {error}")
            return None
        self._count(checked, place)
        if top and checked.equal is not None and condition.quantifier is None:
            self._remember(condition.fact, checked)
        return replace(checked.part, spoken=spoken(condition))

    def _remember(self, fact: str, checked: Checked) -> None:
        if (
            checked.equal is not None
            and self.equal.setdefault(fact, checked.equal) != checked.equal
        ):
            self.contradiction = f"{fact} cannot be {self.equal[fact]} and {checked.equal} at once"

    def _count(self, checked: Checked, place: Place) -> None:
        self._costs.over_lists += checked.over_list
        self._costs.expressions += checked.expression
        if self._costs.over_lists == LIST_CONDITIONS_MAX + 1 and checked.over_list:
            self._fault(
                place,
                f"found more than {LIST_CONDITIONS_MAX} conditions over lists, allowed are "
                f"{LIST_CONDITIONS_MAX} a file",
            )
        if self._costs.expressions == EXPRESSIONS_MAX + 1 and checked.expression:
            self._fault(
                place,
                f"found more than {EXPRESSIONS_MAX} regular expressions, allowed are "
                f"{EXPRESSIONS_MAX} a file; write globs",
            )

    def _group(self, node: YamlMapping, *, helps: bool | None, depth: int) -> Part | None:
        keys = [str(key.value) for key, _ in node.entries]
        if len(keys) != 1 or keys[0] not in GROUPS:
            self._fault(node.place, _mapping_fault(node, self._key))
            return None
        if depth > NESTING_MAX:
            self._fault(
                node.place,
                f"{self._key}: found groups nested {depth} deep, allowed are {NESTING_MAX}",
            )
            return None
        group, inner = keys[0], node.entries[0][1]
        inside = not helps if group == "none_of" and helps is not None else helps
        parts = self._list(inner, group, helps=inside, depth=depth)
        text = f"{group.replace('_', ' ')} ({'; '.join(part.text for part in parts)})"
        return Part(
            text,
            _facts(parts),
            _KLEENE[group](tuple(part.check for part in parts)),
            spoken=spoken_group(group, [part.spoken for part in parts]),
        )

    def _fault(self, place: Place, detail: str) -> None:
        self._faults.add(place, detail)


def _facts(parts: list[Part]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact for part in parts for fact in part.facts))


def _mapping_fault(node: YamlMapping, key: str) -> str:
    """Return the fault of a mapping in place of a condition: a misspelt group, or a line with a
    colon that YAML takes for a mapping.
    """
    raw = node.place.raw.strip()
    if "\n" in raw or any(isinstance(value, Sequence) for _, value in node.entries):
        return (
            f"{key}: found a mapping with {clip(', '.join(key.text for key, _ in node.entries))}, "
            f"allowed is one of {', '.join(GROUPS)}"
        )
    return (
        f"{key}: YAML takes this condition for a mapping; write it in single quotes: "
        f"{_written(raw)}"
    )


def _before_yaml_cut_it(node: Node) -> str | None:
    """Return the whole condition if YAML ended it early at a comma or a `#`, else None."""
    if not isinstance(node, Scalar) or node.quoted or not isinstance(node.value, str):
        return None
    text, start, end = node.place.text, node.place.start, node.place.end
    line_end = text.find("\n", end)
    rest = text[end : line_end if line_end >= 0 else len(text)].rstrip()
    for opening, closing in (("(", ")"), ('"', '"')):
        is_open = (
            node.value.count(opening) > node.value.count(closing)
            if opening != closing
            else node.value.count('"') % 2 == 1
        )
        if is_open and closing in rest:
            return text[start : end + rest.index(closing) + 1]
    if rest.lstrip().startswith("#") and _unfinished(node.value):
        return text[start : end + len(rest)]
    return None


def _written(condition: str) -> str:
    """Return the condition as it can be written in the file.

    A value that is more than one word gets double quotes inside the single ones.
    """
    try:
        parse(condition)
    except BadCondition:
        parts = _VALUE.fullmatch(condition)
        if parts and '"' not in parts["value"]:
            return single_quoted(f'{parts["before"]} "{parts["value"]}"')
    return single_quoted(condition)


_VALUE = re.compile(r"(?P<before>[^=!]+? (?:==|!=|matches|contains)) +(?P<value>[^(].*)")


def _unfinished(condition: str) -> bool:
    """Return whether the condition lacks its end, so that the `#` behind it began no comment."""
    try:
        parse(condition)
    except BadCondition:
        return True
    return False


Checks: TypeAlias = tuple[Check, ...]


def _all(checks: Checks) -> Check:
    if len(checks) == 1:
        return checks[0]

    def all_hold(values: Values) -> bool | None:
        answer: bool | None = True
        for one in checks:
            holds = one(values)
            if holds is False:
                return False
            if holds is None:
                answer = None
        return answer

    return all_hold


def _any(checks: Checks) -> Check:
    def any_holds(values: Values) -> bool | None:
        answer: bool | None = False
        for one in checks:
            holds = one(values)
            if holds:
                return True
            if holds is None:
                answer = None
        return answer

    return any_holds


def _none(checks: Checks) -> Check:
    any_holds = _any(checks)

    def none_holds(values: Values) -> bool | None:
        holds = any_holds(values)
        return None if holds is None else not holds

    return none_holds


_KLEENE: Mapping[str, Callable[[Checks], Check]] = {
    "all_of": _all,
    "any_of": _any,
    "none_of": _none,
}
