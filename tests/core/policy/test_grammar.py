"""A line is one condition, or the reader says what is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.policy.grammar import (
    CHOICES_MAX,
    CONDITION_LENGTH_MAX,
    BadCondition,
    Condition,
    Op,
    Word,
    parse,
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "found nothing, a condition begins with a fact", id="empty"),
        pytest.param("== 3", "found ==, a condition begins with a fact", id="no fact"),
        pytest.param("a.b = 3", "found =, allowed is ==", id="one equals sign"),
        pytest.param("a.b ==", "found nothing after ==, allowed is a value", id="no value"),
        pytest.param(
            "a.b 3", "found 3 where an operator stands, allowed are is known", id="no operator"
        ),
        pytest.param("a.b > 3 4", "found 4 after the condition", id="too much"),
        pytest.param(
            "a.b > 3 and c.d", "found and after the condition; one line is one condition", id="and"
        ),
        pytest.param(
            "a.b and c.d", "found and, one line is one condition", id="and after a bare fact"
        ),
        pytest.param(
            "a.b > 3 || c.d",
            "found | | c.d, allowed are words".replace("| |", "||"),
            id="or in symbols",
        ),
        pytest.param("a.b is 3", "found is 3, allowed are is known, is unknown", id="is"),
        pytest.param("a.b not 3", "found not 3, allowed are is known", id="not"),
        pytest.param(
            "a.b in 3",
            "found 3 after in, allowed is a list in parentheses: in (a, b)",
            id="in without parentheses",
        ),
        pytest.param("a.b in (3", "found the end after in", id="open list"),
        pytest.param("a.b in (3,)", r"found ) after in, allowed is a value", id="list with a hole"),
        pytest.param("a.b in ()", r"found ) after in, allowed is a value", id="empty list"),
        pytest.param(
            "a.b in [3, 4]",
            "found [3, 4], a list of values is written as in (a, b)",
            id="square brackets",
        ),
        pytest.param("a.b matches *.py", "found *.py, allowed are words", id="glob without quotes"),
        pytest.param(
            "a.b matches /x",
            "found /x, an expression ends with / at the end of the line",
            id="open expression",
        ),
        pytest.param(
            "a.b matches //", "found //, an expression ends with /", id="empty expression"
        ),
        pytest.param('a.b == "x', 'found "x, a text ends with a double quote', id="open text"),
        pytest.param(r'a.b == "a\d"', "found", id="another escape"),
        pytest.param("a.b == 'x'", "found 'x', allowed are words", id="single quotes"),
        pytest.param("a.b\nc.d", r"found a.b\nc.d, a condition is one line", id="two lines"),
        pytest.param(
            "a.b == \x1b[31m",
            r"found a.b == \x1b[31m, a condition is one line",
            id="escape sequence",
        ),
        pytest.param(
            "not any a.b == 1", "found a.b where an operator stands", id="not before a quantifier"
        ),
        pytest.param(
            "a" * (CONDITION_LENGTH_MAX + 1),
            f"found {CONDITION_LENGTH_MAX + 1} characters",
            id="too long",
        ),
        pytest.param(
            f"a.b in ({', '.join('x' for _ in range(CHOICES_MAX + 1))})",
            f"found {CHOICES_MAX + 1} values",
            id="too many values",
        ),
    ],
)
def test_what_is_no_condition_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadCondition) as refused:
        parse(text)

    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("a.b", Condition("a.b", "a.b", Op.HOLDS)),
        ("not a.b", Condition("not a.b", "a.b", Op.HOLDS, negated=True)),
        ("a.b is known", Condition("a.b is known", "a.b", Op.KNOWN)),
        ("not a.b is unknown", Condition("not a.b is unknown", "a.b", Op.UNKNOWN, negated=True)),
        ("a.b>=3", Condition("a.b>=3", "a.b", Op.AT_LEAST, (Word("3"),))),
        ("  a.b != -1.5 ", Condition("a.b != -1.5", "a.b", Op.UNEQUAL, (Word("-1.5"),))),
        (
            'a.b == "x # \\" y"',
            Condition('a.b == "x # \\" y"', "a.b", Op.EQUAL, (Word('x # " y', quoted=True),)),
        ),
        (
            'a.b in (x, "y, z")',
            Condition('a.b in (x, "y, z")', "a.b", Op.IN, (Word("x"), Word("y, z", quoted=True))),
        ),
        ("a.b not in (x)", Condition("a.b not in (x)", "a.b", Op.NOT_IN, (Word("x"),))),
        (
            "a.b matches /a, (b) #/",
            Condition(
                "a.b matches /a, (b) #/", "a.b", Op.MATCHES, (Word("a, (b) #", expression=True),)
            ),
        ),
        (
            "a.b not matches x/y",
            Condition("a.b not matches x/y", "a.b", Op.NOT_MATCHES, (Word("x/y"),)),
        ),
        (
            "any a.b contains x",
            Condition("any a.b contains x", "a.b", Op.CONTAINS, (Word("x"),), "any"),
        ),
        (
            'none a.b matches "**"',
            Condition(
                'none a.b matches "**"', "a.b", Op.MATCHES, (Word("**", quoted=True),), "none"
            ),
        ),
        (
            "labels.known == in",
            Condition("labels.known == in", "labels.known", Op.EQUAL, (Word("in"),)),
        ),
    ],
)
def test_a_condition_is_taken_apart(text: str, condition: Condition) -> None:
    assert parse(text) == condition


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(
                ["any", "not", "a.b", "==", "in", "(", ",", ")", "/x/", '"y"', "is", "known"]
            )
        ).map(" ".join),
    )
)
def test_no_text_raises_anything_but_bad_condition(text: str) -> None:
    try:
        condition = parse(text)
    except BadCondition:
        return
    assert condition.fact
