"""One reading of a mapping finds every fault in it."""

import pytest

from gate.core.yaml.fields import FAULTS_MAX, Faults, Fields, did_you_mean
from gate.core.yaml.reader import read
from gate.errors import Fault, Invalid


def make_fields(text: str) -> Fields:
    return Fields(read(text, "f.yaml"), Faults(), "the thing")


def faults_of(fields: Fields) -> list[str]:
    return [f"{fault.where}: {fault.detail}" for fault in fields.faults.found]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            "a: ''",
            "f.yaml:1:4: text: found an empty text, allowed is one that says something",
            id="empty",
        ),
        pytest.param(
            "a: 5",
            "f.yaml:1:4: text: found 5, allowed is text; write it in quotes: '5'",
            id="a number",
        ),
        pytest.param(
            "a: true",
            "f.yaml:1:4: text: found true, allowed is text; write it in quotes: 'true'",
            id="a boolean",
        ),
        pytest.param("a: [x]", "f.yaml:1:4: text: found a list, allowed is text", id="a list"),
        pytest.param("a:", "f.yaml:1:3: text: found nothing, allowed is text", id="nothing"),
        pytest.param(
            f"a: {'x' * 201}",
            "f.yaml:1:4: text: found 201 characters, allowed are 200",
            id="too long",
        ),
        pytest.param("b: x", "f.yaml:1:1: the thing: found no text, it is required", id="absent"),
    ],
)
def test_what_is_no_text_is_a_fault(text: str, fault: str) -> None:
    fields = make_fields(text.replace("a:", "text:"))
    fields.text("text")

    assert faults_of(fields) == [fault.replace("1:4:", "1:7:").replace("1:3:", "1:6:")]


def test_every_fault_is_found_in_one_reading() -> None:
    fields = make_fields("number: 11\nflag: no\nword: lwo\nlist: [a, a]\nlasts: 5\nnamee: x")
    fields.integer("number", 1, 10)
    fields.boolean("flag", default=False)
    fields.choice("word", ("low", "high"))
    fields.texts("list")
    fields.duration("lasts")
    fields.text("name", "x")
    fields.done()

    assert faults_of(fields) == [
        "f.yaml:1:9: number: found 11, allowed is a whole number from 1 to 10",
        'f.yaml:2:7: flag: found "no", allowed is true or false',
        'f.yaml:3:7: word: found "lwo", allowed is low or high; did you mean low?',
        "f.yaml:4:11: list: found a twice; keep one of them",
        (
            "f.yaml:5:8: lasts: found 5, allowed is a duration such as 90s, 30m, 24h or 7d, at "
            "most 3650d"
        ),
        (
            "f.yaml:6:1: the thing: found the key namee, allowed are flag, lasts, list, name, "
            "number, word; did you mean name?"
        ),
    ]


def test_defaults_stand_in_for_what_is_absent() -> None:
    fields = make_fields("x: 1")

    assert fields.text("a", "b") == "b"
    assert fields.boolean("a", default=True) is True
    assert fields.choice("a", ("b", "c"), "c") == "c"
    assert fields.texts("a", ("b",)) == ("b",)
    assert fields.duration("a", 60) == 60
    assert fields.fields("a", required=False) is None
    assert list(fields.pairs("a", required=False)) == []
    assert faults_of(fields) == []


def test_a_list_without_a_default_may_not_be_empty() -> None:
    fields = make_fields("a: []")
    fields.texts("a")

    assert faults_of(fields) == [
        "f.yaml:1:4: a: found an empty list, allowed is at least one entry"
    ]


def test_what_is_no_mapping_is_said_once() -> None:
    fields = make_fields("[a]")
    fields.text("name")
    fields.done()

    assert faults_of(fields) == ["f.yaml:1:1: the thing: found a list, allowed is a mapping"]


def test_reading_stops_at_the_limit_of_faults() -> None:
    faults = Faults()
    place = read("a", "f.yaml").place
    for _ in range(FAULTS_MAX - 1):
        faults.add(place, "wrong")
    with pytest.raises(Invalid, match=rf"f\.yaml:1:1: wrong \(and {FAULTS_MAX - 1} more\)"):
        faults.add(place, "wrong")


def test_faults_of_another_error_are_taken_over() -> None:
    faults = Faults()
    faults.take(Invalid("x", faults=[Fault("one", "a"), Fault("two", "b")]))

    with pytest.raises(Invalid) as refused:
        faults.stop()
    assert [fault.detail for fault in refused.value.faults] == ["one", "two"]


def test_nothing_found_is_nothing_raised() -> None:
    Faults().stop()


def test_of_near_words_the_one_that_begins_alike_is_meant() -> None:
    assert (
        did_you_mean("diff.linez", ["diff.files", "diff.lines_added"])
        == "; did you mean diff.lines_added?"
    )
    assert did_you_mean("xyz", ["diff.files"]) == ""
    assert did_you_mean("a" * 65, ["a" * 64]) == ""
