"""Policies as text for tests: each valid, with one thing different; and made-up ones of every
kind.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import strategies as st

from gate.core.facts import Fact, Facts, Origin, Value
from gate.core.policy.file import read_policy
from gate.core.policy.policy import Policy

RULE = (
    "{id: size, title: Larger changes fail more often, points_by: diff.lines_added, steps: "
    "{10: 8, 200: 30}}"
)


def policy_text(*lines: str, rules: str = f"[{RULE}]") -> str:
    """A small policy, and further lines of it."""
    return "\n".join(("policy: small", f"rules: {rules}", *lines))


def make_policy(*lines: str, rules: str = f"[{RULE}]") -> Policy:
    """The same, read."""
    return read_policy(policy_text(*lines, rules=rules), "small.yaml")


def when_policy(
    condition: str, *, points: int = 5, trust: str = "[diff, author, change]"
) -> Policy:
    """A policy of one rule with one condition."""
    return make_policy(
        f"trust_claims: {trust}",
        rules=f"[{{id: it, title: It, when: [{json.dumps(condition)}], points: {points}}}]",
    )


def make_facts(values: Mapping[str, Value], origin: Origin = Origin.VERIFIED) -> Facts:
    """Facts of one origin."""
    return {name: Fact(value, origin) for name, value in values.items()}


# What follows makes up policies: every type of fact, every operator, groups in groups, both
# polarities.

NUMBERS = {
    "checks.failed": "3",
    "diff.lines_added": "20",
    "history.recent_failure_rate": "0.25",
    "calendar.hour": "12",
}
VALUES: Mapping[str, st.SearchStrategy[Value]] = {
    "checks.failed": st.integers(0, 6),
    "diff.lines_added": st.integers(0, 40),
    "history.recent_failure_rate": st.integers(0, 10_000),
    "calendar.hour": st.integers(0, 23),
    "author.known": st.booleans(),
    "change.ref_protected": st.booleans(),
    "change.direction": st.sampled_from(["forward", "rollback", "redeploy"]),
    "labels.team": st.sampled_from(["a", "b", "ab"]),
    "diff.files": st.lists(
        st.sampled_from(["a.py", "docs/a.md", "db/migrations/1"]), max_size=3
    ).map(tuple),
}
FACTS: st.SearchStrategy[Facts] = st.fixed_dictionaries(
    {},
    optional={
        name: st.builds(Fact, values, st.sampled_from(list(Origin)))
        for name, values in VALUES.items()
    },
)


@cache
def conditions(*, helps: bool) -> st.SearchStrategy[str]:
    """One line that may stand where holding helps, or hurts."""
    numbers = st.builds(
        "{0[0]} {1} {0[1]}".format,
        st.sampled_from(list(NUMBERS.items())),
        st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    )
    knowledge = st.builds(
        "{} is {}".format, st.sampled_from(list(VALUES)), st.just("known" if helps else "unknown")
    )
    turned = st.builds(
        "not {} is {}".format,
        st.sampled_from(list(VALUES)),
        st.just("unknown" if helps else "known"),
    )
    lists = st.builds(
        "{} diff.files {} {}".format,
        st.sampled_from(["any", "all", "none"]),
        st.sampled_from(["matches", "not matches"]),
        st.sampled_from(['"docs/**"', '"**/migrations/**"', "/py$/"]),
    )
    fixed = st.sampled_from(
        [
            "author.known",
            "not author.known",
            "change.ref_protected != true",
            "change.direction == rollback",
            "change.direction not in (forward, redeploy)",
            "labels.team contains b",
            "labels.team != a",
            "checks.failed in (0, 2)",
            "diff.files contains a.py",
        ]
    )
    return st.one_of(numbers, knowledge, turned, lists, fixed)


@cache
def clauses(*, helps: bool, depth: int = 2) -> st.SearchStrategy[list[Any]]:
    """A list of conditions and groups."""
    entry: st.SearchStrategy[Any] = conditions(helps=helps)
    if depth:
        same, turned = (
            clauses(helps=helps, depth=depth - 1),
            clauses(helps=not helps, depth=depth - 1),
        )
        groups = [
            same.map(lambda inner: {"any_of": inner}),
            same.map(lambda inner: {"all_of": inner}),
            turned.map(lambda inner: {"none_of": inner}),
        ]
        entry = st.one_of(entry, entry, *groups)
    return st.lists(entry, min_size=1, max_size=2)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """A policy that the reader accepts. JSON is YAML, but for the numbers under `steps`."""
    rules = [draw(_rules(f"rule-{number}")) for number in range(draw(st.integers(1, 4)))]
    requirements = [
        _requirement(draw, f"must-{number}") for number in range(draw(st.integers(0, 2)))
    ]
    standard = [
        {
            "id": f"kind-{number}",
            "title": "A kind",
            "owner": "o",
            "authorised_by": ["a"],
            "when": draw(clauses(helps=True)),
            "up_to": "high",
            "earn": "none",
        }
        for number in range(draw(st.integers(0, 2)))
    ]
    trust = draw(
        st.lists(st.sampled_from(["diff", "author", "change", "checks", "labels"]), unique=True)
    )
    return make_policy(
        f"trust_claims: {json.dumps(trust)}",
        f"requirements: {json.dumps(requirements)}",
        f"standard_changes: {json.dumps(standard)}",
        rules=f"[{', '.join(rules)}]",
    )


def _requirement(draw: st.DrawFn, name: str) -> dict[str, Any]:
    entry = {"id": name, "title": "It must", "require": draw(clauses(helps=True))}
    return entry | {"unless": draw(clauses(helps=True))} if draw(st.booleans()) else entry


@st.composite
def _rules(draw: st.DrawFn, name: str) -> str:
    if draw(st.booleans()):
        points = draw(st.integers(-100, 100))
        return json.dumps(
            {
                "id": name,
                "title": "It counts",
                "points": points,
                "when": draw(clauses(helps=points < 0)),
            }
        )
    fact = draw(st.sampled_from(["checks.failed", "diff.lines_added"]))
    limits = sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=4)))
    steps = ", ".join(f"{limit}: {draw(st.integers(-100, 100))}" for limit in limits)
    return f"{{id: {name}, title: It grows, points_by: {fact}, steps: {{{steps}}}}}"
