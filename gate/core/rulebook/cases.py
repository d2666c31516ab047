"""Tests of policies, written by people who know the risk: facts in, the expected decision out.

They are read from `policies/tests/*.test.yaml`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from gate.core.decision.decide import Case, People, decide
from gate.core.decision.standard import StandardStatus, standard_key
from gate.core.decision.values import Band, ChangeType, Decision, FindingKind, Hold, Outcome
from gate.core.facts import FACTS, GROUPS, Fact, Facts, Origin, definition, read_value
from gate.core.policy.file import SCORE_MAX
from gate.core.policy.policy import Mode, Policy
from gate.core.policy.set import Policies
from gate.core.yaml.fields import Faults, Fields, did_you_mean
from gate.core.yaml.reader import Node, Place, Scalar, Sequence, clip, read
from gate.errors import Invalid

CASES_MAX = 500


@dataclass(frozen=True, slots=True)
class Expected:
    """The decision that a case expects. A part that is None is not compared.

    `fired` names every rule that holds and gives points.
    """

    outcome: Outcome | None = None
    type: ChangeType | None = None
    band: Band | None = None
    score: int | None = None
    fired: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class PolicyCase:
    """One case. Its facts count as verified, and facts that it does not name are unknown."""

    policy: str
    name: str
    facts: Facts
    earned: tuple[str, ...]
    expect: Expected
    todo: bool
    place: Place
    policy_place: Place
    # The names under `earned`, with their places.
    standards_named: tuple[Scalar, ...] = ()
    # The names under `fired`, with their places.
    rules_named: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a case. A known gap (`todo`) may differ, and is a fault once it no
    longer does.
    """

    case: PolicyCase
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no difference, or for a known gap still one."""
        if self.case.todo:
            return bool(self.differences)
        return not self.differences

    @property
    def words(self) -> str:
        """The verdict in one line."""
        if self.case.todo:
            if self.differences:
                return "known gap"
            return "is marked todo, but holds; remove the todo"
        return "; ".join(self.differences) or "as expected"


def read_cases(text: str | bytes, name: str) -> tuple[PolicyCase, ...]:
    """Return the cases of one file. Raises `Invalid` with every fault."""
    faults = Faults()
    fields = Fields(read(text, name), faults, "the tests")
    policy = fields.text("policy")
    policy_place = fields.place_of("policy")
    nodes = fields.items("cases", length_max=CASES_MAX)
    if nodes == ():
        faults.add(fields.place_of("cases"), "cases: found none, allowed is at least one")
    cases = tuple(
        _case(Fields(node, faults, "a case"), policy, policy_place) for node in nodes or ()
    )
    fields.done()
    faults.stop()
    return cases


def check_cases(cases: Iterable[PolicyCase], policies: Policies) -> None:
    """Raise `Invalid` if a case names a policy, standard change or rule that does not exist."""
    faults = Faults()
    for case in cases:
        policy = policies.named(case.policy)
        if policy is None:
            _refuse(
                faults, case.policy_place, "policy", case.policy, [one.name for one in policies.all]
            )
            continue
        standards = [one.id for one in policy.standard_changes]
        rules = [one.id for one in policy.rules]
        for named in case.standards_named:
            _refuse(faults, named.place, "earned", named.text, standards)
        for named in case.rules_named:
            _refuse(faults, named.place, "fired", named.text, rules)
    faults.stop()


def _refuse(faults: Faults, place: Place, key: str, name: str, allowed: list[str]) -> None:
    """Add a fault if the name is not allowed; once for one place, which many cases may share."""
    if name in allowed or any(one.where == str(place) for one in faults.found):
        return
    said = f"allowed are {', '.join(allowed)}" if allowed else "the policy has none"
    faults.add(place, f"{key}: found {clip(name)}, {said}{did_you_mean(name, allowed)}")


def judge(case: PolicyCase, policies: Policies, *, at: datetime) -> Verdict:
    """Decide the case by its policy alone, as if that were enforced, and compare.

    Raises `Invalid` for a policy or a standard change that does not exist.
    """
    check_cases([case], policies)
    policy = policies.named(case.policy)
    if policy is None:
        # `check_cases` has raised for it.
        raise LookupError(case.policy)
    alone = replace(policy, mode=Mode.ENFORCE)
    decision = decide(
        Policies((alone,), policies.revision),
        _guarded(
            Case(
                case.facts,
                at,
                people=People(named=True, verified=True),
                standard_statuses=_standard_statuses(case, alone),
            )
        ),
    )
    return Verdict(case, compare(case, decision))


def _guarded(case: Case) -> Case:
    """Return the case with what the gate's guards look at, taken from the facts of the case."""
    values = {name: fact.value for name, fact in case.facts.items()}
    in_flight = values.get("conflicts.in_flight", 0)
    overdue = values.get("debt.emergency_reviews_overdue", 0)
    window = str(values.get("calendar.freeze", "")) or "a window"
    return case._replace(
        holds=(Hold(window, "", None, ()),) if values.get("calendar.frozen") is True else (),
        in_flight=in_flight if isinstance(in_flight, int) else 0,
        overdue_reviews=overdue if isinstance(overdue, int) else 0,
    )


