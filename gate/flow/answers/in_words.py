"""Policies in words: the rules in force as sentences that everybody whom they judge can read."""

from itertools import zip_longest

from gate.core.counting import counted
from gate.core.decision.sentences import shown
from gate.core.decision.values import Outcome
from gate.core.facts import FACTS, FactType
from gate.core.policy.policy import (
    Clause,
    Policy,
    Requirement,
    Rule,
    StandardChange,
)
from gate.errors import NotFound
from gate.flow.answers.policy import (
    EntryWords,
    PoliciesAnswer,
    PolicyWords,
    ReviewWords,
    RuleAnswer,
)
from gate.flow.gate import Gate

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


async def in_force(gate: Gate) -> PoliciesAnswer:
    """Return every policy in force."""
    book = await gate.rulebooks.current()
    return PoliciesAnswer(book.revisions.policies, tuple(map(policy_words, book.policies.all)))


async def rule(gate: Gate, policy: str, rule_id: str) -> RuleAnswer:
    """Return one rule, requirement or standard change. Raises `NotFound`."""
    found = (await gate.rulebooks.current()).policies.named(policy)
    if found is not None:
        words = policy_words(found)
        kinds = {
            "rule": words.rules,
            "requirement": words.requirements,
            "standard change": words.standard_changes,
        }
        for kind, entries in kinds.items():
            for one in entries:
                if one.id == rule_id:
                    return RuleAnswer(policy=policy, kind=kind, **vars(one))
    raise NotFound(f"no policy in force is called {policy[:60]} and has a rule {rule_id[:60]}")


def policy_words(policy: Policy) -> PolicyWords:
    """Return one policy as sentences."""
    applies_to = policy.applies_to
    return PolicyWords(
        name=policy.name,
        mode=policy.mode.value,
        applies_to=_sentence(
            f"where {applies_to.spoken}" if applies_to else "where no other policy applies"
        ),
        trusts=tuple(sorted(policy.trust_claims)),
        bands=tuple(
            {"band": band.word, "from": lowest} for band, lowest in sorted(policy.bands.items())
        ),
        rules=tuple(_entry(one, _rule(one), one.when) for one in policy.rules),
        requirements=tuple(
            _entry(one, _requirement(one), one.require, one.unless) for one in policy.requirements
        ),
        standard_changes=tuple(
            _entry(one, _standard(one), one.when) for one in policy.standard_changes
        ),
        review=tuple(
            ReviewWords(one.from_band.word, one.approvals, one.by) for one in policy.review
        ),
        terms=tuple(_terms(policy)),
    )


def _entry(
    one: Rule | Requirement | StandardChange, text: str, *clauses: Clause | None
) -> EntryWords:
    conditions = " unless ".join(clause.text for clause in clauses if clause is not None)
    return EntryWords(one.id, one.title, text, one.grounds.why, conditions)


def _requirement(one: Requirement) -> str:
    otherwise = "it is rejected" if one.otherwise is Outcome.REJECTED else "people decide"
    unless = f" Not asked when {one.unless.spoken}." if one.unless else ""
    return f"{_sentence(one.require.spoken)} Otherwise {otherwise}.{unless}"


def _rule(one: Rule) -> str:
    if one.when is not None:
        return f"When {one.when.spoken}: {_points(one.points)}."
    name = one.points_by or ""
    words = FACTS[name].words if name in FACTS else name
    ends = [limit for limit, _ in one.steps[1:]]
    steps = [
        f"{_step(name, limit, end)} {_points(points)}"
        for (limit, points), end in zip_longest(one.steps, ends)
    ]
    return f"By {words}: {'; '.join(steps)}."


def _step(name: str, limit: int, end: int | None) -> str:
    """Return for which values one step counts. `end` is the limit of the next step."""
    if end is None:
        return f"{shown(name, limit)} or more"
    if name not in FACTS or FACTS[name].type is not FactType.INTEGER:
        return f"from {shown(name, limit)} to below {shown(name, end)}"
    return str(limit) if end == limit + 1 else f"{limit} to {end - 1}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _standard(one: StandardChange) -> str:
    parts = [f"when {one.when.spoken}, up to {one.up_to.word} risk"]
    parts.append(
        "pre-authorised from the start"
        if one.earn is None
        else f"earned by {counted(one.earn.successes, 'success', 'successes')} in a row, each "
        f"settled for {_span(one.earn.settle_seconds)}"
    )
    if one.suspend is not None:
        failures = counted(one.suspend.failures, "failure")
        parts.append(f"suspended after {failures} among the last {one.suspend.within}")
    if one.during_freeze:
        parts.append("also while frozen")
    parts.append(f"owned by {one.owner}, authorised by {' or '.join(one.authorised_by)}")
    return _sentence("; ".join(parts))


def _terms(policy: Policy) -> list[str]:
    found = [
        f"A change that waits expires after {_span(policy.expires_after_seconds)}.",
        f"An approval is good for {_span(policy.valid_for_seconds)}.",
        f"A deployment is to be closed within {_span(policy.close_within_seconds)}.",
        "Two deployments of one service and environment may run at once."
        if policy.parallel
        else "One deployment at a time.",
    ]
    if policy.remind is not None:
        to = " and ".join(policy.remind.escalate_to)
        found.append(
            f"After {_span(policy.remind.after_seconds)} the approvers are reminded, later "
            f"{to or 'nobody else'} too."
        )
    if policy.two_unverified_authors:
        found.append("Where no code host says who wrote it, two people approve.")
    if policy.emergency is not None:
        one = policy.emergency
        found.append(
            f"An emergency needs {counted(one.approvals, 'approval')} by {' or '.join(one.by)}, "
            f"is good for {_span(one.valid_for_seconds)}, and is looked back on within "
            f"{_span(one.review_within_seconds)}."
        )
    return found


def _points(points: int) -> str:
    if points == 0:
        return "adds nothing"
    many = counted(abs(points), "point")
    return f"adds {many}" if points > 0 else f"takes {many} off"


def _span(seconds: int) -> str:
    for length, unit in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= length and seconds % length == 0:
            many = seconds // length
            return f"{many} {unit}" if many == 1 else f"{many} {unit}s"
    return f"{seconds} seconds"
