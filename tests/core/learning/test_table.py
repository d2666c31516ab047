"""A table of changes becomes facts, and what is no fact is refused with file and line."""

import pytest

from gate.core.learning.map import read_map
from gate.core.learning.table import Row, read_rows
from gate.errors import Invalid

MAP = read_map(
    "la: diff.lines_added\n"
    "age: {fact: diff.days_since_touched, scale: 0.5}\n"
    "ent: diff.entropy\n"
    "fix: change.fixes_defect\n"
    "way: change.direction\n",
    "map.yaml",
)
FACTS = frozenset(one.fact.name for one in MAP.columns)
HEADER = "id,la,age,ent,fix,way"


def rows(*lines: str, keep: tuple[str, ...] = (), header: str = HEADER) -> list[Row]:
    table = [f"{line}\n" for line in (header, *lines)]
    return list(read_rows(table, "changes.csv", MAP, facts=FACTS, keep=keep))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        pytest.param("1,x,,,,", "la: found x, allowed is a number from 0 to", id="no number"),
        pytest.param("1,-1,,,,", "la: found -1, allowed is a number from 0 to", id="below nothing"),
        pytest.param("1,nan,,,,", "la: found nan, allowed is a number", id="not a number"),
        pytest.param("1,1e999999,,,,", "la: found 1e999999, allowed is a number", id="endless"),
        pytest.param("1,,9e999999,,,", "age: found 9e999999, allowed is", id="endless, scaled"),
        pytest.param(f"1,{'9' * 41},,,,", "la: found 999", id="longer than any number"),
        pytest.param("1,,,,yes,", "fix: found yes, allowed is 1, 0, true or false", id="boolean"),
        pytest.param(
            "1,,,,,rolback",
            "way: found rolback, allowed is forward or rollback or redeploy; did you mean rollback?",
            id="another word",
        ),
        pytest.param("1,2", "found 2 cells, the header has 6", id="cells are missing"),
        pytest.param('1,"2', "found no row of a CSV file", id="a quote that never ends"),
    ],
)
def test_a_cell_that_is_no_value_is_refused_with_its_line(line: str, fault: str) -> None:
    with pytest.raises(Invalid) as refused:
        rows("1,5,,,,", line)

    assert refused.value.detail.startswith(f"changes.csv:3: {fault}")


def test_every_column_that_is_not_there_is_named_with_what_there_is() -> None:
    with pytest.raises(Invalid) as refused:
        rows(header="id,LA,age,ent,fix,way,age", keep=("idd",))

    there = "changes.csv has no such column, allowed are id, LA, age, ent, fix, way, age"
    assert [f"{one.where}: {one.detail}" for one in refused.value.faults] == [
        f"map.yaml:1:1: la: {there}",
        f"changes.csv:1: idd: {there}; did you mean id?",
        "changes.csv:1: found the column age twice; rename one of them",
    ]


def test_an_empty_file_is_no_table() -> None:
    with pytest.raises(Invalid, match=r"changes.csv:1: found an empty file"):
        list(read_rows([], "changes.csv", MAP, facts=FACTS))


@pytest.mark.parametrize(
    ("line", "values"),
    [
        pytest.param("1,,,,,", {}, id="nothing is known"),
        pytest.param("1, ,,,,", {}, id="a space is nothing"),
        pytest.param("1,7,,,,", {"diff.lines_added": 7}, id="a whole number"),
        pytest.param("1,7.9,,,,", {"diff.lines_added": 7}, id="rounded down"),
        pytest.param("1,,7,,,", {"diff.days_since_touched": 3}, id="scaled, then rounded down"),
        pytest.param("1,,,1.23456,,", {"diff.entropy": 12_346}, id="four places"),
        pytest.param("1,,,,1.0,", {"change.fixes_defect": True}, id="as other tools write true"),
        pytest.param("1,,,,False,", {"change.fixes_defect": False}, id="false in capitals"),
        pytest.param("1,,,,,rollback", {"change.direction": "rollback"}, id="a word"),
    ],
)
def test_a_cell_is_the_value_that_the_gate_would_make(line: str, values: object) -> None:
    (row,) = rows(line)

    assert row.values == values


def test_only_the_facts_that_are_asked_for_are_read_and_cells_are_kept_as_they_are() -> None:
    asked = frozenset({"diff.lines_added"})

    found = list(
        read_rows(
            [f"{HEADER}\n", "\n", 'a,3,?,?,?,"b\n', 'c"\n', "d,4,?,?,?,e\n"],
            "changes.csv",
            MAP,
            facts=asked,
            keep=("way", "id"),
        )
    )

    assert found == [
        Row(4, {"diff.lines_added": 3}, ("b\nc", "a")),
        Row(5, {"diff.lines_added": 4}, ("e", "d")),
    ]
