"""A list of conditions becomes one answer; what YAML bent is shown as it should be written."""

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.facts import Fact, Facts, Value
from gate.core.policy.clauses import EXPRESSIONS_MAX, LIST_CONDITIONS_MAX, Costs, Read, read_clause
from gate.core.policy.policy import CONDITIONS_MAX, NESTING_MAX
from gate.core.yaml.fields import FAULTS_MAX, Faults, Fields
from gate.core.yaml.reader import read
from gate.errors import Invalid
from tests.core.policy_texts import FACTS, clauses


def read_when(text: str, *, helps: bool | None = True) -> Read:
    """The clause under `when:`; raises what the reader of a file would."""
    faults = Faults()
    found = read_clause(Fields(read(text, "f.yaml"), faults, "it"), "when", Costs(), helps=helps)
    faults.stop()
    assert found is not None
    return found


def faults_of(text: str) -> list[str]:
    with pytest.raises(Invalid) as refused:
        read_when(text)
    return [
        f"{fault.where.removeprefix('f.yaml:')} {fault.detail}" for fault in refused.value.faults
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            "when: [checks.failed in (1, 2)]",
            '1:8 when: YAML cuts this condition at "checks.failed in (1"; write it in '
            "single quotes: 'checks.failed in (1, 2)'",
            id="comma",
        ),
        pytest.param(
            'when: [labels.a == "x, y"]',
            '1:8 when: YAML cuts this condition at "labels.a == "x"; write it in single '
            "quotes: 'labels.a == \"x, y\"'",
            id="comma in quotes",
        ),
        pytest.param(
            "when:\n  - labels.a == #12",
            '2:5 when: YAML cuts this condition at "labels.a =="; write it in single '
            "quotes: 'labels.a == \"#12\"'",
            id="number sign",
        ),
        pytest.param(
            "when:\n  - labels.a == x: y",
            "2:5 when: YAML takes this condition for a mapping; write it in single quotes: "
            "'labels.a == \"x: y\"'",
            id="colon",
        ),
        pytest.param(
            "when: [labels.a == x: y]",
            "1:8 when: YAML takes this condition for a mapping; write it in single quotes: "
            "'labels.a == \"x: y\"'",
            id="colon in a flow list",
        ),
        pytest.param(
            "when: checks.failed == 0",
            '1:7 when: found "checks.failed == 0", allowed is a list of conditions: '
            "['checks.failed == 0']",
            id="no list",
        ),
        pytest.param(
            "when: []",
            "1:7 when: found an empty list, allowed is at least one condition",
            id="empty list",
        ),
        pytest.param(
            "when: [{any_of: []}]",
            "1:17 any_of: found an empty list, allowed is at least one condition",
            id="empty group",
        ),
        pytest.param(
            "when:", "1:6 when: found nothing, allowed is a list of conditions", id="nothing"
        ),
        pytest.param(
            "when: [true]",
            "1:8 when: found true, allowed is a condition such as 'checks.failed == 0'",
            id="a boolean",
        ),
        pytest.param(
            "when: [[author.known]]",
            "1:8 when: found a list where a condition stands; nest with all_of:, or write "
            "'[author.known]'",
            id="a list in a list",
        ),
        pytest.param(
            "when: [{anyof: [author.known]}]",
            "1:8 when: found a mapping with anyof, allowed is one of any_of, all_of, none_of",
            id="a misspelt group",
        ),
        pytest.param(
            "when: [{any_of: [author.known], all_of: [author.known]}]",
            "1:8 when: found a mapping with any_of, all_of, allowed is one of any_of, "
            "all_of, none_of",
            id="two groups in one",
        ),
        pytest.param(
            "when: [author.knwon]",
            "1:8 when: author.knwon is no fact; did you mean author.known?",
            id="unknown fact",
        ),
    ],
)
def test_what_is_no_clause_is_refused_once(text: str, fault: str) -> None:
    assert faults_of(text) == [fault]


def test_a_remark_behind_a_whole_condition_is_a_remark() -> None:
    assert (
        read_when("when:\n  - checks.failed == 0 # none may fail\n").clause.text
        == "checks.failed == 0"
    )


def test_every_fault_of_a_list_is_found() -> None:
    assert faults_of("when: [a.b, author.known, c.d]")[0].startswith("1:8 when: a.b is no fact")
    assert faults_of("when: [a.b, author.known, c.d]")[1].startswith("1:27 when: c.d is no fact")


def test_a_flood_of_faults_ends_the_reading() -> None:
    assert len(faults_of(f"when: [{', '.join('no.fact' for _ in range(10_000))}]")) == FAULTS_MAX


