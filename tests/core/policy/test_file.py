"""A policy file is read whole, or everything that is wrong with it is said."""

from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.decision.values import Band, Outcome
from gate.core.policy.file import read_policy
from gate.core.policy.policy import Earn, Emergency, Mode, Reminder, ReviewEntry, Suspend
from gate.errors import Invalid
from tests.core.policy_texts import RULE, make_policy, policy_text

PRODUCTION = (Path(__file__).parents[3] / "policies" / "production.yaml").read_text()
STANDARD = "id: s, title: S, owner: o, authorised_by: [a], when: [author.known], up_to: low"


def faults_of(text: str) -> list[str]:
    with pytest.raises(Invalid) as refused:
        read_policy(text, "f.yaml")
    return [
        f"{fault.where.removeprefix('f.yaml:')} {fault.detail}" for fault in refused.value.faults
    ]


def rule_fault(rule: str) -> str:
    """The one fault of a policy with this rule, from the rule on."""
    (fault,) = faults_of(f"policy: small\nrules:\n  - {rule}\n")
    return fault.partition(" ")[2]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        pytest.param(
            "{id: a, title: A}",
            "rule a: found neither, allowed is either when with points, or points_by with steps",
            id="nothing",
        ),
        pytest.param(
            "{id: a, title: A, when: [author.known], points: 5, points_by: diff.commits, "
            "steps: {1: 5}}",
            "rule a: found both, allowed is either when with points, or points_by with steps",
            id="both kinds",
        ),
        pytest.param(
            "{id: a, title: A, when: [author.known]}",
            "an entry of rules: found no points, it is required",
            id="no points",
        ),
        pytest.param(
            "{id: a, title: A, points: 5}",
            "an entry of rules: found no when, it is required",
            id="no when",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.commits}",
            "an entry of rules: found no steps, it is required",
            id="no steps",
        ),
        pytest.param(
            "{title: A, when: [author.known], points: 5}",
            "an entry of rules: found no id, it is required",
            id="no id",
        ),
        pytest.param(
            "{id: a, when: [author.known], points: 5}",
            "an entry of rules: found no title, it is required",
            id="no title",
        ),
        pytest.param(
            "{id: A_b, title: A, when: [author.known], points: 5}",
            "id: found A_b, allowed are lower-case letters",
            id="id",
        ),
        pytest.param(
            "{id: a, title: A, when: [author.known], points: 101}",
            "points: found 101, allowed is a whole number from -100",
            id="101",
        ),
        pytest.param(
            "{id: a, title: A, when: [author.known], points: 2.5}",
            "points: found 2.5, allowed is a whole number",
            id="half a point",
        ),
        pytest.param(
            "{id: a, title: A, when: [author.known], points: '5'}",
            'points: found "5", allowed is a whole number',
            id="text",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.files, steps: {1: 5}}",
            "points_by: diff.files is list of text, allowed is",
            id="a list",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.comits, steps: {1: 5}}",
            "points_by: diff.comits is no fact; did you mean",
            id="typo",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.commits, steps: {}}",
            "steps: found 0 steps, allowed are 1 to 12",
            id="no step",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.commits, steps: "
            f"{{{', '.join(f'{n}: 1' for n in range(13))}}}}}",
            "steps: found 13 steps, allowed are 1 to 12",
            id="13 steps",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.commits, steps: {5: 1, 2: 3}}",
            "steps: found limits out of order",
            id="order",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.commits, steps: {-5: 1}}",
            "steps: found -5, diff.commits is never below 0",
            id="negative",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.commits, steps: {1.5: 1}}",
            "steps: found 1.5, diff.commits is compared with a whole",
            id="1.5",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.entropy, steps: {0.00001: 1}}",
            "steps: found 0.00001, a decimal has at most 4",
            id="places",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.commits, steps: {x: 1}}",
            'steps: found "x", allowed is a number',
            id="a word as step",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.commits, steps: {1: 101}}",
            "steps: found 101, allowed is points from -100 to 100",
            id="points",
        ),
        pytest.param(
            "{id: a, title: A, points_by: diff.commits, steps: [1]}",
            "steps: found a list, allowed is a mapping",
            id="a list as steps",
        ),
        pytest.param(
            "{id: a, title: A, when: [author.known], points: 5, weight: 2}",
            "an entry of rules: found the key weight",
            id="unknown key",
        ),
        pytest.param(
            "{id: a, title: A, when: [service.tier is known], points: 5}",
            "when: found service.tier is known where holding hurts",
            id="polarity",
        ),
        pytest.param(
            "{id: a, title: A, when: [service.tier is unknown], points: -5}",
            "when: found service.tier is unknown where holding helps",
            id="other",
        ),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: str, fault: str) -> None:
    found = rule_fault(rule)

    assert fault in found


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        pytest.param(
            ["mode: on"], 'mode: found "on", allowed is enforce or evaluate or off', id="mode"
        ),
        pytest.param(
            ["mode: false"],
            "mode: found false, allowed is enforce or evaluate or off",
            id="mode as boolean",
        ),
        pytest.param(
            ["trust_claims: [history]"],
            'trust_claims: found "history", allowed is change, diff, author',
            id="a group nobody may claim",
        ),
        pytest.param(
            ["bands: {moderate: 30, high: 20, critical: 90}"],
            "bands: found moderate 30, high 20, critical 90",
            id="bands fall",
        ),
        pytest.param(
            ["bands: {moderate: 30, high: 60}"],
            "bands: found no critical, it is required",
            id="a band is missing",
        ),
        pytest.param(
            ["bands: {low: 1, moderate: 30, high: 60, critical: 90}"],
            "bands: found the key low",
            id="low has no limit",
        ),
        pytest.param(
            ["bands: {moderate: 0, high: 60, critical: 90}"],
            "moderate: found 0, allowed is a whole number from 1",
            id="nothing is low",
        ),
        pytest.param(
            ["applies_to: [diff.commits > 5]"],
            "applies_to: found diff.commits, allowed are facts of environment and service",
            id="applies to",
        ),
        pytest.param(
            ["applies_to: [service.tier is known]"],
            "applies_to: found is known where it is decided which policy applies",
            id="known",
        ),
        pytest.param(
            ["applies_to: [environment.name == a, environment.name == b]"],
            "environment.name cannot be a and b at once",
            id="never applies",
        ),
        pytest.param(
            ["applies_to: []"], "applies_to: found an empty list", id="applies to nothing"
        ),
        pytest.param(
            ["expires_after: 24"],
            "expires_after: found 24, allowed is a duration such as",
            id="a number for a duration",
        ),
        pytest.param(
            ["valid_for: 0h"], 'valid_for: found "0h", allowed is a duration', id="no time at all"
        ),
        pytest.param(
            ["parallel: yes"], 'parallel: found "yes", allowed is refuse or allow', id="parallel"
        ),
        pytest.param(
            ["unverified_authors: one"],
            'unverified_authors: found "one", allowed is two or claims',
            id="unverified authors",
        ),
        pytest.param(
            ["emergency: {by: [], approvals: 1}"],
            "by: found an empty list",
            id="nobody approves emergencies",
        ),
        pytest.param(
            ["emergency: {by: [a], approvals: 0}"],
            "approvals: found 0, allowed is a whole number from 1",
            id="no approval",
        ),
        pytest.param(
            ["remind: {escalate_to: [a]}"],
            "remind: found no after, it is required",
            id="remind when",
        ),
        pytest.param(["review: []"], "review: found no entry from low", id="nobody reviews"),
        pytest.param(
            ["review: [{from_band: high, approvals: 1, by: [a]}]"],
            "review: found no entry from low",
            id="low is missing",
        ),
        pytest.param(
            ["review: [{from_band: lwo, approvals: 1, by: [a]}]"],
            'from_band: found "lwo"',
            id="no such band",
        ),
        pytest.param(
            [
                (
                    "review: [{from_band: low, approvals: 2, by: [a]}, {from_band: high, "
                    "approvals: 1, by: [b]}]"
                )
            ],
            "review: found 1 approval from high after 2 from low, the sum may not fall",
            id="the sum falls",
        ),
        pytest.param(
            ["requirements: [{id: size, title: T, require: [author.known]}]"],
            "id: found size twice in this policy",
            id="an id twice",
        ),
        pytest.param(
            ["requirements: [{id: a, title: T}]"],
            "an entry of requirements: found no require",
            id="nothing required",
        ),
        pytest.param(
            ["requirements: [{id: a, title: T, require: [author.known], otherwise: deny}]"],
            'otherwise: found "deny"',
            id="otherwise",
        ),
        pytest.param(
            [f"standard_changes: [{{{STANDARD}}}]"],
            "found no earn, it is required",
            id="earn is left out",
        ),
        pytest.param(
            [f"standard_changes: [{{{STANDARD}, earn: {{successes: 0, settle: 1h}}}}]"],
            "successes: found 0",
            id="nothing to earn",
        ),
        pytest.param(
            [f"standard_changes: [{{{STANDARD}, earn: {{successes: 201, settle: 1h}}}}]"],
            "successes: found 201",
            id="beyond what is kept",
        ),
        pytest.param(
            [f"standard_changes: [{{{STANDARD}, earn: never}}]"],
            'earn (a mapping, or none): found "never"',
            id="earn",
        ),
        pytest.param(
            [
                (
                    f"standard_changes: [{{{STANDARD}, earn: none, suspend: {{failures: 3, "
                    "within: 2}}]"
                )
            ],
            "suspend: found 3 failures within 2, which cannot happen",
            id="never suspended",
        ),
        pytest.param(
            [f"standard_changes: [{{{STANDARD}, earn: none, review_by: 20261231}}]"],
            "review_by: found 20261231",
            id="a number as day",
        ),
        pytest.param(
            [f"standard_changes: [{{{STANDARD}, earn: none, review_by: 2026-13-01}}]"],
            "allowed is a day such as 2026-12-31",
            id="month 13",
        ),
        pytest.param(
            [f"standard_changes: [{{{STANDARD}, earn: none, during_freeze: yes}}]"],
            'during_freeze: found "yes"',
            id="a 1.1 boolean",
        ),
        pytest.param(
            ["bandz: {}"],
            "the policy: found the key bandz, allowed are applies_to, bands",
            id="unknown key",
        ),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(lines: list[str], fault: str) -> None:
    assert fault in faults_of(policy_text(*lines))[0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("policy: a", "1:1 the policy: found no rules, it is required", id="no rules"),
        pytest.param(
            "policy: a\nrules: []",
            "2:8 rules: found none, a policy without rules decides nothing; write at least one",
            id="empty rules",
        ),
        pytest.param(
            f"rules: [{RULE}]", "1:1 the policy: found no policy, it is required", id="no name"
        ),
        pytest.param("[a]", "1:1 the policy: found a list, allowed is a mapping", id="a list"),
        pytest.param(
            f"policy: a\nrules: [{', '.join([RULE] * 201)}]",
            "2:8 rules: found 201 entries, allowed are 200",
            id="201 rules",
        ),
    ],
)
def test_a_policy_without_rules_is_refused(text: str, fault: str) -> None:
    assert faults_of(text)[0] == fault


