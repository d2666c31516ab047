"""A condition is typed when it is read, and answers yes, no or unknown."""

import pytest

from gate.core.facts import FACTS, Value
from gate.core.policy.compile import check
from gate.core.policy.constants import fact_number
from gate.core.policy.grammar import BadCondition, parse


def answer(text: str, *, helps: bool = True, **values: Value) -> bool | None:
    """What the condition says; `diff__files` stands for `diff.files`."""
    seen = {name.replace("__", "."): value for name, value in values.items()}
    return check(parse(text), helps=helps).part.check(seen)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "diff.linez > 3",
            "diff.linez is no fact; did you mean diff.lines_added?",
            id="unknown fact",
        ),
        pytest.param(
            "lines_added > 3",
            "lines_added is no fact; did you mean diff.lines_added?",
            id="group left out",
        ),
        pytest.param(
            "title == x", "title is no fact; the facts are listed", id="free text is no fact"
        ),
        pytest.param("labels. == x", "labels. is no fact", id="label without a name"),
        pytest.param(f"labels.{'x' * 65} == y", "labels.xxx", id="label with a long name"),
        pytest.param(
            'checks.failed == "0"',
            'found the text "0", checks.failed is compared with a number',
            id="text for a number",
        ),
        pytest.param(
            "checks.failed == none",
            "found none, checks.failed is compared with a number",
            id="word for a number",
        ),
        pytest.param(
            "checks.failed == true",
            "found true, checks.failed is compared with a number",
            id="boolean for a number",
        ),
        pytest.param(
            "checks.failed > 1.5",
            "found 1.5, checks.failed is compared with a whole number",
            id="decimal for a whole number",
        ),
        pytest.param(
            "diff.entropy > 1.00001",
            "found 1.00001, a decimal has at most 4 places",
            id="five places",
        ),
        pytest.param(
            "checks.failed matches 3",
            "checks.failed is integer, found matches, allowed are",
            id="pattern for a number",
        ),
        pytest.param(
            "checks.failed", "checks.failed is integer, alone it says nothing", id="number alone"
        ),
        pytest.param(
            "author.known > 0",
            "author.known is boolean, found >, allowed are ==, !=",
            id="order of a boolean",
        ),
        pytest.param(
            "author.known == yes", "found yes, author.known is true or false", id="YAML 1.1 boolean"
        ),
        pytest.param(
            'author.known == "true"',
            "found true, author.known is true or false",
            id="quoted boolean",
        ),
        pytest.param(
            "change.ref > a", "change.ref is text, found >, allowed are", id="order of text"
        ),
        pytest.param(
            "diff.files == a",
            "diff.files is a list; write any, all or none before it",
            id="list without quantifier",
        ),
        pytest.param(
            "any change.ref == a",
            "found any before change.ref, which is text; leave any out",
            id="quantifier without list",
        ),
        pytest.param(
            "any diff.files > a", "found >, the items of diff.files are text", id="order of items"
        ),
        pytest.param(
            "change.direction == sideways",
            "change.direction is never sideways, allowed are forward, rollback",
            id="not a choice",
        ),
        pytest.param(
            "change.direction in (forward, rolback)",
            "change.direction is never rolback",
            id="one not a choice",
        ),
        pytest.param(
            "calendar.weekday == friday",
            "calendar.weekday is never friday, allowed are mon",
            id="long weekday",
        ),
        pytest.param("checks.failed in (1, 2, 1)", "found a value twice", id="value twice"),
        pytest.param(
            "diff.lines_added < 0", "diff.lines_added < 0 never holds", id="below the lowest"
        ),
        pytest.param(
            "diff.lines_added >= 0", "diff.lines_added >= 0 always holds", id="at least the lowest"
        ),
        pytest.param(
            "diff.lines_added == -1",
            "found -1, diff.lines_added is never outside 0 to",
            id="negative",
        ),
        pytest.param("calendar.hour > 23", "calendar.hour > 23 never holds", id="over the highest"),
        pytest.param(
            "calendar.hour == 24",
            "found 24, calendar.hour is never outside 0 to 23",
            id="no such hour",
        ),
        pytest.param("service.tier >= 1", "service.tier >= 1 always holds", id="every tier"),
        pytest.param(
            "history.recent_failure_rate > 20",
            "found 20, history.recent_failure_rate is never outside 0 to 1",
            id="percent",
        ),
        pytest.param(
            "history.recent_failure_rate > 1",
            "history.recent_failure_rate > 1 never holds",
            id="more than all",
        ),
        pytest.param(
            "change.direction in (forward, rollback, redeploy)", "always holds", id="every choice"
        ),
        pytest.param('change.direction matches "x*"', "never holds", id="a pattern of no choice"),
        pytest.param(
            'change.direction matches "*"', "always holds", id="a pattern of every choice"
        ),
        pytest.param('change.ref matches "**"', "always holds", id="a pattern of everything"),
        pytest.param('change.ref not matches "**"', "never holds", id="a pattern of nothing"),
        pytest.param('change.ref contains ""', "always holds", id="contains nothing"),
        pytest.param(
            f"labels.team == {'x' * 65}",
            "found a text of 65 characters, labels.team has at most 64",
            id="longer than a label",
        ),
        pytest.param(
            f"change.ref == {'x' * 201}",
            "found a text of 201 characters, change.ref has at most 200",
            id="longer than a text",
        ),
        pytest.param(
            "change.ref matches /a(/", "found a pattern that is none of RE2", id="bad expression"
        ),
        pytest.param('change.ref matches "[a]"', "found [ in a glob", id="bad glob"),
        pytest.param(
            "not checks.failed == 0",
            "found not in front of a comparison",
            id="not before a comparison",
        ),
        pytest.param(
            "any diff.files is known",
            "found any before is known, a whole list is known or unknown",
            id="any of knowledge",
        ),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadCondition) as refused:
        check(parse(text), helps=True)

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "helps", "allowed"),
    [
        ("service.tier is known", True, True),
        ("service.tier is known", False, False),
        ("service.tier is unknown", True, False),
        ("service.tier is unknown", False, True),
        ("not service.tier is known", True, False),
        ("not service.tier is known", False, True),
        ("not service.tier is unknown", True, True),
        ("not service.tier is unknown", False, False),
        ("service.tier is known", None, False),
        ("service.tier is unknown", None, False),
    ],
)
def test_knowledge_may_be_asked_for_only_where_hiding_it_does_not_pay(
    text: str,
    helps: bool | None,  # noqa: FBT001 - a row of the table
    allowed: bool,  # noqa: FBT001 - a row of the table
) -> None:
    if allowed:
        assert check(parse(text), helps=helps)
    else:
        with pytest.raises(
            BadCondition,
            match="which policy applies" if helps is None else "withholding a fact would pay",
        ):
            check(parse(text), helps=helps)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("checks.failed == 2", 2, True),
        ("checks.failed == 2", 3, False),
        ("checks.failed != 2", 3, True),
        ("checks.failed < 2", 1, True),
        ("checks.failed < 2", 2, False),
        ("checks.failed <= 2", 2, True),
        ("checks.failed <= 2", 3, False),
        ("checks.failed > 2", 3, True),
        ("checks.failed > 2", 2, False),
        ("checks.failed >= 2", 2, True),
        ("checks.failed >= 2", 1, False),
        ("checks.failed in (1, 2)", 2, True),
        ("checks.failed not in (1, 2)", 2, False),
        ("checks.coverage_percent >= 81.25", 812_500, True),
        ("checks.coverage_percent >= 81.25", 812_499, False),
        ("history.recent_failure_rate == 0.0001", 1, True),
        ("author.known", True, True),
        ("author.known", False, False),
        ("not author.known", False, True),
        ("author.known == false", False, True),
        ("author.known != true", True, False),
        ("author.known != false", True, True),
        ("change.ref == refs/heads/main", "refs/heads/main", True),
        ("change.ref != refs/heads/main", "refs/heads/main", False),
        ("change.ref in (a, b)", "b", True),
        ("change.ref not in (a, b)", "b", False),
        ('change.ref matches "refs/tags/*"', "refs/tags/v1", True),
        ("change.ref matches /v[0-9]+$/", "refs/tags/v1", True),
        ("change.ref not matches /v[0-9]+$/", "refs/tags/v1", False),
        ("change.ref contains tags", "refs/tags/v1", True),
        ("change.direction != rollback", "forward", True),
        ("labels.team == 30", "30", True),
        ("labels.team == true", "true", True),
        ("service.owners contains team-a", ("team-a", "b"), True),
        ("service.owners contains team", ("team-a", "b"), False),
        ("service.owners contains team", (), False),
    ],
)
def test_a_comparison_answers(text: str, value: Value, expected: bool) -> None:  # noqa: FBT001 - a row of the table
    condition = parse(text)
    checked = check(condition, helps=True)

    assert checked.part.check({condition.fact: value}) is expected
    assert checked.part.check({}) is None


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("any diff.files == a", ("a", "b"), True),
        ("any diff.files == a", ("b",), False),
        ("any diff.files == a", (), False),
        ("all diff.files == a", ("a", "a"), True),
        ("all diff.files == a", ("a", "b"), False),
        ("all diff.files == a", (), False),
        ("none diff.files == a", ("b",), True),
        ("none diff.files == a", ("a", "b"), False),
        ("none diff.files == a", (), True),
        ('any diff.files matches "docs/**"', ("src/a", "docs/a"), True),
        ('all diff.files matches "docs/**"', ("src/a", "docs/a"), False),
        ('all diff.files not matches "docs/**"', ("src/a", "docs/a"), False),
        ('all diff.files not matches "docs/**"', ("src/a",), True),
        ('any diff.files not matches "docs/**"', ("src/a", "docs/a"), True),
        ("none diff.files matches /secret/", ("src/a",), True),
        ("all diff.files contains a", ("src/a", "b"), False),
        ("any diff.files in (a, b)", ("c", "b"), True),
        ("all diff.files not in (a, b)", ("c",), True),
    ],
)
def test_a_list_answers_for_its_items(text: str, value: Value, expected: bool) -> None:  # noqa: FBT001 - a row of the table
    part = check(parse(text), helps=True).part

    assert part.check({"diff.files": value}) is expected
    assert part.check({}) is None


