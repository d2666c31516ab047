"""Globs and expressions match what they say, in time linear in the text."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.policy.patterns import PATTERN_BYTES_MAX, BadPattern, Pattern, expression, glob

HOSTILE = "a" * 100_000 + "!"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "1 to 500", id="empty"),
        pytest.param("a" * (PATTERN_BYTES_MAX + 1), "501 bytes", id="one byte over the limit"),
        pytest.param("é" * 251, "502 bytes", id="bytes count, not characters"),
        pytest.param("src/a**b", r"found a\*\*b in a glob", id="two stars inside a name"),
        pytest.param("[ab].py", r"found \[ in a glob", id="a class"),
        pytest.param("*.{js,ts}", r"found \{ in a glob", id="alternatives"),
        pytest.param("!docs/**", "found ! in a glob", id="a negation"),
    ],
)
def test_what_is_no_glob_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadPattern, match=said):
        glob(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "1 to 500", id="empty"),
        pytest.param("a" * (PATTERN_BYTES_MAX + 1), "501 bytes", id="one byte over the limit"),
        pytest.param("a(b", "missing", id="open group"),
        pytest.param("(?=a)", "look-around", id="look-ahead"),
        pytest.param(r"(a)\1", "back references", id="back reference"),
        pytest.param("((a{100}){10}){10}", "none of RE2", id="nested repetition"),
        pytest.param(r"(\pL{100})", "too large", id="a program of megabytes"),
        pytest.param("[a-zà-ÿ]{900}", "steps, allowed are", id="a program of many steps"),
    ],
)
def test_what_is_no_expression_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadPattern, match=said):
        expression(text)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("src/a.py", ["src/a.py"], ["src/a.pyc", "a/src/a.py", "src/aXpy", "SRC/a.py"]),
        ("*.py", ["a.py", ".py"], ["src/a.py", "a.pyc"]),
        ("**/*.py", ["a.py", "src/a.py", "src/b/a.py"], ["a.pyc", "src/a"]),
        (
            "**/migrations/**",
            ["migrations/1", "db/migrations/1", "db/migrations/a/1"],
            ["migrations", "db/migrations", "db/migrationsx/1"],
        ),
        ("docs/**", ["docs/a", "docs/a/b"], ["docs", "docs/", "adocs/a", "a/docs/b"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "ab"]),
        ("?.txt", ["a.txt", "é.txt"], ["ab.txt", ".txt", "/.txt"]),
        ("refs/heads/*", ["refs/heads/main"], ["refs/heads/a/b"]),
        ("a+b(c)", ["a+b(c)"], ["aab(c)"]),
    ],
)
def test_a_glob_matches_whole_texts(pattern: str, matching: list[str], others: list[str]) -> None:
    compiled = glob(pattern)

    assert [text for text in matching if not compiled.test(text)] == []
    assert [text for text in others if compiled.test(text)] == []
    assert compiled.first([*others, *matching]) == matching[0]
    assert compiled.first(others) is None
    assert compiled.first([]) is None


def test_a_line_break_in_a_name_hides_nothing_and_invents_nothing() -> None:
    compiled = glob("**/migrations/**")

    assert compiled.first(["a\nmigrations/x", "b"]) is None
    assert compiled.first(["a\nb/migrations/x"]) == "a\nb/migrations/x"
    assert compiled.first(["x\ny", "db/migrations/1"]) == "db/migrations/1"
    assert glob("a*").test("a\nb")


def test_a_lone_surrogate_matches_like_any_other_character() -> None:
    assert glob("a/*").test("a/\ud800")
    assert expression("^a/.$").test("a/\ud800")


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("_pb2?\\.py$", ["a_pb2.py", "x/a_pb.py"], ["a_pb2.pyc", "pb2.py"]),
        ("^src/", ["src/a"], ["a/src/b"]),
        ("(?i)readme", ["README.md"], ["read"]),
        ("a[^b]c", ["a\nc", "axc"], ["abc"]),
        (r"\Aa\z", ["a"], ["ab", "ba"]),
        ("a\\s", ["a b", "a\n"], ["ab", "a"]),
    ],
)
def test_an_expression_is_found_anywhere(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    compiled = expression(pattern)

    assert [text for text in matching if not compiled.test(text)] == []
    assert [text for text in others if compiled.test(text)] == []
    assert compiled.first([*others, *matching]) == matching[0]
    assert compiled.first(others) is None
    assert compiled.first([]) is None


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|a)*b", "(.*a){20}x", "(x+x+)+y"])
def test_a_hostile_text_is_only_read_through(pattern: str) -> None:
    assert not expression(pattern).test(HOSTILE)


def test_a_hostile_glob_is_only_read_through() -> None:
    assert not glob("*a" * 50 + "b").test(HOSTILE)


PATTERNS = st.text(alphabet="ab*?.", min_size=1, max_size=8).filter(lambda text: "**" not in text)


@given(PATTERNS, st.lists(st.text(alphabet="ab.\n", max_size=6), max_size=5))
def test_without_folders_a_glob_is_what_shells_know(pattern: str, names: list[str]) -> None:
    expected = next((name for name in names if fnmatch.fnmatchcase(name, pattern)), None)

    assert glob(pattern).first(names) == expected


@given(
    st.sampled_from(
        [
            "a",
            "^a",
            "b$",
            "^$",
            "a.b",
            "[^a]",
            "a|b",
            "(?:ab)+",
            r"\bab\b",
            r"\W",
            "a*",
            "(?s)a.b",
            r"[^\na]",
            r"\x0a",
        ]
    ),
    st.lists(st.text(alphabet="ab c\n\r", max_size=6), max_size=5),
)
def test_searching_all_items_at_once_finds_what_searching_each_does(
    pattern: str, items: list[str]
) -> None:
    compiled = expression(pattern)

    assert compiled.first(items) == next((item for item in items if compiled.test(item)), None)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        pytest.param(expression(r"^db/.*\.sql$"), "db/a\nb.sql", id="an expression"),
        pytest.param(glob("db/*.sql"), "db/a\nb.sql", id="a glob"),
    ],
)
def test_no_file_hides_behind_a_line_break_in_its_name(pattern: Pattern, path: str) -> None:
    assert pattern.test(path)
    assert pattern.first(("src/a.py", path)) == path