def test_what_is_left_out_is_safe() -> None:
    policy = make_policy()

    assert policy.mode is Mode.ENFORCE
    assert policy.applies_to is None
    assert policy.specificity == 0
    assert policy.trust_claims == frozenset()
    assert policy.bands == {Band.MODERATE: 30, Band.HIGH: 60, Band.CRITICAL: 90}
    assert policy.review == (ReviewEntry(Band.LOW, 2, ("release-managers",)),)
    assert (
        policy.expires_after_seconds,
        policy.valid_for_seconds,
        policy.close_within_seconds,
    ) == (86_400, 14_400, 21_600)
    assert policy.parallel is False
    assert policy.two_unverified_authors is True
    assert policy.remind is None
    assert policy.emergency == Emergency(("release-managers",), 2, 3_600, 259_200)


def test_the_shipped_production_policy_is_what_its_file_says() -> None:
    policy = read_policy(PRODUCTION, "production.yaml")

    assert (policy.name, policy.specificity, policy.applies_to_equal) == (
        "production",
        1,
        {"environment.tier": "production"},
    )
    assert policy.trust_claims == {"diff", "author", "change"}
    assert policy.rules[1].steps == ((0, -6), (1, 0), (2, 4), (15, 6), (50, 8))
    assert policy.rules[2].points == 13
    assert {requirement.otherwise for requirement in policy.requirements} == {Outcome.PENDING}
    routine, rollback = policy.standard_changes
    assert (routine.earn, routine.suspend, routine.up_to) == (
        Earn(5, 86_400),
        Suspend(2, 20),
        Band.LOW,
    )
    assert (rollback.earn, rollback.suspend, rollback.up_to, rollback.during_freeze) == (
        None,
        None,
        Band.CRITICAL,
        True,
    )
    assert policy.review[-1] == ReviewEntry(Band.CRITICAL, 1, ("owners",))
    assert policy.remind == Reminder(7_200, ("change-authority",))
    assert policy.emergency == Emergency(("on-call",), 1, 3_600, 259_200)


