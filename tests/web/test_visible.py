"""Text as it is: nothing hides, nothing turns round, and two alphabets in one name are seen."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.web.visible import scripts, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("main\u202ecod", "main⟨U+202E⟩cod", id="turns the reading round"),
        pytest.param("\u2066a\u2069", "⟨U+2066⟩a⟨U+2069⟩", id="isolates"),
        pytest.param("a\u200bb", "a⟨U+200B⟩b", id="has no width"),
        pytest.param("a\u00adb", "a⟨U+00AD⟩b", id="a hyphen that is not there"),
        pytest.param("a\x1b[31m", "a⟨U+001B⟩[31m", id="acts on a terminal"),
        pytest.param("a\u2028b", "a⟨U+2028⟩b", id="another line end"),
        pytest.param("a\u3164b", "a⟨U+3164⟩b", id="a letter without a trace"),
        pytest.param("line\n\tnext", "line\n\tnext", id="line ends and tabs stay"),
        pytest.param("Grüße, 世界 👍", "Grüße, 世界 👍", id="honest text stays"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a35_what_hides_is_shown_by_its_number(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_a35_no_invisible_character_is_ever_left(text: str) -> None:
    left = [
        char
        for char in visible(text)
        if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} and char not in "\n\t"
    ]

    assert left == []


@pytest.mark.parametrize(
    ("name", "mixed"),
    [
        pytest.param("main", (), id="one alphabet"),
        pytest.param("m\u0430in", ("Cyrillic", "Latin"), id="a Cyrillic letter in a Latin word"),
        pytest.param("релиз", (), id="one other alphabet"),
        pytest.param("αβγ-abc", ("Greek", "Latin"), id="Greek and Latin"),
        pytest.param("日本語 release", (), id="Japanese texts mix with Latin ones every day"),
    ],
)
def test_a35_two_alphabets_in_one_name_are_told(name: str, mixed: tuple[str, ...]) -> None:
    assert scripts(name) == mixed
