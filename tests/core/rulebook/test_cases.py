"""Cases that people write are judged as a change would be, and the shipped ones hold."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.core.decision.values import Band, ChangeType, Outcome
from gate.core.facts import Fact, Origin
from gate.core.policy.set import read_policies
from gate.core.rulebook.cases import Expected, PolicyCase, check_cases, judge, read_cases
from gate.errors import Invalid

FOLDER = Path(__file__).parents[3] / "policies"
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SHIPPED = read_policies({path.name: path.read_text() for path in FOLDER.glob("*.yaml")})
CASES = [
    case
    for path in sorted(FOLDER.glob("tests/*.test.yaml"))
    for case in read_cases(path.read_text(), path.name)
]
PASSING = "facts: {environment: {tier: staging}}, expect: {outcome: approved}"


def read_case(entry: str, policy: str = "default") -> PolicyCase:
    (case,) = read_cases(f"policy: {policy}\ncases:\n  - {{name: it, {entry}}}\n", "f.yaml")
    return case


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.policy}: {case.name}")
def test_the_shipped_cases_hold(case: PolicyCase) -> None:
    verdict = judge(case, SHIPPED, at=AT)

    assert verdict.ok, verdict.words


@pytest.mark.parametrize("policy", SHIPPED.all, ids=lambda policy: policy.name)
def test_every_shipped_policy_has_cases(policy: object) -> None:
    assert getattr(policy, "name", None) in {case.policy for case in CASES}


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        pytest.param(
            "facts: {}, expect: {}",
            "expect: found nothing, allowed are outcome",
            id="nothing expected",
        ),
        pytest.param("facts: {}", "a case: found no expect, it is required", id="no expectation"),
        pytest.param("expect: {score: 0}", "a case: found no facts, it is required", id="no facts"),
        pytest.param(
            "facts: {dif: {files: []}}, expect: {score: 0}",
            "facts: found the key dif",
            id="unknown group",
        ),
        pytest.param(
            "facts: {diff: {linez: 3}}, expect: {score: 0}",
            "facts: diff.linez is no fact; did you mean diff.lines_added?",
            id="unknown fact",
        ),
        pytest.param(
            "facts: {diff: {files: src}}, expect: {score: 0}",
            "facts: diff.files is 'src', allowed is a list",
            id="wrong type",
        ),
        pytest.param(
            "facts: {author: {known: yes}}, expect: {score: 0}",
            "facts: author.known is 'yes', allowed is true or false",
            id="a 1.1 boolean",
        ),
        pytest.param(
            "facts: {}, expect: {outcome: aproved}",
            'outcome: found "aproved", allowed is approved',
            id="no outcome",
        ),
        pytest.param(
            "facts: {}, expect: {band: lower}", 'band: found "lower", allowed is low', id="no band"
        ),
        pytest.param(
            "facts: {}, expect: {score: 0}, skip: true",
            "a case: found the key skip",
            id="unknown key",
        ),
    ],
)
def test_a_case_that_cannot_be_meant_is_refused(entry: str, fault: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_case(entry)

    assert fault in refused.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "policy: a\ncases: []",
        "policy: a",
        "cases: [{name: a, facts: {}, expect: {score: 1}}]",
        "[]",
        "",
    ],
)
def test_a_file_without_cases_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_cases(text, "f.yaml")


def test_facts_count_as_verified_and_null_is_unknown() -> None:
    case = read_case(
        "facts: {history: {recent_failure_rate: 0.25}, diff: {files: [a], commits: null}, "
        "labels: {team: x}}, earned: [a], todo: true, "
        "expect: {outcome: pending, type: normal, band: low, score: 3, fired: [x, y]}"
    )

    assert case.facts == {
        "diff.files": Fact(("a",), Origin.VERIFIED),
        "history.recent_failure_rate": Fact(2_500, Origin.VERIFIED),
        "labels.team": Fact("x", Origin.VERIFIED),
    }
    assert case.expect == Expected(
        Outcome.PENDING, ChangeType.NORMAL, Band.LOW, 3, frozenset({"x", "y"})
    )
    assert (case.earned, case.todo) == (("a",), True)


def test_every_difference_is_said() -> None:
    case = read_case(
        "facts: {environment: {tier: staging}}, expect: {outcome: rejected, type: normal, "
        "band: low, score: 1, fired: [size]}"
    )

    assert judge(case, SHIPPED, at=AT).differences == (
        "outcome: expected rejected, was approved",
        "type: expected normal, was standard",
        "band: expected low, was high",
        "score: expected 1, was 85",
        "fired: expected size, was none",
    )


def test_a_case_outside_of_its_policy_says_so() -> None:
    case = read_case(
        "facts: {environment: {tier: staging}}, expect: {outcome: pending}", "production"
    )

    assert (
        judge(case, SHIPPED, at=AT).words
        == "policy: expected production, was none, because its applies_to does not hold"
    )


@pytest.mark.parametrize(
    ("outcome", "todo", "ok", "words"),
    [
        ("approved", "false", True, "as expected"),
        ("rejected", "false", False, "outcome: expected rejected, was approved"),
        ("rejected", "true", True, "known gap"),
        ("approved", "true", False, "is marked todo, but holds; remove the todo"),
    ],
)
def test_a_known_gap_is_one_until_it_is_closed(
    outcome: str,
    todo: str,
    ok: bool,  # noqa: FBT001 - a row of the table
    words: str,
) -> None:
    verdict = judge(
        read_case(f"{PASSING.replace('approved', outcome)}, todo: {todo}"), SHIPPED, at=AT
    )

    assert (verdict.ok, verdict.words) == (ok, words)


def test_a_policy_that_is_not_enforced_yet_can_be_tested() -> None:
    shadow = read_policies(
        {"a.yaml": (FOLDER / "default.yaml").read_text().replace("mode: enforce", "mode: evaluate")}
    )

    assert judge(read_case(PASSING), shadow, at=AT).ok


def test_names_that_are_not_there_are_refused() -> None:
    with pytest.raises(
        Invalid,
        match=r"f.yaml:1:9: policy: found defualt, allowed are default, production; did you mean "
        r"default\?",
    ):
        judge(read_case(PASSING, "defualt"), SHIPPED, at=AT)
    with pytest.raises(
        Invalid, match=r"earned: found everday, allowed are everyday; did you mean everyday\?"
    ):
        judge(read_case(f"{PASSING}, earned: [everday]"), SHIPPED, at=AT)


@pytest.mark.parametrize(
    "guard",
    [
        pytest.param("conflicts: {in_flight: 1}", id="another change in flight"),
        pytest.param("calendar: {frozen: true}", id="frozen"),
        pytest.param("debt: {emergency_reviews_overdue: 1}", id="emergency debt"),
    ],
)
def test_a_guard_that_a_case_names_holds_the_change(guard: str) -> None:
    reviewed = (
        "reviews: {approvals: 1, approved_head: true}, checks: {passed: 1, failed: 0, pending: "
        "0}, diff: {lines_added: 0, files: [a.py]}"
    )
    change = (
        "environment: {name: production, tier: production}, change: {direction: forward, "
        "ref_protected: true}"
    )
    entry = (
        f"facts: {{{change}, {reviewed}, {guard}}}, earned: [routine-release], expect: "
        "{outcome: pending}"
    )

    assert judge(read_case(entry, "production"), SHIPPED, at=AT).ok
    assert not judge(read_case(entry.replace(f", {guard}", ""), "production"), SHIPPED, at=AT).ok


def test_e26_every_name_that_is_not_there_is_told_with_its_place() -> None:
    text = "policy: production\ncases:\n" + "\n".join(
        f"  - {{name: n, facts: {{}}, earned: [{earned}], expect: {{fired: [{fired}]}}}}"
        for earned, fired in (("rollbak", "size"), ("rollback", "sise"))
    )

    with pytest.raises(Invalid) as refused:
        check_cases(read_cases(text, "tests/production.test.yaml"), SHIPPED)

    assert [fault.where for fault in refused.value.faults] == [
        "tests/production.test.yaml:3:35",
        "tests/production.test.yaml:4:63",
    ]
    assert [fault.detail.rpartition("; ")[2] for fault in refused.value.faults] == [
        "did you mean rollback?",
        "did you mean size?",
    ]
