"""Compiles a condition: its types are checked once, at load, and it becomes a function of the
facts.

The function answers True, False or None. This is Kleene's logic: an unknown fact makes the answer
None, and a group of conditions with a None in it is None unless the others decide it.

Most conditions compile to a `Choose`, which takes three values and returns a function that returns
one of them. So a rule can have its finding chosen where the comparison is made: a second call would
double what a condition costs, and every decision applies hundreds of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gate.core.facts import (
    FACTS,
    LABEL_LENGTH_MAX,
    FactDef,
    FactType,
    Value,
    definition,
)
from gate.core.policy.constants import MATCHING, ORDERED, TESTS, Constant, constant_of
from gate.core.policy.grammar import OPPOSITE, BadCondition, Condition, Op
from gate.core.policy.policy import Check, Choose, Part
from gate.core.yaml.fields import did_you_mean
from gate.core.yaml.reader import clip

Seen: TypeAlias = Mapping[str, Any]
"""Values of facts. Their types need no check here, because a function reads only the fact against
which its condition was checked at load."""


_WORDS = (Op.EQUAL, Op.UNEQUAL, Op.IN, Op.NOT_IN)
_TEXT_OPS = (*_WORDS, Op.MATCHES, Op.NOT_MATCHES, Op.CONTAINS)
_OPS: Mapping[FactType, tuple[Op, ...]] = {
    FactType.BOOLEAN: (Op.HOLDS, Op.EQUAL, Op.UNEQUAL),
    FactType.INTEGER: (*_WORDS, *ORDERED),
    FactType.DECIMAL: (*_WORDS, *ORDERED),
    FactType.TEXT: _TEXT_OPS,
    FactType.TEXTS: (Op.CONTAINS,),
}


@dataclass(frozen=True, slots=True)
class Checked:
    """A condition that can be applied.

    `equal` is the value that the fact must have, if the condition asks for exactly one value.
    """

    part: Part
    equal: Value | None = None
    over_list: bool = False
    expression: bool = False


def check(condition: Condition, *, helps: bool | None) -> Checked:
    """Return the condition, checked and compiled.

    `helps` says whether holding helps the change, or is None where the condition decides which
    policy applies.

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
    constant = constant_of(condition, fact)
    choose = _chooser(condition, fact, constant)
    part = Part(condition.text, (fact.name,), choose(True, False, None), choose)  # noqa: FBT003 - the three answers, in their order
    return Checked(
        part,
        equal=constant if condition.op in {Op.EQUAL, Op.HOLDS} else None,
        expression=condition.op in MATCHING and constant.expression,
    )


def _meant(name: str) -> str:
    """Return a hint at the fact that may be meant, also if its group was left out."""
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
    """Compile `is known` and `is unknown`.

    `is known` is allowed where holding helps and `is unknown` where it hurts, because leaving a
    fact out must never improve an outcome.
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


def _chooser(condition: Condition, fact: FactDef, constant: Constant) -> Choose:
    """Return the condition as a `Choose`: the caller says what the function shall return."""
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
    """Compile an operator whose test is a call anyway, such as a search for a pattern."""

    def tested(name: str, constant: Constant) -> Choose:
        test = TESTS[op](constant)
        return lambda yes, no, unknown: (
            lambda values: (
                unknown if (seen := values.get(name)) is None else yes if test(seen) else no
            )
        )

    return tested


# Each comparison is written out in its own function: a shared one would be a second call.
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


def _quantified(condition: Condition, fact: FactDef) -> Checked:
    """Compile a condition over the items of a list.

    Over an empty list `none` holds, but `any` and `all` do not: nothing matched is never yes.
    """
    _refuse_wrong_quantifier(condition, fact)
    constant = constant_of(condition, fact)
    # `all` holds if no item fails. So all three need only the first item that decides.
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
        part, over_list=True, expression=condition.op in MATCHING and constant.expression
    )


def _refuse_wrong_quantifier(condition: Condition, fact: FactDef) -> None:
    """Raise `BadCondition` for a fact that is no list, or an operator that is not for texts."""
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


def _first(
    opposite: Op | None, op: Op, constant: Constant, *, failing: bool
) -> Callable[[Sequence[str]], str | None]:
    """Return a search for the first item for which the comparison holds, or with
    `failing` fails.
    """
    wanted = opposite if failing else op
    if wanted is Op.MATCHES:
        search: Callable[[Sequence[str]], str | None] = constant.first
        return search
    test = TESTS[op](constant)
    return lambda items: next((item for item in items if test(item) is not failing), None)
