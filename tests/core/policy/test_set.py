"""Of all policies in force it is clear which one decides, and their revision is that of their
content.
"""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.facts import Values
from gate.core.policy.set import NO_POLICIES, Policies, read_policies
from gate.errors import Invalid
from tests.core.policy_texts import RULE, policy_text

STAGING: Values = {
    "environment.tier": "staging",
    "environment.name": "staging",
    "service.known": True,
    "service.tier": 2,
}


def text(name: str, applies_to: str = "", mode: str = "enforce") -> str:
    return f"policy: {name}\nmode: {mode}\nrules: [{RULE}]\n" + (
        f"applies_to: [{applies_to}]\n" if applies_to else ""
    )


def read_texts(*texts: str) -> Policies:
    return read_policies({f"{number}.yaml": content for number, content in enumerate(texts)})


def chosen(policies: Policies, values: Values) -> str | None:
    policy = policies.policy_for(values).policy
    return policy.name if policy else None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("", "", id="both everywhere"),
        pytest.param("environment.tier == staging", "environment.tier == staging", id="the same"),
        pytest.param(
            "environment.tier == staging", "environment.name == production", id="other facts"
        ),
        pytest.param(
            "environment.tier == staging",
            "environment.tier != staging",
            id="disjoint, but not by ==",
        ),
        pytest.param(
            "environment.tier == staging",
            "'environment.tier in (production, other)'",
            id="disjoint, but not by == on both sides",
        ),
    ],
)
def test_two_policies_that_could_both_decide_are_refused(one: str, other: str) -> None:
    with pytest.raises(
        Invalid, match=r"1\.yaml:1:9: policy: b and a are both enforced with [01] conditions"
    ):
        read_texts(text("a", one), text("b", other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            "environment.tier == staging",
            "environment.tier == production",
            id="different constants",
        ),
        pytest.param("service.known", "not service.known", id="a boolean and its opposite"),
        pytest.param("environment.tier == staging", "", id="more conditions win"),
        pytest.param(
            "environment.tier == staging, service.tier == 1",
            "service.tier == 2, environment.name == a",
            id="one fact is enough",
        ),
    ],
)
def test_two_policies_of_which_one_decides_are_read(one: str, other: str) -> None:
    assert [policy.name for policy in read_texts(text("a", one), text("b", other)).all] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("mode", ["evaluate", "off"])
def test_only_enforced_policies_can_be_in_each_others_way(mode: str) -> None:
    assert len(read_texts(text("a"), text("b", mode=mode)).all) == 2


def test_a_name_may_occur_once() -> None:
    with pytest.raises(
        Invalid,
        match=r"1\.yaml:1:9: policy: found a twice, first in 0\.yaml:1:9; rename one of them",
    ):
        read_texts(text("a"), text("a", "environment.tier == staging"))


def test_a_file_without_a_policy_is_not_passed_over_in_silence() -> None:
    with pytest.raises(
        Invalid,
        match=r"p\.yaml:1:1: found no policy:, allowed are policies, catalog\.yaml and "
        r"calendar\.yaml",
    ):
        read_policies({"p.yaml": "polcy: a\nrules: []"})


def test_the_catalogue_the_calendar_and_tests_are_left_to_others() -> None:
    files = {
        "policies/catalog.yaml": "services: {}",
        "policies/calendar.yaml": "time_zone: UTC",
        "policies/tests/a.test.yaml": "policy: a\ncases: []",
    }

    assert (
        read_policies({"a.yaml": text("a"), **files}).revision
        == read_policies({"a.yaml": text("a")}).revision
    )


def test_the_faults_of_all_files_are_said_together() -> None:
    with pytest.raises(Invalid) as refused:
        read_texts("policy: a", "policy: b\nrules: 5")
    assert [fault.where for fault in refused.value.faults] == ["0.yaml:1:1", "1.yaml:2:8"]


def test_the_policy_with_most_conditions_decides() -> None:
    policies = read_texts(
        text("all"),
        text("tier", "environment.tier == staging"),
        text("both", "environment.tier == staging, service.tier == 1"),
    )

    assert chosen(policies, STAGING) == "tier"
    assert chosen(policies, {**STAGING, "service.tier": 1}) == "both"
    assert chosen(policies, {**STAGING, "environment.tier": "testing"}) == "all"


def test_while_it_is_unknown_whether_a_policy_applies_none_decides() -> None:
    policies = read_texts(text("all"), text("tier", "environment.tier == staging, service.known"))
    choice = policies.policy_for({"environment.name": "x"})

    assert choice.policy is None
    assert choice.finding is not None
    assert choice.finding.facts == ("environment.tier", "service.known")
    assert dict(choice.finding.seen)["because"].startswith(
        "environment.tier and service.known are unknown, so it is open whether the policy tier"
    )