def test_knowledge_is_always_certain() -> None:
    assert answer("service.tier is known", service__tier=1) is True
    assert answer("service.tier is known") is False
    assert answer("service.tier is unknown", helps=False) is True
    assert answer("not service.tier is unknown", service__tier=1) is True


def test_the_item_that_decided_is_known() -> None:
    files: dict[str, Value] = {"diff.files": ("a.md", "b.py", "c.py")}

    assert _example('any diff.files matches "*.py"', files) == "b.py"
    assert _example('all diff.files matches "*.py"', files) == "a.md"
    assert _example('none diff.files matches "*.py"', files) == "b.py"
    assert _example('any diff.files matches "*.js"', files) is None
    assert _example('any diff.files matches "*.js"', {}) is None


def test_the_one_value_a_condition_asks_for_is_known() -> None:
    assert check(parse("environment.tier == production"), helps=None).equal == "production"
    assert check(parse("not service.known"), helps=None).equal is False
    assert check(parse("environment.tier != production"), helps=None).equal is None


def test_a_decimal_constant_is_ten_thousandths() -> None:
    entropy = FACTS["diff.entropy"]

    assert [fact_number(entropy, text) for text in ("2", "0.5", "1.2500", "1.25000")] == [
        20_000,
        5_000,
        12_500,
        12_500,
    ]


def _example(text: str, values: dict[str, Value]) -> str | None:
    example = check(parse(text), helps=True).part.example
    assert example is not None
    return example(values)
