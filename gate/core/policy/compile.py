"""What a condition means: its types are checked once, at load, and it becomes one plain closure of
three answers.

Kleene's logic: an unknown fact makes the answer None, and None stays None until something certain
outweighs it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gate.core.facts import (
    DECIMAL_UNIT,
    FACTS,
    INTEGER_MAX,
    LABEL_LENGTH_MAX,
    PATH_BYTES_MAX,
    TEXT_LENGTH_MAX,
    FactDef,
    FactType,
    Value,
    definition,
)
from gate.core.policy import patterns
from gate.core.policy.grammar import OPPOSITE, BadCondition, Condition, Op, Word
from gate.core.policy.policy import Check, Choose, Part
from gate.core.yaml.fields import did_you_mean
from gate.core.yaml.reader import clip

DECIMAL_PLACES_MAX = 4

Seen: TypeAlias = Mapping[str, Any]
"""Values whose types were settled at load: a closure reads the one fact it was checked against."""

Constant: TypeAlias = Any
"""What a value is compared with: of the fact's own type, a frozenset of it, or a pattern."""

_NUMBERS = frozenset({FactType.INTEGER, FactType.DECIMAL})
_RATE = (0, DECIMAL_UNIT)
_RANGES = {
    "service.tier": (1, 4),
    "calendar.hour": (0, 23),
    "history.recent_failure_rate": _RATE,
    "history.path_failure_rate": _RATE,
    "checks.coverage_percent": (0, 100 * DECIMAL_UNIT),
}
"""Facts whose numbers end before `INTEGER_MAX`; a comparison outside could never hold."""

_ORDERED = (Op.BELOW, Op.AT_MOST, Op.ABOVE, Op.AT_LEAST)
_WORDS = (Op.EQUAL, Op.UNEQUAL, Op.IN, Op.NOT_IN)
_TEXT_OPS = (*_WORDS, Op.MATCHES, Op.NOT_MATCHES, Op.CONTAINS)
_OPS: Mapping[FactType, tuple[Op, ...]] = {
    FactType.BOOLEAN: (Op.HOLDS, Op.EQUAL, Op.UNEQUAL),
    FactType.INTEGER: (*_WORDS, *_ORDERED),
    FactType.DECIMAL: (*_WORDS, *_ORDERED),
    FactType.TEXT: _TEXT_OPS,
    FactType.TEXTS: (Op.CONTAINS,),
}


@dataclass(frozen=True, slots=True)
class Checked:
    """A condition that can be applied.

    `equal` is what its fact must be, where it asks for exactly one value.
    """

    part: Part
    equal: Value | None = None
    over_list: bool = False
    expression: bool = False


def check(condition: Condition, *, helps: bool | None) -> Checked:
    """The condition, typed and compiled.

    `helps` says whether holding helps the change; None where it decides which policy applies.

    Raises `BadCondition` for an unknown fact, a wrong type, or a comparison whose answer never
    changes.
    """
    fact = definition(condition.fact)
    if fact is None or len(fact.name) > LABEL_LENGTH_MAX + len("labels."):
        raise BadCondition(f"{clip(condition.fact)} is no fact{_meant(condition.fact)}")
    if condition.op in {Op.KNOWN, Op.UNKNOWN}:
        return _knowledge(condition, helps=helps)
    if condition.negated and condition.op is not Op.HOLDS:
        better = OPPOSITE.get(condition.op)
        way_out = f"; write {fact.name} {better} …" if better else "; put it under none_of:"
        raise BadCondition(
            "found not in front of a comparison, it stands before a true-or-false fact "
            f"only{way_out}"
        )
    if condition.quantifier:
        return _quantified(condition, fact)
    if condition.op not in _OPS[fact.type]:
        raise BadCondition(_wrong_op(condition, fact))
    constant = _constant(condition, fact)
    choose = _chooser(condition, fact, constant)
    part = Part(condition.text, (fact.name,), choose(True, False, None), choose)  # noqa: FBT003 - the three answers, in their order
    return Checked(
        part,
        equal=_equal(condition, constant),
        expression=condition.op in _MATCHING and constant.expression,
    )


_MATCHING = frozenset({Op.MATCHES, Op.NOT_MATCHES})