def compare(case: PolicyCase, decision: Decision) -> tuple[str, ...]:
    """Return every difference between what the case expects and what was decided."""
    expect = case.expect
    fired = frozenset(
        finding.rule
        for finding in decision.findings
        if finding.kind is FindingKind.RULE and finding.holds and finding.points
    )
    pairs: tuple[tuple[str, object, object], ...] = (
        ("policy", case.policy, decision.policy or "none, because its applies_to does not hold"),
        ("outcome", expect.outcome, decision.outcome),
        ("type", expect.type, decision.type),
        ("band", None if expect.band is None else expect.band.word, decision.band.word),
        ("score", expect.score, decision.score),
        ("fired", expect.fired, fired),
    )
    return tuple(
        f"{word}: expected {_shown(expected)}, was {_shown(was)}"
        for word, expected, was in pairs
        if expected is not None and expected != was
    )


def _shown(value: object) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "none"
    return str(value)


def _standard_statuses(case: PolicyCase, policy: Policy) -> dict[str, StandardStatus]:
    return {
        standard_key(policy, one): StandardStatus(earned=True, because="the case says so")
        for one in policy.standard_changes
        if one.id in case.earned
    }


def _case(fields: Fields, policy: str, policy_place: Place) -> PolicyCase:
    expect = fields.fields("expect")
    case = PolicyCase(
        policy=policy,
        name=fields.text("name"),
        facts=_facts(fields),
        earned=fields.texts("earned", ()),
        expect=_expected(expect),
        todo=fields.boolean("todo", default=False),
        place=fields.place,
        policy_place=policy_place,
        standards_named=_names(fields, "earned"),
        rules_named=_names(expect, "fired") if expect else (),
    )
    fields.done()
    return case


def _names(fields: Fields, key: str) -> tuple[Scalar, ...]:
    """Return the names in a list of the file; none if the list is absent or has another shape."""
    node = fields.node(key, required=False)
    if isinstance(node, Sequence):
        return tuple(item for item in node.items if isinstance(item, Scalar))
    return ()


def _facts(fields: Fields) -> Facts:
    groups = fields.fields("facts")
    found: dict[str, Fact] = {}
    if groups is None:
        return found
    for group in GROUPS:
        for key, node in groups.pairs(group, required=False):
            value = _fact(f"{group}.{key.text}", node, fields.faults, key.place)
            if value is not None:
                found[f"{group}.{key.text}"] = value
    groups.done()
    return found


def _fact(name: str, node: Node, faults: Faults, place: Place) -> Fact | None:
    if definition(name) is None:
        faults.add(place, f"facts: {clip(name)} is no fact{did_you_mean(name, FACTS)}")
        return None
    try:
        value = read_value(name, _raw(node), where=str(node.place))
    except Invalid as error:
        faults.add(node.place, f"facts: {error.detail}")
        return None
    return None if value is None else Fact(value, Origin.VERIFIED)


def _raw(node: Node) -> object:
    """Return the value as JSON has it."""
    if isinstance(node, Sequence):
        return [_raw(item) for item in node.items]
    if isinstance(node, Scalar):
        if isinstance(node.value, Decimal):
            return float(node.value)
        return node.value
    return {}


def _expected(fields: Fields | None) -> Expected:
    if fields is None:
        return Expected()
    expected = Expected(
        outcome=Outcome(fields.choice("outcome", tuple(Outcome)))
        if fields.has("outcome")
        else None,
        type=ChangeType(fields.choice("type", tuple(ChangeType))) if fields.has("type") else None,
        band=Band.of(fields.choice("band", tuple(band.word for band in Band)))
        if fields.has("band")
        else None,
        score=fields.integer("score", 0, SCORE_MAX) if fields.has("score") else None,
        fired=frozenset(fields.texts("fired", ())) if fields.has("fired") else None,
    )
    fields.done()
    if expected == Expected():
        fields.faults.add(
            fields.place, "expect: found nothing, allowed are outcome, type, band, score and fired"
        )
    return expected