@pytest.mark.parametrize("depth", [NESTING_MAX, NESTING_MAX + 1])
def test_groups_nest_to_a_limit(depth: int) -> None:
    text = "when: [" + "{any_of: [" * depth + "author.known" + "]}" * depth + "]"
    if depth <= NESTING_MAX:
        assert read_when(text).clause.conditions == 1
    else:
        assert faults_of(text)[0].endswith(
            f"when: found groups nested {depth} deep, allowed are {NESTING_MAX}"
        )


@pytest.mark.parametrize("count", [CONDITIONS_MAX, CONDITIONS_MAX + 1])
def test_a_clause_has_a_limit_of_conditions(count: int) -> None:
    text = f"when: [{', '.join(f'diff.commits != {number}' for number in range(count))}]"
    if count <= CONDITIONS_MAX:
        assert read_when(text).clause.conditions == count
    else:
        assert faults_of(text) == [
            f"1:7 when: found {count} conditions, allowed are {CONDITIONS_MAX}"
        ]


@pytest.mark.parametrize(
    ("condition", "limit"),
    [
        ('any diff.files matches "a"', LIST_CONDITIONS_MAX),
        ("labels.a matches /a/", EXPRESSIONS_MAX),
    ],
)
def test_costly_conditions_are_counted_over_the_whole_file(condition: str, limit: int) -> None:
    faults, costs = Faults(), Costs()
    fields = Fields(read(f"when: [{json.dumps(condition)}]", "f.yaml"), faults, "it")
    for _ in range(limit):
        read_clause(fields, "when", costs, helps=True)
    assert faults.found == []

    read_clause(fields, "when", costs, helps=True)
    assert f"found more than {limit}" in faults.found[0].detail


ANSWERS = {True: "author.known", False: "not author.known", None: "diff.reverts"}
KNOWN: dict[str, Value] = {"author.known": True}


@pytest.mark.parametrize(("one", "other"), list(product(ANSWERS, repeat=2)))
def test_conditions_combine_by_kleenes_logic(one: bool | None, other: bool | None) -> None:  # noqa: FBT001 - all pairs of answers
    both = f"[{ANSWERS[one]}, {ANSWERS[other]}]"
    answers = {one, other}
    anything = True if True in answers else None if None in answers else False
    everything = False if False in answers else None if None in answers else True

    assert read_when(f"when: {both}").clause.check(KNOWN) is everything
    assert read_when(f"when: [{{all_of: {both}}}]").clause.check(KNOWN) is everything
    assert read_when(f"when: [{{any_of: {both}}}]").clause.check(KNOWN) is anything
    assert read_when(f"when: {{none_of: {both}}}").clause.check(KNOWN) is (
        None if anything is None else not anything
    )


def test_none_of_swaps_where_knowledge_may_be_asked_for() -> None:
    assert (
        read_when("when: [none_of: [service.tier is unknown]]").clause.check({"service.tier": 1})
        is True
    )
    assert (
        "where holding hurts the change" in faults_of("when: [none_of: [service.tier is known]]")[0]
    )
    assert (
        read_when("when: [none_of: [none_of: [service.tier is known]]]").clause.check({}) is False
    )


def test_a_clause_knows_its_words_facts_and_exact_values() -> None:
    found = read_when(
        "when: [environment.tier == production, {any_of: [service.tier == 1, "
        "service.known]}, service.known]",
        helps=None,
    )

    assert (
        found.clause.text
        == "environment.tier == production and any of (service.tier == 1; service.known) and "
        "service.known"
    )
    assert found.clause.facts == ("environment.tier", "service.tier", "service.known")
    assert found.clause.conditions == 4
    assert found.equal == {"environment.tier": "production", "service.known": True}


def test_two_exact_values_of_one_fact_are_noticed() -> None:
    assert read_when(
        "when: [environment.name == a, environment.name == b]", helps=None
    ).contradiction == ("environment.name cannot be a and b at once")


@given(clauses(helps=True), FACTS, st.data())
def test_what_is_certain_stays_so_when_more_is_known(
    entries: list[object], facts: Facts, data: st.DataObject
) -> None:
    """Kleene's law, for clauses that do not ask what is known."""
    text = json.dumps(entries)
    if " is known" in text or " is unknown" in text:
        return
    check = read_when(f"when: {text}").clause.check
    hidden = data.draw(st.sets(st.sampled_from(sorted(facts)))) if facts else set()
    answer = check(_values({name: fact for name, fact in facts.items() if name not in hidden}))

    assert answer is None or answer is check(_values(facts))


def _values(facts: dict[str, Fact] | Facts) -> dict[str, Value]:
    return {name: fact.value for name, fact in facts.items()}