def fact_number(fact: FactDef, text: str) -> int:
    """A number as that fact counts: ten-thousandths for a decimal. Raises `BadCondition`."""
    number = re.fullmatch(r"(-?)([0-9]{1,16})(?:\.([0-9]{1,20}))?", text)
    if number is None:
        raise BadCondition(f"found {clip(text)}, {fact.name} is compared with a number")
    sign, whole, places = number[1], number[2], (number[3] or "").rstrip("0")
    if places and fact.type is FactType.INTEGER:
        raise BadCondition(f"found {text}, {fact.name} is compared with a whole number")
    if len(places) > DECIMAL_PLACES_MAX:
        raise BadCondition(f"found {text}, a decimal has at most {DECIMAL_PLACES_MAX} places")
    value = (
        int(whole) * DECIMAL_UNIT + int(places.ljust(DECIMAL_PLACES_MAX, "0"))
        if fact.type is FactType.DECIMAL
        else int(whole)
    )
    return -value if sign else value


def _meant(name: str) -> str:
    """The nearest fact, also when the group was left out."""
    group, _, last = name.rpartition(".")
    short = {known.partition(".")[2]: known for known in FACTS}
    if not group and last in short:
        return f"; did you mean {short[last]}?"
    siblings = [known for known in FACTS if known.startswith(f"{group}.")]
    return (
        did_you_mean(name, siblings)
        or did_you_mean(name, FACTS)
        or "; the facts are listed in docs/reference/facts.md"
    )


def _knowledge(condition: Condition, *, helps: bool | None) -> Checked:
    """`is known` where holding helps, `is unknown` where it hurts: withholding must never improve
    an outcome.
    """
    asks_known = (condition.op is Op.KNOWN) != condition.negated
    if condition.quantifier:
        raise BadCondition(
            f"found {condition.quantifier} before {condition.op}, a whole list is known or "
            f"unknown; leave {condition.quantifier} out"
        )
    if helps is None:
        raise BadCondition(
            f"found {condition.op} where it is decided which policy applies; only "
            "comparisons are allowed there"
        )
    if asks_known != helps:
        where, allowed = ("helps", "is unknown") if helps else ("hurts", "is known")
        other = "hurts" if helps else "helps"
        raise BadCondition(
            f"found {condition.text} where holding {where} the change; {allowed} is allowed only "
            f"where holding {other} it, or withholding a fact would pay"
        )
    name = condition.fact

    def known(values: Seen) -> bool | None:
        return values.get(name) is not None

    def unknown(values: Seen) -> bool | None:
        return values.get(name) is None

    return Checked(Part(condition.text, (name,), known if asks_known else unknown))


def _wrong_op(condition: Condition, fact: FactDef) -> str:
    if fact.type is FactType.TEXTS:
        return f"{fact.name} is a list; write any, all or none before it, or {fact.name} contains …"
    found = f"{fact.name} is {fact.type}"
    if condition.op is Op.HOLDS:
        return f"{found}, alone it says nothing; compare it, for example with {_OPS[fact.type][0]}"
    allowed = [op for op in _OPS[fact.type] if op is not Op.HOLDS]
    return f"{found}, found {condition.op}, allowed are {', '.join(allowed)}"


def _constant(condition: Condition, fact: FactDef) -> Constant:
    """What the fact is compared with, as its own type; refused where the answer could never
    change.
    """
    if condition.op is Op.HOLDS:
        return not condition.negated
    if condition.op in _MATCHING:
        constant: Constant = _pattern(condition.words[0])
    else:
        constants = [_value(fact, word, condition.op) for word in condition.words]
        if len(set(constants)) < len(constants):
            raise BadCondition(f"found a value twice in {clip(condition.text)}; keep one of them")
        constant = frozenset(constants) if condition.op in {Op.IN, Op.NOT_IN} else constants[0]
    _refuse_constant_answer(condition, fact, constant)
    return constant


def _pattern(word: Word) -> patterns.Pattern:
    try:
        return patterns.expression(word.text) if word.expression else patterns.glob(word.text)
    except patterns.BadPattern as error:
        raise BadCondition(str(error)) from None