def test_a_standard_change_may_name_the_day_it_is_reviewed_by() -> None:
    policy = make_policy(
        f"standard_changes: [{{{STANDARD}, earn: none, suspend: none, review_by: 2026-12-31}}]"
    )

    assert policy.standard_changes[0].review_by == date(2026, 12, 31)


def test_off_is_a_mode_not_a_boolean() -> None:
    assert make_policy("mode: off").mode is Mode.OFF


def test_every_fault_of_a_file_is_said_with_its_place() -> None:
    assert faults_of(
        "policy: a b\nmode: of\nrules:\n  - {id: x, title: '', when: [a.b], points: 5}\n"
    ) == [
        "1:9 policy: found a b, allowed are lower-case letters, digits and -, not - first",
        '2:7 mode: found "of", allowed is enforce or evaluate or off; did you mean off?',
        "4:20 title: found an empty text, allowed is one that says something",
        "4:31 when: a.b is no fact; the facts are listed in docs/reference/facts.md",
    ]


PIECES = [
    "",
    "\n",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    "'",
    '"',
    "#",
    "&a ",
    "*a",
    "!",
    "<<",
    "no",
    "~",
    "999999999999",
    "-1",
    "\t",
    "\0",
    "é",
    "0.1",
]


@given(
    st.integers(0, len(PRODUCTION)),
    st.integers(0, 40),
    st.lists(st.sampled_from(PIECES), max_size=4).map("".join),
)
def test_a_damaged_policy_raises_nothing_but_invalid(at: int, removed: int, inserted: str) -> None:
    with suppress(Invalid):
        read_policy(PRODUCTION[:at] + inserted + PRODUCTION[at + removed :], "f.yaml")


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)))
def test_no_input_raises_anything_but_invalid(text: str | bytes) -> None:
    with suppress(Invalid):
        read_policy(text, "f.yaml")
