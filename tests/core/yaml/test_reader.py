"""A file is read as it was plainly meant, or refused with the place and the way out."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.yaml.reader import (
    FILE_BYTES_MAX,
    LEVELS_MAX,
    NODES_MAX,
    Mapping,
    Scalar,
    plain,
    read,
)
from gate.errors import Invalid

DOUBLING_ALIASES = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
DOUBLING_MERGES = "- &a {x: 1}\n" + "".join(
    f"- &a{number} {{<<: [*a, *a, *a]}}\n" for number in range(30)
)


@pytest.mark.parametrize(
    ("text", "where", "found"),
    [
        pytest.param("", "f.yaml:1:1", "found an empty file", id="nothing"),
        pytest.param(
            "# only a comment\n", "f.yaml:1:1", "found an empty file", id="only a comment"
        ),
        pytest.param("---\n", "f.yaml:1:1", "found an empty document", id="only a marker"),
        pytest.param("~", "f.yaml:1:1", "found an empty document", id="only null"),
        pytest.param(
            "a: 1\nb: 2\na: 3\n",
            "f.yaml:3:1",
            'found the key "a" twice, first in line 1',
            id="duplicate key",
        ),
        pytest.param(
            "a: 1\n'a': 3\n", "f.yaml:2:1", 'found the key "a" twice', id="duplicate key in quotes"
        ),
        pytest.param("a: &x 1\n", "f.yaml:1:4", "found the anchor &x", id="anchor"),
        pytest.param("- *x\n", "f.yaml:1:3", "found the alias *x", id="alias"),
        pytest.param(DOUBLING_ALIASES, "f.yaml:1:4", "found the anchor &a", id="alias bomb"),
        pytest.param(DOUBLING_MERGES, "f.yaml:1:3", "found the anchor &a", id="merge bomb"),
        pytest.param("<<: {a: 1}\n", "f.yaml:1:1", "found a merge key", id="merge key"),
        pytest.param("a: !!str 1\n", "f.yaml:1:4", "found the tag", id="tag"),
        pytest.param(
            "a: !!python/object/apply:os.system [ls]\n",
            "f.yaml:1:4",
            "found the tag",
            id="a tag that would run something",
        ),
        pytest.param("a: ! 1\n", "f.yaml:1:4", "found the tag", id="bare tag"),
        pytest.param(
            "a: 1\n---\nb: 2\n", "f.yaml:2:1", "found a second document", id="second document"
        ),
        pytest.param(
            "a: 1\n---\n", "f.yaml:2:1", "found a second document", id="empty second document"
        ),
        pytest.param("%YAML 1.1\n---\na: 1\n", "f.yaml:1:1", "found a directive", id="directive"),
        pytest.param(
            "1: a\n",
            "f.yaml:1:1",
            "found the key 1, allowed is text; write it in quotes if it is meant as text: '1'",
            id="number key",
        ),
        pytest.param(
            "true: a\n", "f.yaml:1:1", "found the key true, allowed is text", id="boolean key"
        ),
        pytest.param("~: a", "f.yaml:1:1", "found the key nothing, allowed is text", id="no key"),
        pytest.param(
            "? [a]\n: b\n", "f.yaml:1:3", "found the key a list, allowed is text", id="list as key"
        ),
        pytest.param(
            "a: .nan\n", "f.yaml:1:4", "found .nan, allowed is a number", id="not a number"
        ),
        pytest.param("a: -.inf\n", "f.yaml:1:4", "found -.inf, allowed is a number", id="infinity"),
        pytest.param(
            "a: 1e19\n",
            "f.yaml:1:4",
            "found 1e19",
            id="an exponent that would fill the memory",
        ),
        pytest.param(f"a: {'9' * 33}\n", "f.yaml:1:4", "found 999", id="a number longer than any"),
        pytest.param("a: b: c\n", "f.yaml:1:5", "found no valid YAML", id="two colons"),
        pytest.param("a: [b\n", "f.yaml:2:1", "found no valid YAML", id="open list"),
        pytest.param("a:\n\t- b\n", "f.yaml:2:1", "found no valid YAML", id="tab"),
        pytest.param("a\0b", "f.yaml:1:1", "found no valid YAML", id="control character"),
    ],
)
def test_what_was_not_plainly_written_is_refused(text: str, where: str, found: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(text, "f.yaml")

    (fault,) = refused.value.faults
    assert fault.where == where
    assert fault.detail.startswith(found)
    assert refused.value.detail == f"{where}: {fault.detail}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(b"a: \xff\n", "found bytes that are not UTF-8", id="not UTF-8"),
        pytest.param("a: 1\n".encode("utf-16"), "found bytes that are not UTF-8", id="UTF-16"),
        pytest.param("a: \ud800\n", "found bytes that are not UTF-8", id="lone surrogate"),
        pytest.param(
            "#" * (FILE_BYTES_MAX + 1),
            f"found {FILE_BYTES_MAX + 1} bytes",
            id="one byte over the limit",
        ),
        pytest.param(
            "[" * (LEVELS_MAX + 1),
            f"found more than {LEVELS_MAX} levels",
            id="one level over the limit",
        ),
        pytest.param(
            "{a: " * (LEVELS_MAX + 1),
            f"found more than {LEVELS_MAX} levels",
            id="one level of mappings over the limit",
        ),
        pytest.param(
            "- x\n" * NODES_MAX,
            f"found more than {NODES_MAX} values",
            id="one value over the limit",
        ),
    ],
)
def test_what_is_over_a_limit_is_refused(text: str | bytes, found: str) -> None:
    with pytest.raises(Invalid, match=found):
        read(text, "f.yaml")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{'#' * (FILE_BYTES_MAX - 2)}\na", id="bytes"),
        pytest.param("[" * LEVELS_MAX + "]" * LEVELS_MAX, id="levels"),
        pytest.param("- x\n" * (NODES_MAX - 1), id="values"),
    ],
)
def test_what_is_at_a_limit_is_read(text: str) -> None:
    assert read(text, "f.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("off", "off"),
        ("Yes", "Yes"),
        ("22:30", "22:30"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("2026-12-20", "2026-12-20"),
        ("=", "="),
        ("'5'", "5"),
        ('"true"', "true"),
        ("''", ""),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("010", 10),
        ("-7", -7),
        ("0o17", 15),
        ("0x1F", 31),
        ("3.5", Decimal("3.5")),
        (".5", Decimal("0.5")),
        ("1e3", Decimal(1000)),
        ("0.1.2", "0.1.2"),
        ("+", "+"),
    ],
)
def test_the_core_schema_of_yaml_1_2_decides_what_a_value_is(text: str, value: object) -> None:
    assert _only_value(f"a: {text}") == value


def test_a_quoted_value_is_known_as_quoted() -> None:
    node = read("[a, 'a']", "f.yaml")

    assert [item.quoted for item in _items(node)] == [False, True]


def test_a_byte_order_mark_does_not_move_columns() -> None:
    with pytest.raises(Invalid, match=r"f\.yaml:1:4: found the alias"):
        read("\ufeffa: *x", "f.yaml")


def test_columns_count_characters_not_bytes() -> None:
    with pytest.raises(Invalid, match=r"f\.yaml:2:5: found the alias"):
        read("é: 1\nüß: *x", "f.yaml")


def test_numbers_are_keys_only_where_the_caller_says_so() -> None:
    node = read("steps: {10: 8, 0.5: 1}", "f.yaml", number_keys=frozenset({"steps"}))

    assert plain(node) == {"steps": {"10": 8, "0.5": 1}}
    with pytest.raises(Invalid, match="found the key 1, allowed is text"):
        read("other: {1: 8}", "f.yaml", number_keys=frozenset({"steps"}))
    with pytest.raises(Invalid, match=r"found the key 1\.0 twice"):
        read("steps: {1: 8, 1.0: 9}", "f.yaml", number_keys=frozenset({"steps"}))


def test_a_bent_line_is_shown_as_it_should_be_written() -> None:
    with pytest.raises(Invalid, match=r"write it in single quotes: 'labels\.x == a: b: c'"):
        read("when:\n  - labels.x == a: b: c\n", "f.yaml")
    with pytest.raises(Invalid, match=r"write it in single quotes: 'labels.x == \[a\]'"):
        read("when: [labels.x == [a]]\n", "f.yaml")


def test_a_node_knows_the_characters_it_was_written_with() -> None:
    node = read("a: [b,   'c']", "f.yaml")
    assert isinstance(node, Mapping)

    assert node.get("a") is not None
    assert [value.place.raw for _, value in node.entries] == ["[b,   'c']"]
    assert node.get("b") is None


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200),
        st.text(alphabet="ab:-?[]{}&*!|>'\"#%@,.~ \n\t<0x1e", max_size=60),
    )
)
def test_no_input_raises_anything_but_invalid(text: str | bytes) -> None:
    with suppress(Invalid):
        read(text, "f.yaml")


def _only_value(text: str) -> Any:
    node = read(text, "f.yaml")
    assert isinstance(node, Mapping)
    value = node.entries[0][1]
    assert isinstance(value, Scalar)
    return value.value


def _items(node: Any) -> list[Scalar]:
    return list(node.items)
