"""What the log is searched by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.storage.changes.words import TEXT_LENGTH_MAX, WORD_LENGTH_MAX, WORDS_MAX, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("... --- !", [], id="no letters, no words"),
        pytest.param(
            "Fix: the_rounding in src/pay.py (v2)",
            ["fix", "the", "rounding", "in", "src", "pay", "py", "v2"],
            id="runs",
        ),
        pytest.param("Zürich ZÜRICH", ["zürich"], id="case is ignored beyond ASCII"),
        pytest.param("a b a", ["a", "b"], id="each once"),
        pytest.param("x" * (WORD_LENGTH_MAX + 1), ["x" * WORD_LENGTH_MAX], id="long runs are cut"),
        pytest.param(
            "a" + " " * TEXT_LENGTH_MAX + "b", ["a"], id="the end of a huge text is not looked at"
        ),
    ],
)
def test_words_are_runs_of_letters_and_digits(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_there_are_never_too_many() -> None:
    assert len(words(" ".join(map(str, range(WORDS_MAX + 5))))) == WORDS_MAX


@given(st.text())
def test_words_of_words_are_the_same_words(text: str) -> None:
    found = words(text)

    assert words(" ".join(found)) == found