def test_where_no_policy_applies_none_decides() -> None:
    choice = read_texts(text("tier", "environment.tier == production")).policy_for(STAGING)

    assert choice.policy is None
    assert choice.finding is not None
    assert choice.finding.rule == "no-policy"
    assert NO_POLICIES.policy_for(STAGING).policy is None


def test_shadows_are_all_that_apply_and_decide_nothing() -> None:
    policies = read_texts(
        text("a", mode="evaluate"),
        text("b", "environment.tier == production", mode="evaluate"),
        text("c", mode="off"),
    )

    assert [policy.name for policy in policies.shadows(STAGING)] == ["a"]
    assert chosen(policies, STAGING) is None


def test_an_unknown_shadow_does_not_stop_the_decision() -> None:
    policies = read_texts(text("a"), text("b", "environment.tier == production", mode="evaluate"))

    assert chosen(policies, {}) == "a"
    assert policies.shadows({}) == ()


def test_a_policy_is_found_by_its_name() -> None:
    policies = read_texts(text("a"), text("b", mode="off"))

    assert [
        policy.name if (policy := policies.named(name)) else None for name in ("b", "c", None)
    ] == ["b", None, None]


def test_comments_order_of_keys_and_names_of_files_are_not_in_the_revision() -> None:
    one = read_policies(
        {
            "x.yaml": f"# remark\npolicy: a\nmode: enforce\nrules: [{RULE}]",
            "y.yaml": text("b", "service.known"),
        }
    )
    other = read_policies(
        {
            "z.yaml": text("b", "service.known"),
            "w/a.yml": f"rules: [{RULE}]\nmode:  'enforce'\npolicy: a",
        }
    )

    assert one.revision == other.revision
    assert len(one.revision) == 64


def test_everything_a_policy_says_is_in_the_revision() -> None:
    texts = [
        text("a"),
        text("b"),
        text("a", mode="off"),
        text("a", "service.known"),
        text("a").replace("10: 8", "10: 9"),
        text("a").replace("10: 8", "11: 8"),
    ]
    revisions = [read_texts(content).revision for content in texts] + [NO_POLICIES.revision]

    assert all(one != other for one, other in combinations(revisions, 2))


def test_groups_that_a_policy_counts_on_are_known_with_their_places() -> None:
    lines = (
        "review:",
        "  - {from_band: low, approvals: 2, by: [a, owners]}",
        "emergency: {by: [b], approvals: 1}",
        "remind: {after: 1h, escalate_to: [c]}",
        "standard_changes:",
        (
            "  - {id: s, title: S, owner: d, authorised_by: [e], when: [author.known], up_to: "
            "low, earn: none}"
        ),
    )
    source = policy_text(*lines)
    above = source.splitlines().index("review:")

    needs = read_policies({"small.yaml": source}).needs

    assert [(one.groups, one.count, one.key) for one in needs] == [
        (("a", "owners"), 2, "by"),
        (("b",), 1, "by"),
        (("c",), 1, "escalate_to"),
        (("d",), 1, "owner"),
        (("e",), 1, "authorised_by"),
    ]
    found = [[str(place) for place in one.places] for one in needs]
    assert [[place.rpartition(":")[0] for place in places] for places in found] == [
        [f"small.yaml:{above + 2}"] * 2,
        [f"small.yaml:{above + 3}"],
        [f"small.yaml:{above + 4}"],
        [f"small.yaml:{above + 6}"],
        [f"small.yaml:{above + 6}"],
    ]
    assert found[0] == [
        f"small.yaml:{above + 2}:{lines[1].index(word) + 1}" for word in ("a, owners", "owners")
    ]


def test_groups_of_the_default_stand_where_the_policy_begins() -> None:
    needs = read_policies({"small.yaml": policy_text()}).needs

    assert {group for one in needs for group in one.groups} == {"release-managers"}
    assert {str(place) for one in needs for place in (one.place, *one.places)} == {"small.yaml:1:1"}


APPLIES = [
    "environment.tier == staging",
    "environment.tier == production",
    "service.tier == 1",
    "service.known",
    "not service.known",
]


@given(
    st.lists(st.lists(st.sampled_from(APPLIES), unique=True, max_size=3).map(", ".join), max_size=3)
)
def test_what_is_read_never_has_two_that_decide_with_the_same_claim(applies: list[str]) -> None:
    try:
        policies = read_texts(
            *(text(f"p{number}", conditions) for number, conditions in enumerate(applies))
        )
    except Invalid:
        return
    for tier in ("staging", "production"):
        for known in (True, False):
            values: Values = {"environment.tier": tier, "service.tier": 1, "service.known": known}
            applying = [
                policy.specificity
                for policy in policies.all
                if policy.applies_to is None or policy.applies_to.check(values)
            ]
            assert len(set(applying)) == len(applying)
