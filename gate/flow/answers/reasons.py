"""The reasons of a decision: each finding with a sentence and the facts from which it was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from orjson import Fragment

from gate.core.decision.guards import held_by
from gate.core.decision.record import Record
from gate.core.decision.sentences import ITEM_LENGTH_MAX, sentence, sentences, shown
from gate.core.decision.values import Decision, Finding, FindingKind, Hold
from gate.core.facts import Facts, Origin, wire_value
from gate.core.instants import clock
from gate.core.policy.policy import Policy
from gate.flow.answers.written import written

ITEMS_SHOWN_MAX = 20
"""The most items of a list that a reason shows. Each rule that looks at a list would otherwise show
all 3,000 paths again, and a page of a list has 200 changes with 30 reasons each."""

REASONS_KEPT_MAX = 20_000
"""The most reasons that are kept as JSON, of a few hundred bytes each."""

Reason = TypeVar("Reason")
"""A reason, or the JSON of one. The reason of a freeze is never kept as JSON."""

FactValue: TypeAlias = bool | int | float | str | list[str]


@dataclass(frozen=True)
class FactAnswer:
    """A fact as the decision saw it. A null value is unknown."""

    value: FactValue | None
    origin: Origin | None


@dataclass(frozen=True)
class ShortReason:
    """One reason of a decision, without its facts, which the change has."""

    rule: str
    title: str
    points: int
    holds: bool | None
    because: str


@dataclass(frozen=True)
class ReasonAnswer(ShortReason):
    """One finding: the rule, its points, and the sentence that says why.

    `facts` has of a list only the first `ITEMS_SHOWN_MAX` items; the decisions of a change have the
    whole.
    """

    facts: Mapping[str, FactAnswer]


@dataclass(frozen=True)
class ExplainedReason(ReasonAnswer):
    """A reason for a person who has to decide, with its kind and whether it speaks against the
    change.
    """

    kind: FindingKind
    against: bool

    @property
    def is_unknown(self) -> bool:
        """Whether this is a requirement of which it is unknown whether it holds.

        Readers see several of these as one reason.
        """
        return self.kind is FindingKind.REQUIREMENT and self.holds is None


def reasons(
    findings: Sequence[Finding], facts: Facts, policy: Policy | None
) -> tuple[ReasonAnswer, ...]:
    """Return every finding as a reason, in the order of the findings. The one that decided comes
    first.

    `policy` is the one that gave the findings. Without it, sentences name only facts and values.
    """
    seen = {name: _beginning(name, facts) for finding in findings for name in finding.facts}
    written = sentences(findings, facts, policy)
    return tuple(
        ReasonAnswer(
            finding.rule,
            finding.title,
            finding.points,
            finding.holds,
            because,
            {name: seen[name] for name in finding.facts},
        )
        for finding, because in zip(findings, written, strict=True)
    )


def short_reason(one: ReasonAnswer) -> ShortReason:
    """Return the reason without its facts."""
    return ShortReason(one.rule, one.title, one.points, one.holds, one.because)


def fact_answers(facts: Facts) -> dict[str, FactAnswer]:
    """Return facts by full name, as an evaluation shows them."""
    return {name: fact_answer(name, facts) for name in facts}


def fact_answer(name: str, facts: Facts) -> FactAnswer:
    """Return the fact of that name, or an unknown one if there is none."""
    fact = facts.get(name)
    if fact is None:
        return _UNKNOWN
    return FactAnswer(wire_value(name, fact.value), fact.origin)


def _beginning(name: str, facts: Facts) -> FactAnswer:
    fact = facts.get(name)
    if fact is None or not isinstance(fact.value, tuple):
        return fact_answer(name, facts)
    return FactAnswer(list(fact.value[:ITEMS_SHOWN_MAX]), fact.origin)


_UNKNOWN = FactAnswer(None, None)


class KeptReasons:
    """A cache of reasons as JSON. Their key is everything they follow from: the policy, its
    revision, the finding, and the facts that the finding looked at.

    Most findings look at facts with few different values, so most reasons were written before. With
    33 findings that takes 0.04 ms instead of 0.3 ms, a quarter of what a whole decision costs.
    """

    def __init__(self) -> None:
        self._kept: dict[object, Fragment] = {}

    def __len__(self) -> int:
        """Return how many reasons are kept."""
        return len(self._kept)

    def of(
        self, findings: Sequence[Finding], facts: Facts, policy: Policy | None, revision: str
    ) -> list[ReasonAnswer | Fragment]:
        """Return each finding as a reason or as the JSON of one, which orjson writes unchanged.

        `revision` is that of the policies.
        """
        name = policy and policy.name
        keys = [(revision, name, one, *map(facts.get, one.facts)) for one in findings]
        found: list[ReasonAnswer | Fragment | None] = [self._kept.get(key) for key in keys]
        missing = [place for place, kept in enumerate(found) if kept is None]
        made = reasons([findings[place] for place in missing], facts, policy)
        for place, reason in zip(missing, made, strict=True):
            comes_again = _comes_again(findings[place], facts)
            found[place] = self._keep(keys[place], reason) if comes_again else reason
        return [one for one in found if one is not None]

    def _keep(self, key: object, reason: ReasonAnswer) -> Fragment:
        if len(self._kept) >= REASONS_KEPT_MAX:
            self._kept.clear()
        fragment = self._kept[key] = Fragment(written(reason))
        return fragment


def _comes_again(finding: Finding, facts: Facts) -> bool:
    """Return whether other changes are likely to have the same reason.

    The reason of a guard contains names and counts of this change, and lists of files hardly ever
    repeat.
    """
    seen = (facts[name].value for name in finding.facts if name in facts)
    return finding.kind is not FindingKind.GATE and not any(isinstance(one, tuple) for one in seen)


def explained(record: Record, policy: Policy | None) -> tuple[ExplainedReason, ...]:
    """Return every reason of a decision with its kind. The one that decided comes first."""
    findings = record.decision.findings
    found = reasons(findings, record.case.facts, policy)
    return tuple(
        ExplainedReason(**vars(reason), kind=finding.kind, against=is_against(finding))
        for finding, reason in zip(findings, found, strict=True)
    )


def against(explained_reasons: Sequence[ExplainedReason]) -> tuple[ExplainedReason, ...]:
    """Return the reasons that a reviewer looks at first: the one that decided, then requirements
    that are not met, then rules by their points.
    """
    if not explained_reasons:
        return ()
    first, *others = explained_reasons
    found = [one for one in others if one.against and one.rule != first.rule]
    found.sort(key=lambda one: (one.kind is FindingKind.RULE, -one.points))
    return (first, *found)


def is_against(finding: Finding) -> bool:
    """Return whether the finding speaks against the change: a rule that gave points, a requirement
    that is not met, or a guard of the gate.
    """
    if finding.kind is FindingKind.RULE:
        return finding.points > 0
    if finding.kind is FindingKind.REQUIREMENT:
        return not finding.holds
    return finding.kind is FindingKind.GATE


def freeze_named(
    found: Sequence[Reason], record: Record, texts: Mapping[str, str]
) -> tuple[Reason, ...]:
    """Return the reasons, with the reason of a freeze or stopped line in words: until when, and
    why.

    The record keeps the id of the window and the exact instant instead, because its bytes are
    hashed.
    """
    held = _hold_of(record.decision)
    if held is None:
        return tuple(found)
    finding = held_by(held)
    kept, said = sentence(finding, {}, None), hold_in_words(held, texts)
    return tuple(
        replace(one, because=said)
        if isinstance(one, ReasonAnswer) and one.rule == finding.rule and one.because == kept
        else one
        for one in found
    )


def deciding_words(
    decision: Decision, facts: Facts, policy: Policy | None, texts: Mapping[str, str]
) -> str:
    """Return the sentence of the finding that decided, with a freeze in words as `freeze_named`
    has it.
    """
    finding, held = decision.findings[0], _hold_of(decision)
    if held is not None and finding == held_by(held):
        return hold_in_words(held, texts)
    return sentence(finding, facts, policy)


def _hold_of(decision: Decision) -> Hold | None:
    """Return the hold of a decision, or the one that an observing gate would have had."""
    return decision.hold or (decision.observed.hold if decision.observed else None)


def hold_in_words(held: Hold, texts: Mapping[str, str]) -> str:
    """Return a freeze or a stopped line in words: until what time, and why."""
    until = f"until {clock(held.until)}" if held.until else "until somebody lifts it"
    what = "the line is stopped" if held.stop else "frozen"
    reason = texts.get(held.reason, held.reason)
    # A text of a person is quoted if it could disturb a terminal, and cut if it is too long.
    if not reason.isprintable() or len(reason) > ITEM_LENGTH_MAX:
        reason = shown("reason", reason)
    return f"{what} {until}: {reason}"
