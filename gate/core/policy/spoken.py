"""Says a condition as a reader of English would: `checks.failed > 0` is "any checks failed".

The line of the policy stays what counts; this is for people who are judged by it.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from gate.core.facts import FactType, definition
from gate.core.policy.grammar import OPPOSITE, Condition, Op, Word

NOT_COUNTED = frozenset({"service.tier", "calendar.hour", "reviews.pull_request"})
"""Whole numbers that are no count: "3 lines added" is English, "2 service tier" is not."""

YES_AND_NO: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "change.first_deployment": (
            "nothing was deployed here before",
            "something was deployed here before",
        ),
        "change.fixes_defect": ("it fixes a defect", "it fixes no defect"),
        "change.has_rollback_plan": ("it has a rollback plan", "it has no rollback plan"),
        "change.has_test_plan": ("it has a test plan", "it has no test plan"),
        "change.has_impact_note": ("it has an impact note", "it has no impact note"),
        "change.remediates": ("it repairs an earlier change", "it repairs no earlier change"),
        "change.ref_protected": (
            "it comes from a protected branch or tag",
            "it comes from a branch or tag that is not protected",
        ),
        "service.known": (
            "the service is in the catalogue",
            "the service is not in the catalogue",
        ),
        "service.has_runbook": ("the service has a runbook", "the service has no runbook"),
        "service.has_support_note": (
            "the service has a support note",
            "the service has no support note",
        ),
        "service.has_known_issues": (
            "the service has a list of known issues",
            "the service has no list of known issues",
        ),
        "environment.proved": (
            "the identity token names the environment",
            "no identity token names the environment",
        ),
        "diff.reverts": ("it reverts a commit", "it reverts no commit"),
        "author.known": ("every author is known here", "an author is new here"),
        "reviews.by_owner": ("an owner has reviewed it", "no owner has reviewed it"),
        "reviews.approved_head": (
            "a review approves the very commit",
            "no review approves the very commit",
        ),
        "artifact.has_digest": ("every artifact has a digest", "an artifact has no digest"),
        "artifact.signed": ("every artifact is signed", "an artifact is not signed"),
        "artifact.provenance": ("every artifact has provenance", "an artifact has no provenance"),
        "history.last_similar_failed": (
            "the last similar change failed",
            "the last similar change did not fail",
        ),
        "calendar.frozen": ("it is frozen", "it is not frozen"),
        "calendar.within_business_hours": ("people are at work", "people are not at work"),
        "conflicts.dependency_in_flight": (
            "a dependency is being changed",
            "no dependency is being changed",
        ),
    }
)
"""A fact that is true or false, as a sentence for each."""

_GROUPS: Mapping[str, str] = {"any_of": " or ", "all_of": " and ", "none_of": " or "}
_COMPARED: Mapping[Op, str] = {
    Op.EQUAL: "is {}",
    Op.UNEQUAL: "is not {}",
    Op.BELOW: "is below {}",
    Op.AT_MOST: "is at most {}",
    Op.ABOVE: "is above {}",
    Op.AT_LEAST: "is {} or more",
    Op.IN: "is {}",
    Op.NOT_IN: "is none of {}",
    Op.MATCHES: "matches {}",
    Op.NOT_MATCHES: "does not match {}",
    Op.CONTAINS: "has {}",
}
_COUNTED: Mapping[Op, str] = {
    Op.EQUAL: "exactly {} {}",
    Op.UNEQUAL: "not exactly {} {}",
    Op.BELOW: "fewer than {} {}",
    Op.AT_MOST: "at most {} {}",
    Op.ABOVE: "more than {} {}",
    Op.AT_LEAST: "{} or more {}",
}
_PLURAL_NOUN = re.compile(r"\b([a-z]+?)(ies|s)\b")
_SINGULAR: Mapping[str, str] = MappingProxyType(
    {"reviews that request changes": "review that requests changes"}
)
"""Words in which more than the noun is different for one."""

_PLURAL: Mapping[str, str] = {"is": "are", "has": "have", "matches": "match", "does": "do"}
_NONE_AT_ALL = frozenset({(Op.EQUAL, "0"), (Op.BELOW, "1"), (Op.AT_MOST, "0")})
_AT_LEAST_ONE = frozenset({(Op.ABOVE, "0"), (Op.AT_LEAST, "1"), (Op.UNEQUAL, "0")})


def spoken(condition: Condition) -> str:
    """Return a condition as a part of a sentence."""
    fact, words = definition(condition.fact), words_of(condition.fact)
    if condition.op in {Op.KNOWN, Op.UNKNOWN}:
        is_known = (condition.op is Op.KNOWN) is not condition.negated
        verb = "are" if fact is not None and fact.type is FactType.TEXTS else "is"
        subject = whether(condition.fact) if condition.fact in YES_AND_NO else f"the {words}"
        return f"{subject} {verb} {'known' if is_known else 'unknown'}"
    if condition.quantifier is not None:
        return _over_list(condition, words)
    if fact is not None and fact.type is FactType.BOOLEAN:
        return _yes_or_no(condition, words)
    if is_count(condition.fact):
        return _counted(condition, words)
    return f"the {words} {_compared(condition.op, condition.words)}"


def words_of(name: str) -> str:
    """Return the words of a fact, or its name where it has none."""
    fact = definition(name)
    return fact.words if fact else name


def is_count(name: str) -> bool:
    """Return whether the fact counts something, so that its number stands before its words."""
    fact = definition(name)
    return fact is not None and fact.type is FactType.INTEGER and name not in NOT_COUNTED


def singular(words: str) -> str:
    """Return the words of a count for one: "lines added" is "line added"."""
    if words in _SINGULAR:
        return _SINGULAR[words]
    # The noun that is counted is the first plural.
    return _PLURAL_NOUN.sub(
        lambda found: found[1] + ("y" if found[2] == "ies" else ""), words, count=1
    )


def said_unknown(name: str) -> str:
    """Say that a fact is unknown."""
    return f"unknown: {whether(name)}"


def whether(name: str) -> str:
    """Return what is asked where the fact is unknown."""
    return f"whether {YES_AND_NO[name][0]}" if name in YES_AND_NO else words_of(name)


def spoken_group(group: str, parts: list[str]) -> str:
    """Return a nested group of conditions as a part of a sentence."""
    joined = _GROUPS[group].join(parts)
    if group == "none_of":
        return f"it is not so that {joined}"
    return f"({joined})" if len(parts) > 1 else joined


def _yes_or_no(condition: Condition, words: str) -> str:
    said = condition.words[0].text if condition.words else "true"
    holds = (said == "true") is (condition.op is not Op.UNEQUAL)
    yes, no = YES_AND_NO.get(condition.fact, (words, f"not: {words}"))
    return yes if holds is not condition.negated else no


def _counted(condition: Condition, words: str) -> str:
    op, limit = condition.op, condition.words[0].text if condition.words else ""
    if (op, limit) in _NONE_AT_ALL:
        return f"no {words}"
    if (op, limit) in _AT_LEAST_ONE:
        return f"any {words}"
    pattern = _COUNTED.get(op)
    if pattern is None:
        return f"the {words} {_compared(op, condition.words)}"
    return pattern.format(limit, singular(words) if limit == "1" else words)


def _over_list(condition: Condition, words: str) -> str:
    """Say which items of a list are meant. That none differs is said as that all are the same."""
    op = condition.op
    quantifier = condition.quantifier
    if quantifier == "none" and op in {Op.NOT_MATCHES, Op.UNEQUAL, Op.NOT_IN}:
        quantifier, op = "all", OPPOSITE[op]
    compared = _compared(op, condition.words)
    if quantifier == "all":
        verb, _, rest = compared.partition(" ")
        compared = f"{_PLURAL.get(verb, verb)} {rest}"
    return f"{quantifier} of the {words} {compared}"


def _compared(op: Op, words: tuple[Word, ...]) -> str:
    shown = [f"/{word.text}/" if word.expression else word.text for word in words]
    listed = " or ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
    return _COMPARED[op].format(listed) if op in _COMPARED else "holds"
