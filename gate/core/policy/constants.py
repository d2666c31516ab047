"""The constants that facts are compared with.

A constant is given the type of its fact once, at load. It is refused if the comparison could only
ever have one answer, because that is a mistake of the author.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from gate.core.facts import (
    DECIMAL_UNIT,
    INTEGER_MAX,
    LABEL_LENGTH_MAX,
    PATH_BYTES_MAX,
    TEXT_LENGTH_MAX,
    FactDef,
    FactType,
    Value,
)
from gate.core.policy import patterns
from gate.core.policy.grammar import BadCondition, Condition, Op, Word
from gate.core.yaml.fields import did_you_mean
from gate.core.yaml.reader import clip

DECIMAL_PLACES_MAX = 4


Constant: TypeAlias = Any
"""A constant has the fact's own type, or is a frozenset of such values, or a pattern."""


NUMBERS = frozenset({FactType.INTEGER, FactType.DECIMAL})


_RATE = (0, DECIMAL_UNIT)


_RANGES = {
    "service.tier": (1, 4),
    "calendar.hour": (0, 23),
    "history.recent_failure_rate": _RATE,
    "history.path_failure_rate": _RATE,
    "checks.coverage_percent": (0, 100 * DECIMAL_UNIT),
}
"""The ranges of facts whose numbers end before `INTEGER_MAX`; outside no comparison could hold."""


ORDERED = (Op.BELOW, Op.AT_MOST, Op.ABOVE, Op.AT_LEAST)


MATCHING = frozenset({Op.MATCHES, Op.NOT_MATCHES})


def fact_number(fact: FactDef, text: str) -> int:
    """Return the number in the unit of the fact, ten-thousandths for a decimal.

    Raises `BadCondition`.
    """
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


def constant_of(condition: Condition, fact: FactDef) -> Constant:
    """Return what the fact is compared with.

    Raises `BadCondition` for another type, or if the comparison could only ever have one answer.
    """
    if condition.op is Op.HOLDS:
        return not condition.negated
    if condition.op in MATCHING:
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
        if word.expression:
            return patterns.expression(word.text)
        return patterns.glob(word.text)
    except patterns.BadPattern as error:
        raise BadCondition(str(error)) from None


def _value(fact: FactDef, word: Word, op: Op) -> Value:
    if fact.type is FactType.BOOLEAN:
        if word.quoted or word.text not in {"true", "false"}:
            raise BadCondition(f"found {clip(word.text)}, {fact.name} is true or false")
        return word.text == "true"
    if fact.type in NUMBERS:
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
    """Raise `BadCondition` for a comparison that holds for every value, or for none."""
    if fact.type in NUMBERS:
        samples: Sequence[Value] = _RANGES.get(fact.name, (0, INTEGER_MAX))
        samples = samples if condition.op in ORDERED else ()
    else:
        samples = fact.choices
    answers = {TESTS[condition.op](constant)(sample) for sample in samples}
    always = (
        answers == {True}
        or (condition.op is Op.CONTAINS and constant == "")
        or (condition.op in MATCHING and constant.everything)
    )
    if always or answers == {False}:
        ever = "always" if always and condition.op is not Op.NOT_MATCHES else "never"
        raise BadCondition(
            f"{clip(condition.text)} {ever} holds; compare with a value that {fact.name} "
            "may or may not have"
        )


TESTS: Mapping[Op, Callable[[Constant], Callable[[Any], bool]]] = {
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