def _value(fact: FactDef, word: Word, op: Op) -> Value:
    if fact.type is FactType.BOOLEAN:
        if word.quoted or word.text not in {"true", "false"}:
            raise BadCondition(f"found {clip(word.text)}, {fact.name} is true or false")
        return word.text == "true"
    if fact.type in _NUMBERS:
        if word.quoted:
            raise BadCondition(
                f'found the text "{clip(word.text)}", {fact.name} is compared with a '
                "number; leave the quotes out"
            )
        return _number(fact, word)
    if fact.choices and op is not Op.CONTAINS and word.text not in fact.choices:
        raise BadCondition(
            f"{fact.name} is never {clip(word.text)}, allowed are "
            f"{', '.join(fact.choices)}{did_you_mean(word.text, fact.choices)}"
        )
    longest = (
        PATH_BYTES_MAX
        if fact.type is FactType.TEXTS
        else LABEL_LENGTH_MAX
        if fact.group == "labels"
        else TEXT_LENGTH_MAX
    )
    if len(word.text) > longest:
        raise BadCondition(
            f"found a text of {len(word.text)} characters, {fact.name} has at most {longest}"
        )
    return word.text


def _number(fact: FactDef, word: Word) -> int:
    value = fact_number(fact, word.text)
    lowest, highest = _RANGES.get(fact.name, (0, INTEGER_MAX))
    if not lowest <= value <= highest:
        unit = DECIMAL_UNIT if fact.type is FactType.DECIMAL else 1
        raise BadCondition(
            f"found {word.text}, {fact.name} is never outside {lowest // unit} to {highest // unit}"
        )
    return value


def _refuse_constant_answer(condition: Condition, fact: FactDef, constant: Constant) -> None:
    """A comparison that holds for every value, or for none, is a mistake of whoever wrote it."""
    if fact.type in _NUMBERS:
        samples: Sequence[Value] = _RANGES.get(fact.name, (0, INTEGER_MAX))
        samples = samples if condition.op in _ORDERED else ()
    else:
        samples = fact.choices
    answers = {_TESTS[condition.op](constant)(sample) for sample in samples}
    always = (
        answers == {True}
        or (condition.op is Op.CONTAINS and constant == "")
        or (condition.op in _MATCHING and constant.everything)
    )
    if always or answers == {False}:
        ever = "always" if always and condition.op is not Op.NOT_MATCHES else "never"
        raise BadCondition(
            f"{clip(condition.text)} {ever} holds; compare with a value that {fact.name} "
            "may or may not have"
        )


def _chooser(condition: Condition, fact: FactDef, constant: Constant) -> Choose:
    """The condition as a maker of closures: what they answer is up to who asks."""
    if fact.type is FactType.BOOLEAN:
        holds = constant is not (condition.op is Op.UNEQUAL)
        return _true(fact.name) if holds else _turned(_true(fact.name))
    return _COMPARED[condition.op](fact.name, constant)


def _true(name: str) -> Choose:
    return lambda yes, no, unknown: (
        lambda values: unknown if (seen := values.get(name)) is None else yes if seen else no
    )


def _turned(choose: Choose) -> Choose:
    return lambda yes, no, unknown: choose(no, yes, unknown)


def _tested(op: Op) -> Callable[[str, Constant], Choose]:
    """For operators whose test is a call of its own anyway."""

    def tested(name: str, constant: Constant) -> Choose:
        test = _TESTS[op](constant)
        return lambda yes, no, unknown: (
            lambda values: (
                unknown if (seen := values.get(name)) is None else yes if test(seen) else no
            )
        )

    return tested


