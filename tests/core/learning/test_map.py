"""A map of columns is read strictly: what it does not plainly say is refused with its place."""

from decimal import Decimal

import pytest

from gate.core.learning.map import read_map
from gate.errors import Invalid


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            "la: diff.linez_added",
            "map.yaml:1:5: la: found diff.linez_added, allowed is the name of a fact, or order, at, "
            "known_at; "
            "did you mean diff.lines_added?",
            id="no fact",
        ),
        pytest.param(
            "paths: diff.files",
            "map.yaml:1:8: paths: found diff.files, which is a list, allowed are facts with one value",
            id="a list",
        ),
        pytest.param(
            "la: 7",
            "map.yaml:1:5: la: found 7, allowed is the name of a fact, order, at, "
            "known_at, or {fact: NAME, "
            "scale: NUMBER}",
            id="a number",
        ),
        pytest.param(
            "age: {fact: diff.days_since_touched, scale: 0}",
            "map.yaml:1:45: scale: found 0, allowed is a number over 0 of at most 12 digits",
            id="nothing is left of it",
        ),
        pytest.param(
            "fix: {fact: change.fixes_defect, scale: 2}",
            "map.yaml:1:41: scale: change.fixes_defect is boolean, allowed for numbers only",
            id="no number to scale",
        ),
        pytest.param(
            "age: {scale: 2}",
            "map.yaml:1:6: the column age: found no fact, it is required",
            id="only a scale",
        ),
        pytest.param(
            "age: {fact: diff.days_since_touched, scal: 2}",
            "map.yaml:1:38: the column age: found the key scal, allowed are fact, scale; did you "
            "mean scale?",
            id="another key",
        ),
        pytest.param(
            "a: diff.commits\nb: diff.commits",
            "map.yaml:2:1: b: diff.commits is the column a already; keep one of them",
            id="one fact twice",
        ),
        pytest.param(
            "a: order\nb: order",
            "map.yaml:2:1: found order twice, first for the column a",
            id="two orders",
        ),
        pytest.param(
            "a: known_at",
            "map.yaml:1:1: found known_at without at: nobody can say what was known when a change "
            "was made",
            id="known at without at",
        ),
        pytest.param(
            "[la]", "map.yaml:1:1: the map: found a list, allowed is a mapping", id="list"
        ),
        pytest.param(
            "{}", "map.yaml:1:1: the map: found 0 columns, allowed are 1 to 200", id="empty"
        ),
    ],
)
def test_a_map_that_is_none_is_refused_with_its_place(text: str, fault: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_map(text, "map.yaml")

    assert [f"{one.where}: {one.detail}" for one in refused.value.faults] == [fault]


def test_a_map_names_facts_a_scale_and_an_order() -> None:
    found = read_map(
        "la: diff.lines_added\nage: {fact: diff.days_since_touched, scale: 0.5}\nseq: order\n"
        "team: labels.team\n",
        "map.yaml",
    )

    assert [(one.column, one.fact.name, one.scale) for one in found.columns] == [
        ("la", "diff.lines_added", None),
        ("age", "diff.days_since_touched", Decimal("0.5")),
        ("team", "labels.team", None),
    ]
    assert found.order == "seq"