# The comparison stands in the closure itself: a second call would double what a condition costs.
_COMPARED: Mapping[Op, Callable[[str, Constant], Choose]] = {
    Op.EQUAL: lambda name, limit: (
        lambda yes, no, unknown: (
            lambda values: (
                unknown if (seen := values.get(name)) is None else yes if seen == limit else no
            )
        )
    ),
    Op.UNEQUAL: lambda name, limit: (
        lambda yes, no, unknown: (
            lambda values: (
                unknown if (seen := values.get(name)) is None else yes if seen != limit else no
            )
        )
    ),
    Op.BELOW: lambda name, limit: (
        lambda yes, no, unknown: (
            lambda values: (
                unknown if (seen := values.get(name)) is None else yes if seen < limit else no
            )
        )
    ),
    Op.AT_MOST: lambda name, limit: (
        lambda yes, no, unknown: (
            lambda values: (
                unknown if (seen := values.get(name)) is None else yes if seen <= limit else no
            )
        )
    ),
    Op.ABOVE: lambda name, limit: (
        lambda yes, no, unknown: (
            lambda values: (
                unknown if (seen := values.get(name)) is None else yes if seen > limit else no
            )
        )
    ),
    Op.AT_LEAST: lambda name, limit: (
        lambda yes, no, unknown: (
            lambda values: (
                unknown if (seen := values.get(name)) is None else yes if seen >= limit else no
            )
        )
    ),
    Op.IN: lambda name, some: (
        lambda yes, no, unknown: (
            lambda values: (
                unknown if (seen := values.get(name)) is None else yes if seen in some else no
            )
        )
    ),
    Op.NOT_IN: lambda name, some: (
        lambda yes, no, unknown: (
            lambda values: (
                unknown if (seen := values.get(name)) is None else yes if seen not in some else no
            )
        )
    ),
    Op.MATCHES: _tested(Op.MATCHES),
    Op.NOT_MATCHES: _tested(Op.NOT_MATCHES),
    Op.CONTAINS: _tested(Op.CONTAINS),
}

_TESTS: Mapping[Op, Callable[[Constant], Callable[[Any], bool]]] = {
    Op.EQUAL: lambda constant: lambda seen: seen == constant,
    Op.UNEQUAL: lambda constant: lambda seen: seen != constant,
    Op.BELOW: lambda constant: lambda seen: seen < constant,
    Op.AT_MOST: lambda constant: lambda seen: seen <= constant,
    Op.ABOVE: lambda constant: lambda seen: seen > constant,
    Op.AT_LEAST: lambda constant: lambda seen: seen >= constant,
    Op.IN: lambda constant: lambda seen: seen in constant,
    Op.NOT_IN: lambda constant: lambda seen: seen not in constant,
    Op.MATCHES: lambda pattern: pattern.test,
    Op.NOT_MATCHES: lambda pattern: lambda seen: not pattern.test(seen),
    Op.CONTAINS: lambda constant: lambda seen: constant in seen,
}


def _equal(condition: Condition, constant: Constant) -> Value | None:
    """The one value that the fact must have, if there is one."""
    return constant if condition.op in {Op.EQUAL, Op.HOLDS} else None


def _quantified(condition: Condition, fact: FactDef) -> Checked:
    """Over an empty list `any` and `all` do not hold and `none` does."""
    if fact.type is not FactType.TEXTS:
        raise BadCondition(
            f"found {condition.quantifier} before {fact.name}, which is {fact.type}; leave "
            f"{condition.quantifier} out"
        )
    if condition.op not in _TEXT_OPS:
        raise BadCondition(
            f"found {condition.op}, the items of {fact.name} are text; allowed are "
            f"{', '.join(_TEXT_OPS)}"
        )
    constant = _constant(condition, fact)
    # `all` holds where no item fails: one search for the first item that decides serves all three.
    first = _first(
        OPPOSITE.get(condition.op), condition.op, constant, failing=condition.quantifier == "all"
    )
    name, quantifier = fact.name, condition.quantifier

    def any_of(values: Seen) -> bool | None:
        return None if (seen := values.get(name)) is None else first(seen) is not None

    def all_of(values: Seen) -> bool | None:
        return None if (seen := values.get(name)) is None else len(seen) > 0 and first(seen) is None

    def none_of(values: Seen) -> bool | None:
        return None if (seen := values.get(name)) is None else first(seen) is None

    def example(values: Seen) -> str | None:
        return first(values.get(name) or ())

    answer: Check = any_of if quantifier == "any" else all_of if quantifier == "all" else none_of
    part = Part(condition.text, (name,), answer, example=example)
    return Checked(
        part, over_list=True, expression=condition.op in _MATCHING and constant.expression
    )


def _first(
    opposite: Op | None, op: Op, constant: Constant, *, failing: bool
) -> Callable[[Sequence[str]], str | None]:
    """The first item for which the comparison holds, or fails."""
    wanted = opposite if failing else op
    if wanted is Op.MATCHES:
        search: Callable[[Sequence[str]], str | None] = constant.first
        return search
    test = _TESTS[op](constant)
    return lambda items: next((item for item in items if test(item) is not failing), None)
